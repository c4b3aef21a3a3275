/** The lock order, and that nobody sleeps in a non-blockable section: sync's lockdep looks on. */
import { describe, expect, it } from 'vitest';
import { watchLocks, withLock } from '../../hlist-srcu/test/driver-locks.ts';
import { amdgpuMn } from '../src/index.ts';
import { begin, now, publish, Recorder, World } from './world.ts';

describe.each(amdgpuMn.variants)('locks of %s', (variant) => {
  it('are taken in one order by registration, section, submission and release, and only tried when nobody may sleep', async () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const bos = [world.subscribe(0, 10, withLock(new Recorder())), world.subscribe(5, 15)];
    world.invalidate(0, 20);
    for (const bo of bos) expect(publish(bo, begin(bo))).toBe(true);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    const missed = world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    now(world.notifier.invalidateRangeEnd(missed!));
    now(bos[1]!.close());
    await world.notifier.release();
    await world.driver.workers.drain();
    expect(reports).toEqual([]);
  });

  it('take a lock of the subscriber’s inside of amn->lock', () => {
    const world = new World({ variant });
    const ops = withLock(new Recorder());
    const held: boolean[] = [];
    ops.act = () => void held.push(ops.lock.isLocked);
    const bo = world.subscribe(0, 10, ops);
    publish(bo, begin(bo), () => void held.push(ops.lock.isLocked));
    world.invalidate(0, 10);
    expect(held).toEqual([true, true]);
    expect(ops.lock.isLocked).toBe(false);
  });

  it('in the other order are an inversion', () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const ops = withLock(new Recorder());
    const bo = world.subscribe(0, 10, ops);
    world.invalidate(0, 10);
    ops.lock.lockSync(); // somebody holds his own lock, and starts a section
    world.invalidate(50, 60);
    ops.lock.unlock();
    expect(reports.map(({ kind }) => kind)).toEqual(['order-inversion']);
    now(bo.close());
  });
});
