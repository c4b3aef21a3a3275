/** What a section promises, in both variants. */
import { addressMax } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { vhost } from '../src/index.ts';
import { begin, codeFrom, isPending, now, publish, World } from './world.ts';

describe.each(vhost.variants)('a section, %s', (variant) => {
  it('[S1] [S3] calls the areas that it hits once, each with its cookie, and no others', () => {
    const world = new World({ variant });
    const areas = [0, 100, 200, 300, 400].map((start, at) => world.recorder(start, start + 50, at));
    const end = world.start(110, 310, 'UNMAP');
    const call = { start: 110, end: 310, event: 'UNMAP' };
    expect(areas.map(({ calls }) => calls)).toEqual([
      [],
      [{ ...call, cookie: 1 }],
      [{ ...call, cookie: 2 }],
      [{ ...call, cookie: 3 }],
      [],
    ]);
    end();
    world.invalidate(0, addressMax);
    expect(areas.map(({ calls }) => calls.length)).toEqual([1, 2, 2, 2, 1]);
    world.notifier.verify();
  });

  it('[S2] a section that begins where an area ends does not hit it', () => {
    const world = new World({ variant });
    const { calls } = world.recorder(10, 20);
    world.invalidate(20, 30);
    world.invalidate(50, addressMax);
    expect(calls).toEqual([]);
    world.invalidate(19, 20);
    world.invalidate(0, 11);
    expect(calls).toHaveLength(2);
  });

  it('[S1] returns when the last sleeping callback is over, and not before', async () => {
    const world = new World({ variant });
    const opened = Promise.withResolvers<void>();
    world.recorder(0, 10).ops.act = () => opened.promise;
    const { calls } = world.recorder(0, 10);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    expect(calls).toHaveLength(1);
    world.notifier.verify();
  });

  it('[S5] [S6] sections nest and overlap; only the last end lets the virtqueue be mapped', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const sibling = world.recorder(100, 110).subscription;
    const fourth = [world.recorder(200, 210), world.recorder(300, 310)][1]!.subscription;
    const ends = [world.start(0, 10), world.start(5, 6), world.start(2, 3)];
    expect(publish(fourth, begin(fourth))).toBe(true); // of the next virtqueue
    const reads = [subscription.readBegin(), sibling.readBegin()];
    for (const end of ends) {
      expect(publish(sibling, sibling.turns as never)).toBe(false);
      for (const read of reads) expect(await isPending(read)).toBe(true);
      end();
    }
    expect(publish(subscription, await reads[0]!)).toBe(true);
    expect(publish(sibling, await reads[1]!)).toBe(true);
    world.notifier.verify();
  });

  it('[N1] [N2] a non-blockable start that hits an area is refused and leaves nothing', () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const seq = begin(subscription);
    expect(world.notifier.tryInvalidateRangeStart({ start: 5, end: 6 })).toBe(undefined);
    expect(calls).toEqual([]);
    expect(world.virtqueue.invalidateCount).toBe(0);
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
    world.notifier.verify();
  });

  it('[E1] a callback that throws fails the section, which is not open then; the others have been called', async () => {
    const world = new World({ variant });
    const [first, second] = [world.recorder(0, 10), world.recorder(5, 10)];
    first.ops.act = () => Promise.reject(new Error('out of order'));
    const seq = begin(second.subscription);
    const failed = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    expect(second.calls).toHaveLength(1);
    expect(world.virtqueue.invalidateCount).toBe(0);
    expect(publish(second.subscription, seq)).toBe(false);
    expect(publish(second.subscription, begin(second.subscription))).toBe(true);
    world.notifier.verify();
  });

  it('[N5] a callback that would block in a blockable section is told on', async () => {
    const world = new World({ variant });
    const { ops } = world.recorder(0, 10);
    ops.act = () => false;
    const refused = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(refused)).toBe('MMN_CALLBACK_REFUSED');
    expect(world.virtqueue.invalidateCount).toBe(0);
  });

  it('[N2] [L-2] leaves no count behind when another subscriber refuses, since it would have refused first', () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    now(world.notifier.list.register({ invalidateRangeStart: ({ blockable }) => blockable }));
    for (const [start, end] of [
      [0, 10],
      [50, 60],
    ] as const) {
      expect(world.notifier.tryInvalidateRangeStart({ start, end })).toBe(undefined);
    }
    expect(publish(subscription, begin(subscription))).toBe(true);
    now(subscription.close());
  });
});

describe.each(vhost.variants)('a release, %s', (variant) => {
  it('[L1] tears every area down once, waits for an install on its way, and wakes a read that waits', async () => {
    const world = new World({ variant });
    const [first, ...others] = [0, 20, 40, 60].map((start) => world.recorder(start, start + 10));
    const areas = [first!, others[2]!] as const; // of two virtqueues: one's mmu_lock is held
    const installed = Promise.withResolvers<void>();
    const published = areas[1].subscription.publish(
      begin(areas[1].subscription),
      () => installed.promise,
    );
    const end = world.start(0, 10);
    const read = areas[0].subscription.readBegin();
    const released = world.notifier.release();
    expect(await codeFrom(() => read)).toBe('MMN_RELEASED');
    expect(await isPending(released)).toBe(true);
    expect(areas[1].calls).toEqual([]);
    installed.resolve();
    expect(await published).toBe(true);
    await released;
    expect(areas.map(({ calls }) => calls.map(({ event }) => event))).toEqual([
      ['CLEAR', 'RELEASE'],
      ['RELEASE'],
    ]);
    expect(areas.map(({ ops }) => ops.releases)).toEqual([1, 1]);
    end();
    expect(await codeFrom(() => world.notifier.release())).toBe('MMN_RELEASED');
    for (const { subscription } of areas) now(subscription.close());
    expect(areas.map(({ calls }) => calls.length)).toEqual([2, 1]);
    world.notifier.verify();
  });
});

describe('the strategy', () => {
  it('[T1] tells its defects, and claims to be correct only when fixed', () => {
    expect(vhost.traits().correct).toBe(false);
    expect(vhost.traits().knownRaces.map(({ id }) => id)).toEqual(
      [1, 2, 3, 4, 5].map((n) => `VH-${n}`),
    );
    expect(vhost.traits('fixed').correct).toBe(true);
    expect(vhost.traits('fixed').knownRaces).toEqual([]);
    expect(vhost.takesIndex).toBe(false);
  });
});
