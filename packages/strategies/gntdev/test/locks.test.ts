/** The lock order, and that nobody sleeps in a non-blockable section: sync's lockdep looks on. */
import { describe, expect, it } from 'vitest';
import { watchLocks, withLock } from '../../hlist-srcu/test/driver-locks.ts';
import { gntdev } from '../src/index.ts';
import { begin, now, publish, Recorder, World } from './world.ts';

describe.each(gntdev.variants)('locks of %s', (variant) => {
  it('are taken in one order by section, fault, unmapping and release, and only tried when nobody may sleep', async () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const maps = [world.subscribe(0, 10, withLock(new Recorder())), world.subscribe(5, 15)];
    world.start(0, 20, 'UNMAP')();
    for (const map of maps) expect(publish(map, begin(map))).toBe(true);
    world.invalidate(0, 20);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    const missed = world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    now(world.notifier.invalidateRangeEnd(missed!));
    now(maps[1]!.close());
    await world.notifier.release();
    now(maps[0]!.close());
    expect(reports).toEqual([]);
  });

  it('in the other order are an inversion', () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const ops = withLock(new Recorder());
    const map = world.subscribe(0, 10, ops);
    world.invalidate(0, 10);
    ops.lock.lockSync(); // somebody holds his own lock, and starts a section
    world.invalidate(50, 60);
    ops.lock.unlock();
    expect(reports.map(({ kind }) => kind)).toEqual(['order-inversion']);
    now(map.close());
  });
});
