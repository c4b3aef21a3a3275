/** Small primitives for tests: a spin lock, and shorthands. */

export function pause(): void {
  (Atomics as { pause?: () => void }).pause?.();
}

/** A spin lock in one word. */
export function lock(words: Int32Array, at = 0): void {
  while (Atomics.compareExchange(words, at, 0, 1) !== 0) pause();
}

export function unlock(words: Int32Array, at = 0): void {
  Atomics.store(words, at, 0);
}

export const words = (shared: SharedArrayBuffer): Int32Array => new Int32Array(shared);
