/** The lock order, and that nobody sleeps in a non-blockable section: sync's lockdep looks on. */
import { describe, expect, it } from 'vitest';
import { watchLocks } from '../../hlist-srcu/test/driver-locks.ts';
import { begin, now, publish, World } from './world.ts';

describe.each(['v5.3', 'fixed'])('locks of %s', (variant) => {
  it('are taken in one order by registration, section, fault, release and dereg', async () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const [first, second] = [world.recorder(0, 10), world.recorder(5, 15)];
    world.invalidate(0, 20);
    for (const { subscription } of [first, second]) {
      expect(publish(subscription, begin(subscription))).toBe(true);
    }
    now(
      world.notifier.invalidateRangeEnd(
        now(world.notifier.invalidateRangeStart({ start: 0, end: 1 })),
      ),
    );
    now(first.subscription.close());
    world.recorder(20, 30);
    await world.notifier.release();
    now(second.subscription.close());
    expect(reports).toEqual([]);
  });

  it('are only tried in a non-blockable section', () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    const missed = world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    now(world.notifier.invalidateRangeEnd(missed!));
    now(subscription.close());
    expect(reports).toEqual([]);
  });
});

describe('lockdep', () => {
  it('sees umem_rwsem held over a callback, which must not take it again', () => {
    const reports = watchLocks();
    const world = new World({ variant: 'v5.3' });
    const { ops } = world.recorder(0, 10);
    ops.act = () => {
      void world.notifier.subscribe({ start: 20, end: 30 }, { invalidate: () => {} });
    };
    world.start(0, 10);
    expect(reports.map(({ kind }) => kind)).toContain('recursive-lock');
  });
});
