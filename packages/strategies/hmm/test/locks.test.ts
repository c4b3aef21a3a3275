/** The lock order, and that nobody sleeps in a non-blockable section: sync's lockdep looks on. */
import { describe, expect, it } from 'vitest';
import { watchLocks, withLock } from '../../hlist-srcu/test/driver-locks.ts';
import { hmm } from '../src/index.ts';
import { begin, now, publish, Recorder, World } from './world.ts';

describe.each(hmm.variants)('locks of %s', (variant) => {
  it('are taken in one order by section, fault and release, and only tried when nobody may sleep', async () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const mirrors = [world.subscribe(0, 10, withLock(new Recorder())), world.subscribe(5, 15)];
    world.invalidate(0, 20);
    for (const mirror of mirrors) expect(publish(mirror, begin(mirror))).toBe(true);
    const section = world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 });
    now(world.notifier.invalidateRangeEnd(section!));
    now(mirrors[1]!.close());
    await world.notifier.release();
    expect(reports).toEqual([]);
  });

  it('in the other order are an inversion', async () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const ops = withLock(new Recorder());
    const mirror = world.subscribe(0, 10, ops);
    world.invalidate(0, 10);
    ops.lock.lockSync(); // somebody holds his own lock, and starts a section
    const started = world.notifier.invalidateRangeStart({ start: 50, end: 60 });
    expect(reports.map(({ kind }) => kind)).toContain('order-inversion');
    ops.lock.unlock();
    now(world.notifier.invalidateRangeEnd(await started));
    now(mirror.close());
  });
});
