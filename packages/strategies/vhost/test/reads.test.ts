/** Mapping an area, using the map, and the area's own life. */
import { Mutex } from '@mmu-notifier/sync';
import { LockMemory } from '@mmu-notifier/hlist-srcu/driver';
import { describe, expect, it } from 'vitest';
import { vhost } from '../src/index.ts';
import { begin, codeFrom, isPending, now, publish, Recorder, World } from './world.ts';

function failing(): never {
  throw new Error('bad descriptor');
}

describe.each(vhost.variants)('mapping, %s', (variant) => {
  it('[R1] waits in readBegin while a section that hits the virtqueue is open', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
  });

  it('[R2] [S5] is refused when a section that hits it was or is open since', () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(5, 6);
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
    end();
    expect(publish(subscription, seq)).toBe(false);
    expect(subscription.isMapped).toBe(false);
  });

  it('[R3] goes on when no section hit its virtqueue', () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(50, 60);
    world.invalidate(70, 80);
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
    expect(subscription.isMapped).toBe(true);
    end();
  });

  it('[R5] returns after one moment without sections, even if another opened', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    end();
    const endAgain = world.start(0, 10);
    expect(publish(subscription, await read)).toBe(false);
    endAgain();
  });

  it('takes a lock of the subscriber’s inside of mmu_lock', () => {
    const { region, fixedAt } = new LockMemory('test', 2, 0);
    const lock = new Mutex(region, fixedAt);
    const world = new World({ variant });
    const ops = Object.assign(new Recorder(), { lock });
    const held: boolean[] = [];
    const note = (): void => void held.push(lock.isLocked && world.virtqueue.mmuLock.isLocked);
    ops.act = note;
    const subscription = world.subscribe(0, 10, ops);
    expect(publish(subscription, begin(subscription), note)).toBe(true);
    world.invalidate(0, 10);
    expect(held).toEqual([true, true]);
    expect([lock.isLocked, world.virtqueue.mmuLock.isLocked]).toEqual([false, false]);
  });
});

describe.each(vhost.variants)('using a map, %s', (variant) => {
  it('takes the slow way when there is none: before it is mapped, and after a section', () => {
    const world = new World({ variant });
    const { subscription, ops } = world.recorder(0, 10);
    expect(now(subscription.access(() => 'used'))).toBe(undefined);
    expect(publish(subscription, begin(subscription))).toBe(true);
    expect(now(subscription.access(() => 'used'))).toBe('used');
    world.invalidate(0, 10);
    expect(now(subscription.access(() => 'used'))).toBe(undefined);
    expect(ops.dirtied).toBe(1);
    world.invalidate(0, 10);
    expect(ops.dirtied).toBe(1);
  });

  it('[S1] a section that finds the map returns when nobody uses it any more', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    expect(publish(subscription, begin(subscription))).toBe(true);
    const used = Promise.withResolvers<void>();
    const access = subscription.access(() => used.promise);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    used.resolve();
    await access;
    now(world.notifier.invalidateRangeEnd(await started));
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('lets go of the map when its use throws, at once or later', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    expect(publish(subscription, begin(subscription))).toBe(true);
    expect(() => subscription.access(failing)).toThrow('bad descriptor');
    await expect(subscription.access(async () => failing())).rejects.toThrow('bad descriptor');
    world.invalidate(0, 10);
  });
});

describe.each(vhost.variants)('an area, %s', (variant) => {
  it('leaves its place in the virtqueue to the next one', () => {
    const world = new World({ variant });
    const areas = [0, 10, 20].map((start) => world.recorder(start, start + 5));
    now(areas[1]!.subscription.close());
    const next = world.recorder(40, 45);
    expect(next.subscription.virtqueue).toBe(areas[0]!.subscription.virtqueue);
    expect(next.subscription.index).toBe(1);
    const fourth = world.recorder(60, 65);
    expect(fourth.subscription.virtqueue).not.toBe(areas[0]!.subscription.virtqueue);
    world.invalidate(0, 100);
    expect(areas.map(({ calls }) => calls.length)).toEqual([1, 0, 1]);
    expect([next.calls.length, fourth.calls.length]).toEqual([1, 1]);
    world.notifier.verify();
  });

  it('[U1] is called no more when it is closed, also when it closes in an open section', async () => {
    const world = new World({ variant });
    const first = world.recorder(0, 10);
    const second = world.recorder(0, 10);
    const end = world.start(0, 10);
    const closed = first.subscription.close();
    end();
    await closed;
    world.invalidate(0, 10);
    expect(first.calls).toHaveLength(1);
    expect(second.calls).toHaveLength(2);
    expect(await codeFrom(() => first.subscription.readBegin())).toBe('MMN_CLOSED');
    world.notifier.verify();
  });

  it('[U2] cannot be closed in a callback', () => {
    const world = new World({ variant });
    const { subscription, ops } = world.recorder(0, 10);
    const codes: unknown[] = [];
    ops.act = () => void codes.push(codeFrom(() => subscription.close()));
    world.invalidate(0, 10);
    return expect(codes[0]).resolves.toBe('MMN_IN_CALLBACK');
  });

  it('[L1] is refused in an address space that was released', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    await world.notifier.release();
    const ops = new Recorder();
    expect(await codeFrom(() => world.notifier.subscribe({ start: 0, end: 1 }, ops))).toBe(
      'MMN_RELEASED',
    );
    expect(ops.calls).toEqual([]);
    now(subscription.close());
  });
});
