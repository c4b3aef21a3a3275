/** Threads that wait for one word and look at others meanwhile; parts of memory; what is asked for and never comes. */
import { describe, expect, it } from 'vitest';
import { explore, ExplorerError, part, waitInSlices } from '../src/index.ts';

const words = (shared: SharedArrayBuffer): Int32Array => new Int32Array(shared);
const At = { awaited: 0, posted: 1, answered: 2, lock: 3, seen: 4 } as const;

/** Waits for `awaited`, and answers what is posted meanwhile. */
function server(sleep: typeof waitInSlices): (shared: SharedArrayBuffer) => void {
  return (shared) => {
    const w = words(shared);
    while (Atomics.load(w, At.awaited) === 0) {
      if (Atomics.load(w, At.posted) === 1 && Atomics.load(w, At.answered) === 0) {
        Atomics.store(w, At.answered, 1);
        Atomics.notify(w, At.answered);
      }
      sleep(w, At.awaited, 0);
    }
  };
}

/** Posts, waits for the answer, and only then does what the server waits for. */
function poster(shared: SharedArrayBuffer): void {
  const w = words(shared);
  Atomics.store(w, At.posted, 1);
  while (Atomics.load(w, At.answered) === 0) Atomics.wait(w, At.answered, 0);
  Atomics.store(w, At.awaited, 1);
  Atomics.notify(w, At.awaited);
}

/** Takes a lock for each look. */
function lockAndLook(shared: SharedArrayBuffer): void {
  const w = words(shared);
  for (let isOver = false; !isOver;) {
    while (Atomics.compareExchange(w, At.lock, 0, 1) !== 0);
    isOver = w[At.seen] !== 0;
    Atomics.store(w, At.lock, 0);
    if (!isOver) waitInSlices(w, At.awaited, 0);
  }
}

/** Wakes nobody: only slices find out. */
function teller(shared: SharedArrayBuffer): void {
  const w = words(shared);
  while (Atomics.compareExchange(w, At.lock, 0, 1) !== 0);
  w[At.seen] = 1;
  Atomics.store(w, At.lock, 0);
}

function looker(shared: SharedArrayBuffer): number {
  const w = words(shared);
  for (;;) {
    const value = Atomics.load(w, At.posted);
    if (value !== 0) return value;
    waitInSlices(w, At.awaited, 0);
  }
}

function counter(shared: SharedArrayBuffer): void {
  for (let i = 0; i < 3; i++) Atomics.add(words(shared), At.posted, 1);
}

function ringer(shared: SharedArrayBuffer): void {
  Atomics.store(words(shared), 0, 1);
  Atomics.notify(words(shared), 0);
}

describe('slices', () => {
  it('end when something that was looked at has changed', () => {
    const result = explore({ threads: { server: server(waitInSlices), poster } });
    expect(result).toMatchObject({ verdict: 'ok', status: 'complete' });
  });

  it('are what it takes: who sleeps on one word only is deaf to the other', () => {
    const deaf = server((w, index, expected) => Atomics.wait(w, index, expected));
    expect(explore({ threads: { server: deaf, poster } }).verdict).toMatch(/deadlock|lost-wakeup/);
  });

  it.each(['dpor', 'dfs', 'states'] as const)(
    'have an end in %s, also when each look takes a lock, and nobody comes: that is a deadlock',
    (strategy) => {
      const told = explore({ threads: { looker: lockAndLook, teller }, strategy });
      expect(told).toMatchObject({ verdict: 'ok', status: 'complete' });
      const alone = explore({ threads: { looker: lockAndLook, other: () => {} }, strategy });
      expect(alone.verdict).toBe('deadlock');
    },
  );

  it.each(['dpor', 'dfs'] as const)('end at every moment after the change, in %s', (strategy) => {
    const seen = new Set<unknown>();
    explore({
      threads: { looker, counter },
      check: (_, { looker: value }) => void seen.add(value),
      strategy,
    });
    expect(seen).toEqual(new Set([1, 2, 3]));
  });
});

describe('a part of the memory', () => {
  it('is the same bytes, counted from its own beginning', () => {
    const result = explore({
      memory: 64,
      threads: {
        a: (shared) => Atomics.add(new Int32Array(part(shared, 16, 32)), 1, 5),
        b(shared) {
          const inner = part(part(shared, 8, 48), 8, 16);
          const view = new Int32Array(inner, 4, 2);
          Atomics.add(view, 0, 7);
          return [
            inner.byteLength,
            view.byteOffset,
            view.subarray(1).byteOffset,
            view.buffer === inner,
          ];
        },
      },
      check(shared, { b }) {
        expect(words(shared)[5]).toBe(12);
        expect(b).toEqual([16, 4, 8, true]);
      },
    });
    expect(result).toMatchObject({ verdict: 'ok', status: 'complete' });
  });

  it('lies within the whole', () => {
    const { failure } = explore({ memory: 64, threads: { a: (shared) => part(shared, 8, 60) } });
    expect(failure?.message).toMatch(/expected a part within 64 bytes.* got 60 bytes at 8/);
    expect(() => part(new SharedArrayBuffer(8), 0, 8)).toThrow(ExplorerError);
  });
});

it('waitAsync looks at its word, and then nothing comes of it: a thread does not return to its event loop', () => {
  const outcomes = new Set<unknown>();
  const listener = (shared: SharedArrayBuffer): unknown => {
    const rings = Atomics.waitAsync(words(shared), 0, 0);
    if (rings.async) void rings.value.then(() => outcomes.add('settled'));
    return rings.async ? 'waits' : rings.value;
  };
  explore({
    threads: { listener, ringer },
    check: (_, { listener: value }) => void outcomes.add(value),
  });
  expect(outcomes).toEqual(new Set(['waits', 'not-equal']));
});
