/** The lock order, and that nobody sleeps in a non-blockable section: sync's lockdep looks on. */
import { enableLockdep, type LockdepReport } from '@mmu-notifier/sync';
import { describe, expect, it, onTestFinished } from 'vitest';
import { begin, now, publish, World } from './world.ts';

/** Collects what lockdep says until the test is over. */
function watch(): LockdepReport[] {
  const reports: LockdepReport[] = [];
  onTestFinished(enableLockdep({ report: (report) => void reports.push(report) }));
  return reports;
}

describe.each(['v5.3', 'fixed'])('locks of %s', (variant) => {
  it('are taken in one order by registration, section, fault, release and dereg', async () => {
    const reports = watch();
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
    const reports = watch();
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
    const reports = watch();
    const world = new World({ variant: 'v5.3' });
    const { ops } = world.recorder(0, 10);
    ops.act = () => {
      void world.notifier.subscribe({ start: 20, end: 30 }, { invalidate: () => {} });
    };
    world.start(0, 10);
    expect(reports.map(({ kind }) => kind)).toContain('recursive-lock');
  });
});
