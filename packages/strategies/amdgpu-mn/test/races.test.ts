/** The defects, each shown in the variant that has it and absent in the other. */
import { useClock, VirtualClock } from '@mmu-notifier/sync';
import { describe, expect, it, onTestFinished } from 'vitest';
import { begin, isPending, now, publish, World } from './world.ts';

const both = [
  { variant: 'v5.3', isFaulty: true },
  { variant: 'fixed', isFaulty: false },
] as const;

describe.each(both)('$variant', ({ variant, isFaulty }) => {
  it(`[R2] [AMD-1] ${isFaulty ? 'maps' : 'refuses'} pages of a new bo that became invalid while they were read`, () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(0, 10);
    expect(publish(subscription, seq)).toBe(isFaulty); // not even the flag is looked at
    end();
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it(`[R2] [AMD-1] ${isFaulty ? 'maps' : 'refuses'} them after the section, too`, () => {
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
    expect(publish(subscription, seq, () => void (entry = read))).toBe(isFaulty);
    expect([entry, memory]).toEqual([isFaulty ? 'P' : undefined, 'Q']);
  });

  it(`[R2] [AMD-2] submits ${isFaulty ? 'what was read before a section that has ended' : 'nothing of the kind'}`, () => {
    const world = new World({ variant });
    const { subscription } = world.validated(0, 10);
    const seq = begin(subscription);
    world.invalidate(0, 10);
    expect(subscription.checkRetry(seq)).toBe(!isFaulty);
    expect(publish(subscription, seq)).toBe(isFaulty);
  });

  it(`[AMD-3] a section begun before the end of the address space finds ${isFaulty ? 'freed nodes' : 'none'}`, async () => {
    const world = new World({ variant });
    const { notifier, driver } = world;
    const [early, late] = [Promise.withResolvers<void>(), Promise.withResolvers<boolean>()];
    const { ops } = world.recorder(0, 10);
    ops.act = ({ event }) => (event === 'RELEASE' ? undefined : early.promise);
    now(
      notifier.list.register({
        invalidateRangeStart: ({ start }) => (start === 1 ? late.promise : true),
      }),
    );
    const first = notifier.invalidateRangeStart({ start: 0, end: 10 }); // holds amn->lock for read
    const second = notifier.invalidateRangeStart({ start: 1, end: 10 }); // not there yet
    const released = notifier.release();
    expect(await isPending(released)).toBe(true); // its worker waits for amn->lock
    expect(driver.workers.isIdle).toBe(false);
    late.resolve(true);
    expect(await isPending(second)).toBe(true); // waits behind the worker
    expect(driver.mn.freedVisits).toBe(0);
    early.resolve();
    await Promise.all([first, second, released, driver.workers.drain()]);
    expect(driver.mn.freedVisits).toBe(isFaulty ? 1 : 0);
    notifier.verify();
  });

  it('[AMD-3] a section that gets there when the worker is through finds no mirror', async () => {
    const world = new World({ variant });
    const { notifier, driver } = world;
    const late = Promise.withResolvers<boolean>();
    world.recorder(0, 10);
    now(notifier.list.register({ invalidateRangeStart: () => late.promise }));
    const started = notifier.invalidateRangeStart({ start: 1, end: 10 });
    const released = notifier.release();
    expect(await isPending(released)).toBe(true); // for the section
    expect(driver.workers.isIdle).toBe(true);
    late.resolve(true);
    await Promise.all([started, released]);
    expect(driver.mn.freedVisits).toBe(0);
  });

  it(`[HMM-2] submissions ${isFaulty ? 'fail for ever' : 'go on'} after another subscriber refused a start`, async () => {
    const clock = new VirtualClock();
    onTestFinished(useClock(clock));
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    world.addRefusingPartner();
    expect(world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 })).toBe(undefined);
    for (let round = 0; round < 3; round++) {
      world.invalidate(50, 60);
      const read = subscription.readBegin();
      expect(read instanceof Promise && (await isPending(read))).toBe(isFaulty);
      clock.advance(1000);
      expect(publish(subscription, await read)).toBe(!isFaulty);
    }
  });

  it(`[HMM-4] overlapping sections elsewhere ${isFaulty ? 'starve' : 'do not touch'} who gets pages`, async () => {
    const world = new World({ variant });
    const { subscription } = world.validated(0, 10);
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

  it('[HMM-4] starve who gets what was hit, as with the interval notifier', async () => {
    const world = new World({ variant });
    const { subscription } = world.validated(0, 10);
    const hit = world.start(0, 10);
    const elsewhere = world.start(500, 600);
    hit();
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    elsewhere();
    expect(publish(subscription, await read)).toBe(true);
  });
});
