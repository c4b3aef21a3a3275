/** SRCU among tasks of one event loop, in both kinds of memory. */
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { headerWords, Srcu, wake, type Region } from '../src/index.ts';
import { createRegion, memories } from './memories.ts';
import { seeded } from './seed.ts';
import { finished, isSettledSoon, patiently, runTasks, taskMix, turns } from './tasks.ts';
import { thrownBy } from './thrown.ts';

const index = headerWords;
const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** The two counters, with the bit that asks for a wake taken out. */
function readersIn(region: Region): number[] {
  return [...region.words.subarray(index + 1, index + 3)].map((word) => word & ~(1 << 30));
}

describe.each(memories)('Srcu in $memory', (memory) => {
  it('[SRCU-1] never ends a grace period before the readers that were there when it began', async () => {
    await fc.assert(
      fc.asyncProperty(taskMix, async (tasks) => {
        const region = createRegion(memory);
        const domains = [new Srcu(region, index), new Srcu(region, index)];
        const reading = new Set<symbol>();
        await runTasks(tasks, async (visit, task) => {
          const srcu = domains[task % 2]!;
          if (visit.how > 1) {
            await read(srcu, reading, visit.hold, visit.how % 2);
            return;
          }
          const before = [...reading];
          const over = await patiently(visit, (signal) => srcu.synchronize(signal));
          if (over && before.some((reader) => reading.has(reader))) {
            throw new Error('a grace period ended before a reader that was there');
          }
        });
        expect(readersIn(region)).toEqual([0, 0]);
      }),
      { ...seeded, numRuns: memory.shared ? 50 : 200 },
    );
  });

  it('returns no promise when nobody reads', () => {
    const srcu = new Srcu(createRegion(memory), index);
    expect(srcu.synchronize()).toBeUndefined();
    srcu.synchronizeSync();
    expect(srcu.barrier()).toBeUndefined();
  });

  it('waits for a reader that sleeps, and for its outermost section', async () => {
    const srcu = new Srcu(createRegion(memory), index);
    const outer = srcu.readLock();
    const inner = srcu.readLock();
    const synchronized = Promise.resolve(srcu.synchronize());
    srcu.readUnlock(inner);
    expect(await isSettledSoon(synchronized)).toBe(false);
    srcu.readUnlock(outer);
    await finished(synchronized);
  });

  it('does not wait for readers that came after it', async () => {
    const region = createRegion(memory);
    const srcu = new Srcu(region, index);
    const before = srcu.readLock();
    const synchronized = Promise.resolve(srcu.synchronize());
    const after = srcu.readLock();
    const nested = srcu.readLock();
    expect(await isSettledSoon(synchronized)).toBe(false);
    srcu.readUnlock(before);
    await finished(synchronized);
    expect(readersIn(region).toSorted()).toEqual([0, 2]);
    srcu.readUnlock(nested);
    srcu.readUnlock(after);
  });

  it('ends however many readers come and go, if only each of them leaves', async () => {
    const srcu = new Srcu(createRegion(memory), index);
    let side = srcu.readLock();
    const synchronized = [1, 2, 3].map(() => Promise.resolve(srcu.synchronize()));
    let isOver = false;
    const all = Promise.all(synchronized).finally(() => (isOver = true));
    for (let i = 0; i < 1000; i++) {
      if (isOver) break;
      const next = srcu.readLock(); // there is always a reader
      srcu.readUnlock(side);
      side = next;
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    await finished(all);
    srcu.readUnlock(side);
    expect(isOver).toBe(true);
  });

  it('waits for a reader that entered the idle counter late', async () => {
    const region = createRegion(memory);
    const srcu = new Srcu(region, index);
    // A reader reads the phase, then sleeps while two others make a grace period turn it ...
    const stale = region.load(index) & 1;
    const first = srcu.readLock();
    const synchronized = Promise.resolve(srcu.synchronize());
    srcu.readUnlock(first);
    await finished(synchronized);
    expect(region.load(index) & 1).not.toBe(stale);
    // ... and enters the counter that it had chosen.
    region.add(index + 1 + stale, 1);
    const second = Promise.resolve(srcu.synchronize());
    expect(await isSettledSoon(second)).toBe(false);
    srcu.readUnlock(stale);
    await finished(second);
  });

  it('[SRCU-1] does not count a turn of the phase by somebody who had looked before it began', async () => {
    const region = createRegion(memory);
    const srcu = new Srcu(region, index);
    // In phase 0 another agent saw counter 1 at zero; then a late reader entered it, and an ordinary one counter 0.
    region.add(index + 2, 1);
    expect(srcu.readLock()).toBe(0);
    const synchronized = Promise.resolve(srcu.synchronize());
    // Now that agent turns the phase, and the ordinary reader leaves.
    region.store(index, 1);
    wake(region, index + 2);
    await turns(5);
    srcu.readUnlock(0);
    expect(await isSettledSoon(synchronized)).toBe(false);
    srcu.readUnlock(1);
    await finished(synchronized);
  });

  it('ends when others have turned the phase three times, though it missed the moment itself', async () => {
    const region = createRegion(memory);
    const srcu = new Srcu(region, index);
    const side = srcu.readLock();
    const synchronized = Promise.resolve(srcu.synchronize());
    srcu.readUnlock(side);
    // Before it looks again, others see the counter at zero and go on, and a new reader enters it.
    region.store(index, 3);
    region.add(index + 1 + side, 1);
    await finished(synchronized);
    expect(readersIn(region)).toContain(1);
    srcu.readUnlock(side);
  });

  it('lets readers pay for no wake once nobody waits', async () => {
    const region = createRegion(memory);
    const srcu = new Srcu(region, index);
    for (let i = 0; i < 3; i++) {
      const side = srcu.readLock();
      const synchronized = Promise.resolve(srcu.synchronize());
      srcu.readUnlock(side);
      await finished(synchronized);
      const active = index + 1 + (region.load(index) & 1);
      expect(region.load(active)).toBe(0);
    }
  });

  it('stays usable when a grace period is aborted', async () => {
    const srcu = new Srcu(createRegion(memory), index);
    const side = srcu.readLock();
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = srcu.synchronize(controller.signal);
    const other = Promise.resolve(srcu.synchronize());
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    expect(await isSettledSoon(other)).toBe(false);
    srcu.readUnlock(side);
    await finished(other);
    expect(srcu.synchronize()).toBeUndefined();
  });

  it('refuses to end a read section that nobody began', () => {
    const srcu = new Srcu(createRegion(memory), index);
    const error = {
      code: 'MMN_LOCK',
      message: 'expected an SRCU read section to be open, got none',
    };
    expect(thrownBy(() => srcu.readUnlock(0))).toEqual(error);
    const side = srcu.readLock();
    srcu.readUnlock(side);
    expect(thrownBy(() => srcu.readUnlock(side))).toEqual(error);
    expect(srcu.synchronize()).toBeUndefined();
  });

  /**
   *     who turns the phase              another one, and a late reader of the idle side
   *     -------------------------------- --------------------------------
   *     idle counter is 0
   *                                      the reader enters; idle counter is 1
   *                                      asks for a wake, sleeps
   *     turns the phase, takes the bit out
   *                                      the reader leaves, and sees no bit
   *     Required: the other one does not sleep on.                                  [SRCU-1]
   */
  it('wakes who relied on a bit that somebody else took out', async () => {
    const region = createRegion(memory);
    const srcu = new Srcu(region, index);
    const side = srcu.readLock();
    const late = 1 - side;
    let isFirst = true;
    let other: unknown;
    const compareExchange = region.compareExchange.bind(region);
    Object.assign(region, {
      compareExchange(...given: Parameters<Region['compareExchange']>) {
        if (isFirst) {
          isFirst = false;
          region.add(index + 1 + late, 1);
          other = srcu.synchronize();
        }
        return compareExchange(...given);
      },
    });
    const turning = srcu.synchronize();
    srcu.readUnlock(late);
    srcu.readUnlock(side);
    expect(await isSettledSoon(turning)).toBe(true);
    expect(await isSettledSoon(other as Promise<void>)).toBe(true);
    expect(readersIn(region)).toEqual([0, 0]);
  });
});

describe.each(memories)('Srcu.call in $memory', (memory) => {
  it('runs callbacks after a grace period, in order, and barrier waits for them', async () => {
    const srcu = new Srcu(createRegion(memory), index);
    const side = srcu.readLock();
    const ran: number[] = [];
    for (const name of [1, 2, 3]) srcu.call(() => ran.push(name));
    const barrier = Promise.resolve(srcu.barrier());
    expect(await isSettledSoon(barrier)).toBe(false);
    expect(ran).toEqual([]);
    srcu.readUnlock(side);
    await finished(barrier);
    expect(ran).toEqual([1, 2, 3]);
    expect(srcu.barrier()).toBeUndefined();
  });

  it('refuses what is no callback', () => {
    const srcu = new Srcu(createRegion(memory), index);
    expect(thrownBy(() => srcu.call(undefined as never)).code).toBe('MMN_OPTION');
    expect(srcu.barrier()).toBeUndefined();
  });

  it('never runs a callback from within the call', async () => {
    const srcu = new Srcu(createRegion(memory), index);
    let ran = false;
    srcu.call(() => (ran = true));
    expect(ran).toBe(false);
    await finished(Promise.resolve(srcu.barrier()));
    expect(ran).toBe(true);
  });

  it('gives a callback that comes during a grace period one of its own', async () => {
    const srcu = new Srcu(createRegion(memory), index);
    const first = srcu.readLock();
    const ran: string[] = [];
    srcu.call(() => ran.push('first'));
    await turns(5);
    const second = srcu.readLock();
    srcu.call(() => ran.push('second'));
    srcu.readUnlock(first);
    expect(await isSettledSoon(srcu.barrier())).toBe(false);
    expect(ran).toEqual(['first']);
    expect(srcu.barrier()).toBeInstanceOf(Promise); // though what the first one waited for is over
    srcu.readUnlock(second);
    await finished(Promise.resolve(srcu.barrier()));
    expect(ran).toEqual(['first', 'second']);
  });

  it('runs callbacks that callbacks give, and the barrier waits for those too', async () => {
    const srcu = new Srcu(createRegion(memory), index);
    const ran: number[] = [];
    const again = (left: number): void => {
      ran.push(left);
      if (left > 0) srcu.call(() => again(left - 1));
    };
    srcu.call(() => again(3));
    await finished(Promise.resolve(srcu.barrier()));
    expect(ran).toEqual([3, 2, 1, 0]);
  });

  it('runs the other callbacks when one throws, which is an uncaught exception', async () => {
    const srcu = new Srcu(createRegion(memory), index);
    const uncaught: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error));
    cleanUps.push(() => {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    });
    const failure = new Error('callback failed');
    const ran: number[] = [];
    srcu.call(() => ran.push(1));
    srcu.call(() => {
      throw failure;
    });
    srcu.call(() => ran.push(3));
    await finished(Promise.resolve(srcu.barrier()));
    expect(await isSettledSoon(undefined)).toBe(true);
    expect(ran).toEqual([1, 3]);
    expect(uncaught).toEqual([failure]);
    srcu.call(() => ran.push(4));
    await finished(Promise.resolve(srcu.barrier()));
    expect(ran).toEqual([1, 3, 4]);
  });
});

describe('Srcu in one event loop', () => {
  it('refuses to block for a reader, and stays usable', async () => {
    const srcu = new Srcu(createRegion(memories[0]!), index);
    const side = srcu.readLock();
    expect(thrownBy(() => srcu.synchronizeSync()).code).toBe('MMN_WOULD_BLOCK');
    const synchronized = Promise.resolve(srcu.synchronize());
    srcu.readUnlock(side);
    await finished(synchronized);
    srcu.synchronizeSync();
  });
});

/** One read section, with another nested in it `depth` times. */
async function read(srcu: Srcu, reading: Set<symbol>, hold: number, depth: number): Promise<void> {
  const reader = Symbol('reader');
  const side = srcu.readLock();
  reading.add(reader);
  await turns(hold);
  if (depth > 0) await read(srcu, reading, hold, depth - 1);
  await turns(hold);
  reading.delete(reader);
  srcu.readUnlock(side);
}
