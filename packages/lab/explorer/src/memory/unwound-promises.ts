/**
 * Promises that explored code leaves behind. A thread is unwound by an exception; if an asynchronous function is on the way, as in a
 * `finally` block, that leaves a rejected promise which nobody will ever handle, and Node would end the process for it.
 *
 * In Node, V8's promise hooks tell of every promise that is made while a thread runs. Elsewhere an unhandled rejection is a
 * message on the console.
 */

/** Thrown through user code to get out of it. */
export const unwinding: object = Object.freeze({
  message: 'the explorer is unwinding this thread',
});

interface PromiseHooks {
  onInit(hook: (promise: Promise<unknown>) => void): () => void;
}
type BuiltinModules = {
  getBuiltinModule?: (name: string) => { promiseHooks?: PromiseHooks } | undefined;
};

/** Runs code; rejections with {@link unwinding} of promises made meanwhile are taken care of. */
export function withPromisesWatched<T>(code: () => T): T {
  const host = (globalThis as { process?: BuiltinModules }).process;
  const hooks = host?.getBuiltinModule?.('node:v8')?.promiseHooks;
  if (hooks === undefined) return code();
  const made: Promise<unknown>[] = [];
  const stop = hooks.onInit((promise) => made.push(promise));
  try {
    return code();
  } finally {
    stop();
    for (const promise of made) void promise.then(undefined, rethrowOthers);
  }
}

function rethrowOthers(reason: unknown): void {
  if (reason !== unwinding) throw reason;
}
