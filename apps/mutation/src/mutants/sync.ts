/** Mistakes in what strategies stand on: locks, queues and waiting, seen through a strategy. */
import { mutantsOf, type Mutant } from '../mutant.ts';

const queue = 'packages/foundation/sync/src/wait-queue.ts';
const mutex = 'packages/foundation/sync/src/mutex.ts';
const spin = 'packages/foundation/sync/src/spin-lock.ts';
const sections = 'packages/foundation/core/src/sections.ts';

export const syncMutants: readonly Mutant[] = mutantsOf('reference', 'reference', undefined, [
  [
    'a waiter looks at the condition before it enters the queue',
    queue,
    '    region.add(this.index + waitersOffset, 1);\n    try {\n      for (;;) {\n        const expected = region.load(turnAt);\n        if (condition()) return true;',
    '    if (condition()) return true;\n    region.add(this.index + waitersOffset, 1);\n    try {\n      for (let isFirst = true; ; isFirst = false) {\n        const expected = region.load(turnAt);\n        if (!isFirst && condition()) return true;',
    'EXPLORE.fault',
    'look and entry in the wrong order: a wake is lost',
  ],
  [
    'a waiter reads the turn after it looked',
    queue,
    'const expected = region.load(turnAt);\n        if (condition()) return true;',
    'if (condition()) return true;\n        const expected = region.load(turnAt);',
    'EXPLORE.fault',
    'look and turn in the wrong order: a wake is lost',
  ],
  [
    'a waker does not take the next turn',
    queue,
    'region.add(index + turnOffset, 1);\n    wake',
    'wake',
    'EXPLORE.fault',
    'a wake between look and sleep is lost',
  ],
  [
    'one waiter is woken, not all',
    queue,
    'wake(region, index + turnOffset);',
    'wake(region, index + turnOffset, 1);',
    'R1',
    'a wake is missing',
  ],
  [
    'an unlock of a contended mutex wakes nobody',
    mutex,
    'if ((held & contended) !== 0) wake(region, index, 1);',
    '',
    'R6.async',
    'a wake is missing',
  ],
  [
    'who got the mutex after waiting forgets that others may wait',
    mutex,
    '(region.agent << 1) | contended)) break;',
    'region.agent << 1)) break;',
    'R6.queue',
    'a wake is missing',
  ],
  [
    'a free mutex is taken for held by trylock',
    mutex,
    'if (region.shared) {\n      if (!region.compareExchange(index, 0, region.agent << 1)) return false;\n    } else {\n      if (region.words[index] !== 0) return false;\n      region.words[index] = region.agent << 1;\n    }',
    'if (region.compareExchange(index, 0, region.agent << 1)) return false;',
    'S1',
    'a lock is had by two, or by nobody',
  ],
  [
    'a spin lock is taken whoever holds it',
    spin,
    'else if (Atomics.compareExchange(region.words, this.index, 0, region.agent) !== 0) this.#spin();',
    'else Atomics.compareExchange(region.words, this.index, 0, region.agent);',
    'EXPLORE.fault',
    'critical sections overlap',
  ],
  [
    'a handle that is over is taken for the next section in its slot',
    sections,
    'const next = handle + generationStep;',
    'const next = handle;',
    'S7',
  ],
  [
    'sections share one slot',
    sections,
    'first.handle === 0 ? first : this.#takeOther()',
    'first',
    'S6',
  ],
]);
