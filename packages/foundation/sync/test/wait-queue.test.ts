/** The wait queue among tasks of one event loop, in both kinds of memory. */
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  headerWords,
  run,
  runSync,
  useClock,
  type Region,
  VirtualClock,
  WaitQueue,
} from '../src/index.ts';
import { createRegion, memories } from './memories.ts';
import { seeded } from './seed.ts';
import { finished, isSettledSoon, patiently, runTasks, taskMix } from './tasks.ts';
import { thrownBy } from './thrown.ts';

const index = headerWords;
const waitersAt = index + 1;
const restores: (() => void)[] = [];

afterEach(() => {
  for (const restore of restores.splice(0)) restore();
});

interface LimitedWait {
  readonly clock: VirtualClock;
  readonly queue: WaitQueue;
  readonly region: Region;
  readonly waited: Promise<boolean>;
}

/** A wait with a time limit, under a clock that the test moves. */
function limited(condition: () => boolean, timeoutMs: number): LimitedWait {
  const clock = new VirtualClock();
  restores.push(useClock(clock));
  const region = createRegion(memories[0]!);
  const queue = new WaitQueue(region, index);
  return { clock, queue, region, waited: run(queue.wait(condition, timeoutMs)) };
}

describe.each(memories)('WaitQueue in $memory', (memory) => {
  it('wakes everybody whose condition came true, whoever gave up', async () => {
    await fc.assert(
      fc.asyncProperty(taskMix, async (tasks) => {
        const region = createRegion(memory);
        const queue = new WaitQueue(region, index);
        const goals = tasks.flat().length;
        let level = 0;
        const raising = (async () => {
          for (; level < goals; level++) {
            queue.wakeAll();
            await new Promise<void>((resolve) => void setImmediate(resolve));
          }
          queue.wakeAll();
        })();
        let goal = 0;
        await runTasks(tasks, async (visit) => {
          const mine = ++goal;
          const waited = await patiently(visit, (signal) =>
            queue.waitUntil(() => level >= mine, signal),
          );
          if (waited && level < mine) throw new Error('woken before the condition held');
        });
        await raising;
        expect(region.load(waitersAt)).toBe(0);
      }),
      { ...seeded, numRuns: 30 },
    );
  });

  it('returns no promise when the condition holds', () => {
    const queue = new WaitQueue(createRegion(memory), index);
    expect(queue.waitUntil(() => true)).toBeUndefined();
    queue.waitUntilSync(() => true);
  });

  it.each(['waitUntil', 'waitUntilSync'] as const)('%s refuses what is no condition', (form) => {
    const queue = new WaitQueue(createRegion(memory), index);
    const wrong = true as unknown as () => boolean;
    expect(thrownBy(() => queue[form](wrong)).code).toBe('MMN_OPTION');
  });

  it('looks again and waits on when woken while the condition does not hold', async () => {
    const region = createRegion(memory);
    const queue = new WaitQueue(region, index);
    let isTrue = false;
    const waited = Promise.resolve(queue.waitUntil(() => isTrue));
    queue.wakeAll();
    expect(await isSettledSoon(waited)).toBe(false);
    isTrue = true;
    queue.wakeAll();
    await finished(waited);
  });

  it('does not sleep when the condition came true between the look and the wait', async () => {
    const region = createRegion(memory);
    const queue = new WaitQueue(region, index);
    let looks = 0;
    const waited = queue.waitUntil(() => {
      if (++looks === 2) queue.wakeAll(); // the second look is the one right before the wait
      return looks > 2;
    });
    await finished(Promise.resolve(waited));
    expect(looks).toBe(3);
  });

  it('leaves the queue empty when the condition throws', async () => {
    const region = createRegion(memory);
    const queue = new WaitQueue(region, index);
    let looks = 0;
    const waited = queue.waitUntil(() => {
      if (++looks === 3) throw new Error('condition failed');
      return false;
    });
    queue.wakeAll();
    await expect(waited).rejects.toThrow('condition failed');
    expect(region.load(waitersAt)).toBe(0);
  });

  it('passes the reason of an abort on', async () => {
    const region = createRegion(memory);
    const queue = new WaitQueue(region, index);
    const controller = new AbortController();
    const reason = new Error('enough');
    const waited = queue.waitUntil(() => false, controller.signal);
    controller.abort(reason);
    await expect(waited).rejects.toBe(reason);
    expect(region.load(waitersAt)).toBe(0);
    await expect(queue.waitUntil(() => false, controller.signal)).rejects.toBe(reason);
  });
});

describe('WaitQueue with a time limit, in one event loop', () => {
  it('gives up when the time is over', async () => {
    const { clock, region, waited } = limited(() => false, 10);
    clock.advance(9);
    expect(await isSettledSoon(waited)).toBe(false);
    clock.advance(1);
    expect(await finished(waited)).toBe(false);
    expect(region.load(waitersAt)).toBe(0);
  });

  it('says so when the condition holds at the last moment', async () => {
    let isTrue = false;
    const { clock, waited } = limited(() => isTrue, 10);
    isTrue = true; // and nobody wakes
    clock.advance(10);
    expect(await finished(waited)).toBe(true);
  });

  it('does not begin its time again when woken in vain', async () => {
    const { clock, queue, waited } = limited(() => false, 10);
    for (let i = 0; i < 3; i++) {
      clock.advance(3);
      queue.wakeAll();
      expect(await isSettledSoon(waited)).toBe(false);
    }
    clock.advance(1);
    expect(await finished(waited)).toBe(false);
  });

  it('cancels its timer when woken in time', async () => {
    let isTrue = false;
    const { clock, queue, waited } = limited(() => isTrue, 10);
    isTrue = true;
    queue.wakeAll();
    expect(await finished(waited)).toBe(true);
    clock.advance(100);
  });

  it('gives up at once with no time at all', async () => {
    const { waited } = limited(() => false, 0);
    expect(await finished(waited)).toBe(false);
  });
});

describe('a blocking wait', () => {
  it('is refused in one event loop, where nobody could end it', () => {
    const region = createRegion(memories[0]!);
    const queue = new WaitQueue(region, index);
    expect(thrownBy(() => queue.waitUntilSync(() => false))).toEqual({
      code: 'MMN_WOULD_BLOCK',
      message:
        'expected to go on without waiting in a …Sync call on unshared memory, but the wait could never end: use the plain form',
    });
    expect(region.load(waitersAt)).toBe(0);
  });

  it('ends by its time limit in shared memory', () => {
    const region = createRegion(memories[1]!);
    const queue = new WaitQueue(region, index);
    expect(runSync(queue.wait(() => false, 1))).toBe(false);
    expect(region.load(waitersAt)).toBe(0);
  });

  it('cleans up and says what to do where the engine does not let it block', () => {
    const region = createRegion(memories[1]!);
    const queue = new WaitQueue(region, index);
    const { wait } = Atomics;
    restores.push(() => (Atomics.wait = wait));
    Atomics.wait = () => {
      throw new TypeError('Atomics.wait cannot be called in this context');
    };
    expect(thrownBy(() => queue.waitUntilSync(() => false))).toEqual({
      code: 'MMN_WOULD_BLOCK',
      message:
        'expected an agent that may block, got one that must not: use the plain form, or a worker',
    });
    expect(region.load(waitersAt)).toBe(0);
  });
});
