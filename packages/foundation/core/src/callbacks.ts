/**
 * What every strategy needs to call subscribers: the errors of a callback that misbehaved, and slow paths that
 * are written once for both forms.
 *
 * A slow path is a generator that yields whatever may have to be waited for. `runSteps` awaits each promise,
 * `runStepsSync` refuses them. Fast paths call back directly and come here only when a callback waits.
 */
import { codeOf, NotifierError } from './errors.ts';
import type { MaybePromise, SubscriptionOps } from './notifier.ts';

/** See the file's head. */
export type Steps<T> = Generator<MaybePromise<unknown>, T, unknown>;

/** Runs steps: at once as far as nothing has to be waited for, then with promises. */
export function runSteps<T>(steps: Steps<T>): MaybePromise<T> {
  let step = steps.next();
  while (step.done !== true) {
    if (isPromise(step.value)) return runStepsLater(steps, step.value);
    step = steps.next(step.value);
  }
  return step.value;
}

async function runStepsLater<T>(steps: Steps<T>, first: Promise<unknown>): Promise<T> {
  let pending: MaybePromise<unknown> = first;
  for (;;) {
    let step: IteratorResult<MaybePromise<unknown>, T>;
    try {
      const value = isPromise(pending) ? await pending : pending;
      step = steps.next(value);
    } catch (error) {
      step = steps.throw(error);
    }
    if (step.done === true) return step.value;
    pending = step.value;
  }
}

/** Runs steps of which none may have to wait. @throws NotifierError `MMN_CALLBACK_ASYNC` into them */
export function runStepsSync<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) {
    step = isPromise(step.value) ? steps.throw(callbackAsync(step.value)) : steps.next(step.value);
  }
  return step.value;
}

/** Gives up waiting when the signal, if any, aborts; the work itself goes on. */
export function abortable<T>(work: Promise<T>, signal?: AbortSignal): Promise<T>;
export function abortable<T>(work: MaybePromise<T>, signal?: AbortSignal): MaybePromise<T>;
export function abortable<T>(work: MaybePromise<T>, signal?: AbortSignal): MaybePromise<T> {
  if (signal === undefined || !isPromise(work)) return work;
  if (signal.aborted) {
    Promise.resolve(work).catch(() => {}); // its own failure has nobody to go to
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    void Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Whether a result has to be waited for. By `then` and not by `instanceof`: promises of other realms count too. */
export function isPromise<T>(result: MaybePromise<T>): result is Promise<T> {
  return typeof (result as { then?: unknown } | null | undefined)?.then === 'function';
}

/** A promise, and what settles it. Promise.withResolvers has it since Node.js 22. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T | PromiseLike<T>): void;
  reject(reason: unknown): void;
}

/** Makes a {@link Deferred}. */
export function deferred<T>(): Deferred<T> {
  let resolve!: Deferred<T>['resolve'];
  let reject!: Deferred<T>['reject'];
  const promise = new Promise<T>((resolveIt, rejectIt) => {
    resolve = resolveIt;
    reject = rejectIt;
  });
  return { promise, resolve, reject };
}

/** The error of a section in which a callback threw. Ours about callbacks and dead agents pass as they are. */
export function callbackFailed(reason: unknown): NotifierError {
  const code = codeOf(reason);
  if (code === 'MMN_AGENT_DIED' || code?.startsWith('MMN_CALLBACK') === true) {
    return reason as NotifierError;
  }
  const came = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
  return new NotifierError('MMN_CALLBACK_FAILED', `expected the callback to return, got ${came}`, {
    cause: reason,
  });
}

/** The error of a blockable section in which a callback would not block. */
export function callbackRefused(): NotifierError {
  return new NotifierError(
    'MMN_CALLBACK_REFUSED',
    'expected a callback to wait when it has to, since range.blockable is true, got false',
  );
}

/** The error of a callback that returned a promise where nobody can wait for it. */
export function callbackAsync(result: Promise<unknown>): NotifierError {
  Promise.resolve(result).catch(() => {}); // its own failure has nobody to go to
  return new NotifierError(
    'MMN_CALLBACK_ASYNC',
    'expected a callback of a …Sync call or of a non-blockable section to return at once, got a promise',
  );
}

/** Ops tables of one agent: by registered id in shared memory, as given in one event loop. */
export class OpsRegistry<O extends SubscriptionOps = SubscriptionOps> {
  readonly #tables: (O | undefined)[] = [];

  /** @throws NotifierError `MMN_OPTION` for an id that is not an integer from 0 to 65535 */
  register(id: number, ops: O): void {
    if (!Number.isSafeInteger(id) || id < 0 || id > 0xffff) {
      throw new NotifierError(
        'MMN_OPTION',
        `expected an ops id from 0 to 65535, got ${String(id)}`,
      );
    }
    this.#tables[id] = ops;
  }

  /** The table that `ops` names or is. @throws NotifierError `MMN_OPS_UNKNOWN` */
  resolve(ops: O | number, shared: boolean): O {
    if (typeof ops === 'number') {
      const table = this.#tables[ops];
      if (table !== undefined) return table;
      throw new NotifierError(
        'MMN_OPS_UNKNOWN',
        `expected ops ${ops} to be registered in this agent with registerOps, got none`,
      );
    }
    if (typeof ops?.invalidate !== 'function') {
      throw new NotifierError(
        'MMN_OPS_UNKNOWN',
        `expected ops with an invalidate function, got ${ops === null ? 'null' : typeof ops}`,
      );
    }
    if (shared) {
      throw new NotifierError(
        'MMN_OPS_UNKNOWN',
        'expected the id of registered ops in shared memory, since functions cannot cross agents, got an object',
      );
    }
    return ops;
  }
}
