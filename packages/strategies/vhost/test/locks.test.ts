/** The lock order, and that nobody sleeps in a non-blockable section: sync's lockdep looks on. */
import { LockMemory } from '@mmu-notifier/hlist-srcu/driver';
import { enableLockdep, Mutex, type LockdepReport } from '@mmu-notifier/sync';
import { describe, expect, it, onTestFinished } from 'vitest';
import { vhost } from '../src/index.ts';
import { begin, now, publish, Recorder, World } from './world.ts';

/** Collects what lockdep says until the test is over. */
function watch(): LockdepReport[] {
  const reports: LockdepReport[] = [];
  onTestFinished(enableLockdep({ report: (report) => void reports.push(report) }));
  return reports;
}

function withLock(): Recorder & { lock: Mutex } {
  const { region, fixedAt } = new LockMemory('test', 2, 0);
  return Object.assign(new Recorder(), { lock: new Mutex(region, fixedAt, "subscriber's") });
}

describe.each(vhost.variants)('locks of %s', (variant) => {
  it('are taken in one order by section, map, worker, change and release, and never where nobody may sleep', async () => {
    const reports = watch();
    const world = new World({ variant });
    const areas = [world.subscribe(0, 10, withLock()), world.subscribe(5, 15)];
    for (const area of areas) expect(publish(area, begin(area))).toBe(true);
    expect(now(areas[0]!.access(() => 'used'))).toBe('used');
    world.invalidate(0, 20);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    now(areas[1]!.close());
    await world.notifier.release();
    now(areas[0]!.close());
    expect(reports).toEqual([]);
  });

  it('in the other order are an inversion', () => {
    const reports = watch();
    const world = new World({ variant });
    const ops = withLock();
    const area = world.subscribe(0, 10, ops);
    world.subscribe(20, 30);
    world.invalidate(0, 10);
    ops.lock.lockSync(); // somebody holds his own lock, and starts a section
    world.invalidate(20, 30);
    ops.lock.unlock();
    expect(reports.map(({ kind }) => kind)).toEqual(['order-inversion']);
    now(area.close());
  });
});
