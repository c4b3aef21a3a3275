/** What is no agent's number, who is woken, and when a wait is over. */
import { describe, expect, it } from 'vitest';
import {
  becomeAgent,
  declareDead,
  firstAgent,
  hasDeaths,
  headerWords,
  run,
  thisAgent,
  wake,
  WaitQueue,
  watchDeaths,
  type Waiting,
} from '../src/index.ts';
import { createRegion, memories } from './memories.ts';
import { turns } from './tasks.ts';
import { thrownBy } from './thrown.ts';

describe('the number of an agent', () => {
  it.each([0, -1, 1.5, NaN])('is never %d: nobody of that number dies', (number) => {
    const region = createRegion(memories[1]!);
    expect(thrownBy(() => declareDead(region, number)).code).toBe('MMN_OPTION');
    expect(hasDeaths(region)).toBe(false);
  });

  it.each([0, firstAgent - 1, firstAgent + 0.5, 2 ** 30, NaN])(
    'is never %d: nobody is given that number',
    (number) => {
      const before = thisAgent();
      expect(thrownBy(() => becomeAgent(number)).code).toBe('MMN_OPTION');
      expect(thisAgent()).toBe(before);
    },
  );
});

describe.each(memories)('waiters of one word in $memory', (memory) => {
  it('are woken as many as are asked for, in the order of their waits', async () => {
    const region = createRegion(memory);
    const index = headerWords;
    const woken: number[] = [];
    function* once(): Waiting<void> {
      yield { region, index, expected: 0 };
    }
    const waits = [1, 2, 3].map(async (name) => {
      await run(once());
      woken.push(name);
    });
    await turns(3);
    wake(region, index, 1);
    await Promise.race(waits);
    await turns(3);
    expect(woken).toEqual([1]);
    wake(region, index);
    await Promise.all(waits);
    expect(woken).toEqual([1, 2, 3]);
  });
});

describe('a wait with a time-out', () => {
  it('[K1] is not over when it has only looked whether somebody died', async () => {
    const region = createRegion(memories[1]!);
    watchDeaths(region, { graceMs: 1 }); // so it looks every millisecond
    const queue = new WaitQueue(region, headerWords);
    let isOver = false;
    const waited = run(queue.wait(() => isOver, 600_000));
    const looks: number[] = [];
    for (let look = 0; look < 5; look++) {
      await run(queue.wait(() => looks.length > look, 2));
      looks.push(look);
    }
    isOver = true;
    queue.wakeAll();
    expect(await waited).toBe(true);
  });
});
