/** Two counters: one behind a lock that spins a few times and then sleeps, one that is read and written without it. */
import { workerData } from 'node:worker_threads';
import { choose, free, type Scenario } from '../../src/index.ts';

const Word = { lock: 0, count: 1, lost: 2, total: 4 };

function increment(shared: SharedArrayBuffer): number {
  const words = new Int32Array(shared);
  const wide = new BigInt64Array(shared, 16, 1);
  lock(words);
  words[Word.count] = words[Word.count]! + 1;
  unlock(words);
  const before = Atomics.load(words, Word.lost);
  Atomics.store(words, Word.lost, before + 1);
  Atomics.add(wide, 0, 2n ** 40n);
  return choose(2);
}

function lock(words: Int32Array): void {
  for (let spins = 0; spins < 5; spins++) {
    if (Atomics.compareExchange(words, Word.lock, 0, 1) === 0) return;
    (Atomics as { pause?: () => void }).pause?.();
  }
  while (Atomics.exchange(words, Word.lock, 2) !== 0) Atomics.wait(words, Word.lock, 2);
}

function unlock(words: Int32Array): void {
  if (Atomics.exchange(words, Word.lock, 0) === 2) Atomics.notify(words, Word.lock, 1);
}

const scenario: Scenario = {
  memory: 24,
  names: Word,
  setup: (shared) => void (new Int32Array(shared)[Word.lost] = 10),
  threads: {
    first: { attach: () => 7, run: (_: number, shared) => increment(shared) },
    second: increment,
  },
  check(shared, returned) {
    const words = new Int32Array(shared);
    if (words[Word.count] !== 2) throw new Error('the lock does not lock');
    if (returned['first'] === 1 && returned['second'] === 1 && words[Word.lost] !== 12) {
      throw new Error(`lost an update: ${words[Word.lost]}`);
    }
  },
};

export default scenario;

/** Frees what the other still reads, after a hand-over that comes too early. */
export const early: Scenario = {
  memory: 32,
  names: { done: 0, data: 4 },
  threads: {
    reader(shared) {
      const words = new Int32Array(shared);
      Atomics.store(words, 0, 1);
      return Atomics.load(words, 4);
    },
    owner(shared) {
      const words = new Int32Array(shared);
      while (Atomics.load(words, 0) === 0) (Atomics as { pause?: () => void }).pause?.();
      free(words.subarray(4, 5));
    },
  },
};

/** Frees, says so, and the other reads all the same. */
export const freed: Scenario = {
  memory: 32,
  threads: {
    owner(shared) {
      const words = new Int32Array(shared);
      free(words.subarray(4, 5));
      Atomics.store(words, 0, 1);
    },
    reader(shared) {
      const words = new Int32Array(shared);
      while (Atomics.load(words, 0) === 0) (Atomics as { pause?: () => void }).pause?.();
      return words[4];
    },
  },
};

/** Throws when the other is halfway. */
export const thrown: Scenario = {
  memory: 8,
  threads: {
    writer(shared) {
      const words = new Int32Array(shared);
      Atomics.store(words, 0, 1);
      Atomics.store(words, 0, 2);
    },
    reader(shared) {
      if (Atomics.load(new Int32Array(shared), 0) === 1) throw new Error('halfway');
    },
  },
};

const isInReplay = Object.hasOwn((workerData ?? {}) as object, 'turns');

/** Does in a worker what it does not do in the explorer. */
export const different: Scenario = {
  memory: 8,
  threads: {
    a: (shared) => void Atomics.store(new Int32Array(shared), isInReplay ? 1 : 0, 1),
    b: (shared) => void Atomics.load(new Int32Array(shared), 0),
  },
};
