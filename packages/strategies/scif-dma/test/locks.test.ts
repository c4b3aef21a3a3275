/** The lock order, and that nobody sleeps in a non-blockable section: sync's lockdep looks on. */
import { describe, expect, it } from 'vitest';
import { watchLocks, withLock } from '../../hlist-srcu/test/driver-locks.ts';
import { cachePagesMax } from '../src/endpoint.ts';
import { scifDma } from '../src/index.ts';
import { begin, copy, large, now, publish, Recorder, settled, World } from './world.ts';

describe.each(scifDma.variants)('locks of %s', (variant) => {
  it('are taken in one order by section, copy, worker and release, and only tried when nobody may sleep', async () => {
    const reports = watchLocks();
    const world = new World({ variant });
    const buffers = [
      world.subscribe(0, 8192, withLock(new Recorder())),
      world.subscribe(4096, 12288),
      world.subscribe(large, 3 * large),
    ];
    for (let round = 0; round < 2; round++) {
      for (const buffer of buffers) copy(buffer);
      await settled(); // the worker
      for (const buffer of buffers) copy(buffer);
      world.invalidate(0, 2 * large);
      await settled();
    }
    for (const buffer of buffers) copy(buffer);
    const section = world.notifier.tryInvalidateRangeStart({ start: 0, end: 2 * large });
    now(world.notifier.invalidateRangeEnd(section!));
    now(buffers[1]!.close());
    await world.notifier.release();
    await settled();
    expect(reports).toEqual([]);
  });

  it('are both held by a copy and by the worker, and the buffer’s alone by a section', async () => {
    const world = new World({ variant });
    const bytes = variant === 'v5.3' ? large : 4096;
    const ops = withLock(new Recorder());
    const held: string[] = [];
    const note = (who: string): void =>
      void held.push(
        `${who}: ${world.endpoint.rmaLock.isLocked ? 'rma_lock, ' : ''}${ops.lock.isLocked ? 'own' : ''}`,
      );
    ops.act = ({ event }) => note(event);
    const buffer = world.subscribe(0, bytes, ops);
    expect(publish(buffer, begin(buffer), () => note('copy'))).toBe(true);
    world.start(0, 10, 'UNMAP')();
    copy(buffer);
    const limit = cachePagesMax * 4096;
    world.copied(2 * large, 2 * large + limit); // there is no room for both
    await settled();
    expect(held).toEqual(['copy: rma_lock, own', 'UNMAP: own', 'CLEAR: rma_lock, own']);
    expect([world.endpoint.rmaLock.isLocked, ops.lock.isLocked]).toEqual([false, false]);
  });

  it('of a copy that cannot have the second one is given back', async () => {
    const world = new World({ variant });
    const ops = withLock(new Recorder());
    const buffer = world.subscribe(0, 10, ops);
    now(ops.lock.lock());
    const abort = new AbortController();
    const published = buffer.publish(begin(buffer), () => {}, abort.signal);
    abort.abort(new Error('enough'));
    await expect(published).rejects.toThrow('enough');
    expect(world.endpoint.rmaLock.isLocked).toBe(false);
    ops.lock.unlock();
  });
});

describe.each([
  { variant: 'v5.3', bytes: large },
  { variant: 'cached', bytes: 4096 },
  { variant: 'fixed', bytes: 4096 },
])('$variant', ({ variant, bytes }) => {
  it('[N1] is refused, and nothing is left, while somebody holds the lock of a buffer that it hits', () => {
    const world = new World({ variant });
    const ops = withLock(new Recorder());
    const buffer = world.subscribe(0, bytes, ops);
    copy(buffer);
    now(ops.lock.lock());
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect(ops.calls).toEqual([]);
    ops.lock.unlock();
    world.invalidate(0, 10);
    expect(ops.calls).toHaveLength(1);
    copy(buffer);
  });
});
