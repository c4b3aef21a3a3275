/** The defects, each shown in the variant that has it and absent in the other. NV-2 lies outside: see the README. */
import { useClock, VirtualClock } from '@mmu-notifier/sync';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { hmm } from '../src/index.ts';
import { begin, isPending, now, publish, World } from './world.ts';

const both = [
  { variant: 'v5.3', isFaulty: true },
  { variant: 'fixed', isFaulty: false },
] as const;

describe.each(both)('$variant', ({ variant, isFaulty }) => {
  it(`[R2] [HMM-1] [NV-3] ${isFaulty ? 'installs' : 'refuses'} what was read before a section that has ended`, () => {
    const world = new World({ variant });
    let memory = 'P';
    let entry: string | undefined;
    const { subscription, ops } = world.recorder(0, 10);
    ops.act = () => void (entry = undefined);
    const seq = begin(subscription);
    const read = memory;
    const end = world.start(0, 10);
    memory = 'Q';
    end();
    expect(subscription.checkRetry(seq)).toBe(!isFaulty);
    expect(publish(subscription, seq, () => void (entry = read))).toBe(isFaulty);
    expect(entry).toBe(isFaulty ? 'P' : undefined);
    expect(memory).toBe('Q');
  });

  it(`[HMM-2] faults ${isFaulty ? 'fail for ever' : 'go on'} after another subscriber refused a start`, async () => {
    const clock = new VirtualClock();
    onTestFinished(useClock(clock));
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    world.addRefusingPartner();
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    for (let round = 0; round < 3; round++) {
      world.invalidate(50, 60);
      const read = subscription.readBegin();
      expect(read instanceof Promise && (await isPending(read))).toBe(isFaulty);
      clock.advance(1000);
      expect(publish(subscription, await read)).toBe(!isFaulty);
    }
  });

  it('[HMM-3] leaves alone a struct hmm whose last reference is gone', () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const { hmm: dying } = world;
    now(subscription.close());
    expect(dying?.refs).toBe(0);
    const counted = ['start', 'end'].map((name) => vi.spyOn(dying!.collisions, name as 'end'));
    const range = { start: 0, end: 10, event: 'CLEAR', blockable: true, owner: undefined } as const;
    const context = { isSync: false, signal: undefined };
    expect(dying?.invalidateRangeStart(range, 0, context)).toBe(true);
    dying?.invalidateRangeEnd();
    for (const count of counted) expect(count).not.toHaveBeenCalled();
    expect(calls).toEqual([]);
    const next = world.recorder(0, 10);
    expect(world.hmm).not.toBe(dying);
    expect(publish(next.subscription, begin(next.subscription))).toBe(true);
  });

  it(`[HMM-4] overlapping sections elsewhere ${isFaulty ? 'starve' : 'do not touch'} a fault`, async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    let end = world.start(500, 600);
    const read = subscription.readBegin();
    for (let round = 0; round < 10; round++) {
      const next = world.start(500, 600);
      end();
      end = next;
    }
    expect(read instanceof Promise && (await isPending(read))).toBe(isFaulty);
    end();
    expect(publish(subscription, await read)).toBe(true);
  });

  it('[HMM-4] starve one in what was hit, as with the interval notifier', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const hit = world.start(0, 10);
    const elsewhere = world.start(500, 600);
    hit();
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    elsewhere();
    expect(publish(subscription, await read)).toBe(true);
  });
});

/** Faults of a mirror wait in a section for longer than 1000 ms. */
async function timeOut(variant: string, rounds: number) {
  const clock = new VirtualClock();
  onTestFinished(useClock(clock));
  const world = new World({ variant });
  const { subscription } = world.recorder(0, 10);
  const end = world.start(0, 10);
  const reads = Array.from({ length: rounds }, () => subscription.readBegin());
  clock.advance(1000);
  const isOver = await Promise.all(reads.map(async (read) => !(await isPending(read))));
  return { world, subscription, reads, end, isOver };
}

describe('a wait that takes too long', () => {
  it('[NV-1] leaves its range on the list, where every section writes to it, in v5.3', async () => {
    const { world, subscription, end, isOver } = await timeOut('v5.3', 3);
    expect(isOver).toEqual([true, true, true]);
    const { ranges } = world;
    expect(ranges.size).toBe(3);
    end();
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.recorder(20, 30);
    now(subscription.close());
    expect(ranges.size).toBe(3); // their faults, and even their mirror, are long gone
  });

  it('[NV-1] is waited on when fixed, where a fault leaves nothing that could be left behind', async () => {
    const { subscription, reads, end, isOver } = await timeOut('fixed', 3);
    expect(isOver).toEqual([false, false, false]);
    end();
    for (const read of reads) expect(publish(subscription, await read)).toBe(true);
  });
});

describe('v5.3', () => {
  it('[HMM-1] needs no luck: once is enough, and a second fault in between does not help', () => {
    const world = new World({ variant: hmm.variants[0]! });
    const { subscription } = world.recorder(0, 10);
    const stale = begin(subscription);
    world.invalidate(0, 10);
    const fresh = begin(subscription);
    expect(publish(subscription, fresh)).toBe(true);
    expect(publish(subscription, stale)).toBe(true);
  });
});
