/** The lock order, and that nobody sleeps in a non-blockable section: sync's lockdep looks on. */
import { describe, expect, it } from 'vitest';
import { watchLocks } from '../../hlist-srcu/test/driver-locks.ts';
import { radeonMn } from '../src/index.ts';
import { begin, now, publish, World } from './world.ts';

describe.each(radeonMn.variants)('locks of %s', (variant) => {
  it('are taken in one order by registration, section, fault, release and end', async () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const [first, second] = [world.bound(0, 10), world.bound(5, 15)];
    world.invalidate(0, 20);
    for (const { subscription } of [first, second]) {
      expect(publish(subscription, await subscription.readBegin())).toBe(true);
    }
    now(first.subscription.close());
    world.bound(20, 30);
    await world.notifier.release();
    now(second.subscription.close());
    await world.driver.workers.drain();
    expect(reports).toEqual([]);
  });

  it('are only tried in a non-blockable section', () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const { subscription } = world.bound(0, 10);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    const missed = world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    now(world.notifier.invalidateRangeEnd(missed!));
    expect(publish(subscription, begin(subscription))).toBe(true);
    expect(reports).toEqual([]);
  });

  it(`[RAD-3] ${variant === 'v5.3' ? 'are taken the wrong way round' : 'do not mind'} when a reservation is held and memory changes`, () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const [first, second] = [world.bound(0, 10), world.bound(20, 30)];
    world.invalidate(0, 10);
    expect(publish(first.subscription, begin(first.subscription))).toBe(true);
    const { subscription } = second;
    const changeMemory = (): void => world.invalidate(50, 60);
    expect(publish(subscription, begin(subscription), changeMemory)).toBe(true);
    const kinds = reports.map(({ kind }) => kind);
    expect(kinds).toEqual(variant === 'v5.3' ? ['order-inversion'] : []);
  });
});
