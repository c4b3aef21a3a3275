/** What is no agent's number, and who is woken. */
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
