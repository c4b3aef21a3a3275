/** The lock order, and that nobody sleeps in a non-blockable section: sync's lockdep looks on. */
import { describe, expect, it } from 'vitest';
import { watchLocks, withLock } from '../../hlist-srcu/test/driver-locks.ts';
import { vhost } from '../src/index.ts';
import { begin, now, publish, Recorder, World } from './world.ts';

describe.each(vhost.variants)('locks of %s', (variant) => {
  it('are taken in one order by section, map, worker, change and release, and never where nobody may sleep', async () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const areas = [world.subscribe(0, 10, withLock(new Recorder())), world.subscribe(5, 15)];
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
    const reports = watchLocks();
    const world = new World({ variant });
    const ops = withLock(new Recorder());
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
