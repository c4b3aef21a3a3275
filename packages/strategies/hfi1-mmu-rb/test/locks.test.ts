/** The lock order, and that nobody sleeps in a non-blockable section: sync's lockdep looks on. */
import { describe, expect, it } from 'vitest';
import { watchLocks, withLock } from '../../hlist-srcu/test/driver-locks.ts';
import { hfi1MmuRb } from '../src/index.ts';
import { begin, map, now, publish, Recorder, settled, World } from './world.ts';

describe.each(hfi1MmuRb.variants)('locks of %s', (variant) => {
  it('are held one at a time by section, set-up, library and release, and only tried when nobody may sleep', async () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const buffers = [world.subscribe(0, 10, withLock(new Recorder())), world.subscribe(5, 15)];
    for (const buffer of buffers) map(buffer);
    await settled();
    world.invalidate(0, 20);
    await settled();
    for (const buffer of buffers) map(buffer);
    await settled();
    const section = world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 });
    now(world.notifier.invalidateRangeEnd(section!));
    await settled();
    now(buffers[1]!.close());
    await world.notifier.release();
    await settled();
    expect(reports).toEqual([]);
  });

  it('a subscriber’s own takes the buffer’s place', async () => {
    const world = new World({ variant });
    const ops = withLock(new Recorder());
    const held: boolean[] = [];
    const note = (): void => void held.push(ops.lock.isLocked);
    ops.act = note;
    const buffer = world.subscribe(0, 10, ops);
    expect(publish(buffer, begin(buffer), note)).toBe(true);
    await settled();
    world.invalidate(0, 10);
    await settled();
    expect(held).toEqual([true, true]);
    expect(ops.lock.isLocked).toBe(false);
  });
});

describe.each(['v5.3-sdma', 'fixed', 'fixed-sdma'])('%s', (variant) => {
  it('[N1] is refused, and nothing is left, while somebody holds the lock of a buffer that it hits', async () => {
    const world = new World({ variant });
    const ops = withLock(new Recorder());
    const buffer = world.subscribe(0, 10, ops);
    map(buffer);
    await settled();
    now(ops.lock.lock());
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect(ops.calls).toEqual([]);
    ops.lock.unlock();
    world.invalidate(0, 10);
    expect(ops.calls).toHaveLength(1);
    map(buffer);
  });
});
