/** The lock order, and that nobody sleeps in a non-blockable section: sync's lockdep looks on. */
import { describe, expect, it } from 'vitest';
import { watchLocks } from '../../hlist-srcu/test/driver-locks.ts';
import { i915Userptr } from '../src/index.ts';
import { begin, now, publish, World } from './world.ts';

describe.each(i915Userptr.variants)('locks of %s', (variant) => {
  it('are taken in one order by registration, section, fault, release and end', async () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const [first, second] = [world.active(0, 10), world.active(5, 15)];
    world.invalidate(0, 20);
    for (const { subscription } of [first, second]) {
      expect(publish(subscription, await subscription.readBegin())).toBe(true);
    }
    now(first.subscription.close());
    world.active(20, 30);
    await world.notifier.release();
    now(second.subscription.close());
    await world.driver.reapers.drain();
    expect(reports).toEqual([]);
  });

  it('are not taken in a non-blockable section', () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const { subscription } = world.active(0, 10);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    const missed = world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    now(world.notifier.invalidateRangeEnd(missed!));
    expect(publish(subscription, begin(subscription))).toBe(true);
    expect(reports).toEqual([]);
  });

  it('struct_mutex comes before an object’s own; the other way round is an inversion', () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const [first, second] = [world.active(0, 10), world.active(20, 30)];
    world.invalidate(0, 10);
    const { subscription } = second;
    const invalidateOther = (): void => {
      const { ops } = first;
      ops.act = () => undefined;
      void world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    };
    expect(publish(first.subscription, first.subscription.readBeginSync())).toBe(true);
    expect(publish(subscription, begin(subscription), invalidateOther)).toBe(true);
    expect(reports.map(({ kind }) => kind)).toEqual(['order-inversion']);
  });
});
