/** Puts completions of a world in place of timers and of waitAsync, while asynchronous code is explored. */
import type { World } from './world.ts';

type Callback = (...rest: unknown[]) => void;

/** The engine's own: runs when all promise reactions have run. */
const realImmediate: (callback: () => void) => void =
  typeof setImmediate === 'function' ? setImmediate : (callback) => void setTimeout(callback, 0);

/** Resolves when nothing is left to do but what comes from outside. */
export function atRest(): Promise<void> {
  return new Promise((resolve) => realImmediate(resolve));
}

const cancel = (handle: { cancel?: () => void } | undefined): void => handle?.cancel?.();

/** Turns the model on; `world` says which execution is running. Returns what turns it off. */
export function patchTimers(world: () => World): () => void {
  const undo: (() => void)[] = [];
  const replace = (target: object, name: string, value: unknown): void => {
    const before = Object.getOwnPropertyDescriptor(target, name);
    if (before === undefined) return;
    Object.defineProperty(target, name, { configurable: true, writable: true, value });
    undo.push(() => void Object.defineProperty(target, name, before));
  };
  const start = (name: string, delayMs: number, fire: () => void): object => {
    const handle = {
      cancel: world().add(name, delayMs, fire),
      ref: () => handle,
      unref: () => handle,
    };
    return handle;
  };
  replace(globalThis, 'setTimeout', (fire: Callback, delayMs = 0, ...rest: unknown[]) =>
    start(`timer, ${delayMs} ms`, delayMs, () => fire(...rest)),
  );
  replace(globalThis, 'setImmediate', (fire: Callback, ...rest: unknown[]) =>
    start('immediate', 0, () => fire(...rest)),
  );
  replace(globalThis, 'setInterval', (fire: Callback, delayMs = 0, ...rest: unknown[]) => {
    const handle = { cancel: (): unknown => undefined, ref: () => handle, unref: () => handle };
    const again = (): void => {
      handle.cancel = world().add(`interval, ${delayMs} ms`, delayMs, () => {
        again();
        fire(...rest);
      });
    };
    again();
    return handle;
  });
  for (const name of ['clearTimeout', 'clearImmediate', 'clearInterval']) {
    replace(globalThis, name, cancel);
  }
  const notify = Atomics.notify;
  replace(Atomics, 'waitAsync', (...args: Parameters<World['waitAsync']>) =>
    world().waitAsync(...args),
  );
  replace(
    Atomics,
    'notify',
    (...args: Parameters<World['notify']>) => world().notify(...args) || notify(...args),
  );
  return () => undo.reverse().forEach((step) => step());
}
