/** A waiter that looks, then sleeps on a word that the waker does not change: it may sleep through its wake-up. */
import type { Scenario } from '../../src/index.ts';

const Word = { ready: 0, bell: 1 };

const scenario: Scenario = {
  memory: 16,
  names: Word,
  threads: {
    waiter(shared) {
      const words = new Int32Array(shared);
      while (Atomics.load(words, Word.ready) === 0) Atomics.wait(words, Word.bell, 0);
    },
    waker(shared) {
      const words = new Int32Array(shared);
      Atomics.store(words, Word.ready, 1);
      Atomics.notify(words, Word.bell);
    },
  },
};

export default scenario;
