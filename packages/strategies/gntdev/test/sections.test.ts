/** What a section promises, in both variants. */
import { addressMax } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { gntdev } from '../src/index.ts';
import { begin, codeFrom, isPending, now, publish, Recorder, World } from './world.ts';

describe.each(gntdev.variants)('a section, %s', (variant) => {
  it('[S1] [S2] [S3] calls the maps that it hits once, each with its cookie, and no others', () => {
    const world = new World({ variant });
    const maps = [0, 10, 20, 30].map((start, at) => world.recorder(start, start + 10, at));
    const end = world.start(10, 30);
    const call = { start: 10, end: 30, event: 'CLEAR' };
    expect(maps.map(({ calls }) => calls)).toEqual([
      [],
      [{ ...call, cookie: 1 }],
      [{ ...call, cookie: 2 }],
      [],
    ]);
    end();
    world.invalidate(0, addressMax);
    expect(maps.map(({ calls }) => calls.length)).toEqual([1, 2, 2, 1]);
    world.notifier.verify();
  });

  it('[S1] returns when the last sleeping callback is over; others wait for priv->lock meanwhile', async () => {
    const world = new World({ variant });
    const opened = Promise.withResolvers<void>();
    world.recorder(0, 10).ops.act = () => opened.promise;
    const other = world.recorder(20, 30);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const behind = world.notifier.invalidateRangeStart({ start: 20, end: 30 });
    expect(await isPending(started)).toBe(true);
    expect(await isPending(behind)).toBe(true);
    expect(other.calls).toEqual([]);
    opened.resolve();
    for (const section of [await started, await behind]) {
      now(world.notifier.invalidateRangeEnd(section));
    }
    expect(other.calls).toHaveLength(1);
    expect(world.gntdev.lock.isLocked).toBe(false);
  });

  it('[N1] is refused if it may not wait and somebody sleeps with priv->lock', async () => {
    const world = new World({ variant });
    const opened = Promise.withResolvers<void>();
    world.recorder(0, 10).ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const start = () => world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    expect(start()).toBe(undefined);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    now(world.notifier.invalidateRangeEnd(start()!));
    world.notifier.verify();
  });

  it('[N2] is refused if it may not wait and hits a map, and leaves nothing', () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const seq = begin(subscription);
    for (const event of ['CLEAR', 'UNMAP'] as const) {
      const range = { start: 5, end: 6, event };
      expect(world.notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    }
    expect(calls).toEqual([]);
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    expect(publish(subscription, begin(subscription))).toBe(true);
    expect(world.gntdev.lock.isLocked).toBe(false);
  });

  it('[N2] [L-2] leaves nothing behind when another subscriber refuses', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    now(world.notifier.list.register({ invalidateRangeStart: ({ blockable }) => blockable }));
    const range = { start: 50, end: 60 };
    expect(world.notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    expect(publish(subscription, begin(subscription))).toBe(true);
    const end = world.start(0, 10);
    end();
    expect(publish(subscription, begin(subscription))).toBe(true);
    now(subscription.close());
  });

  it('[E1] [N5] a callback that fails fails the section, which is not open then; the others have been called', async () => {
    const world = new World({ variant });
    const [first, second] = [world.recorder(0, 10), world.recorder(5, 10)];
    const failed = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    first.ops.act = () => Promise.reject(new Error('out of order'));
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    first.ops.act = () => false;
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_REFUSED');
    expect(second.calls).toHaveLength(2);
    expect(publish(second.subscription, begin(second.subscription))).toBe(true);
    expect(world.gntdev.lock.isLocked).toBe(false);
  });

  it('runs second passes after all first ones', async () => {
    const world = new World({ variant });
    const log: string[] = [];
    for (const name of ['a', 'b']) {
      world.subscribe(0, 10, {
        invalidate: () => void log.push('invalidate'),
        finish: async () => void log.push(`finish ${name}`),
      });
    }
    const section = await world.notifier.invalidateRangeStart({ start: 0, end: 1 });
    expect(log).toEqual(['invalidate', 'invalidate', 'finish a', 'finish b']);
    now(world.notifier.invalidateRangeEnd(section));
  });
});

describe.each(gntdev.variants)('a map, %s', (variant) => {
  it('[U1] is called no more when it is closed, which waits for a section that holds priv->lock', async () => {
    const world = new World({ variant });
    const opened = Promise.withResolvers<void>();
    const first = world.recorder(0, 10);
    const second = world.recorder(0, 10);
    second.ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const closed = first.subscription.close();
    expect(await isPending(closed)).toBe(true);
    opened.resolve();
    await closed;
    now(world.notifier.invalidateRangeEnd(await started));
    second.ops.act = () => undefined;
    world.invalidate(0, 10);
    expect([first.calls.length, second.calls.length]).toEqual([1, 2]);
    world.notifier.verify();
  });

  it('[S1] is found by sections after it was given up, until it is closed', async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const other = world.recorder(0, 10);
    const opened = Promise.withResolvers<void>();
    other.ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const givenUp = subscription.giveUp();
    expect(await isPending(givenUp)).toBe(true); // the section holds priv->lock
    opened.resolve();
    await givenUp;
    now(world.notifier.invalidateRangeEnd(await started));
    now(other.subscription.close());
    now(subscription.giveUp());
    world.invalidate(0, 10);
    expect(calls).toHaveLength(2);
    world.notifier.verify();
    now(subscription.close());
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBeDefined();
    expect(calls).toHaveLength(2);
  });

  it('[U2] cannot be closed in a callback', () => {
    const world = new World({ variant });
    const { subscription, ops } = world.recorder(0, 10);
    const codes: unknown[] = [];
    ops.act = () => void codes.push(codeFrom(() => subscription.close()));
    world.invalidate(0, 10);
    return expect(codes[0]).resolves.toBe('MMN_IN_CALLBACK');
  });

  it('[L1] is torn down once by a release, after an install on its way', async () => {
    const world = new World({ variant });
    const { subscription, calls, ops } = world.recorder(0, 10);
    const end = world.start(50, 60);
    const installed = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => installed.promise);
    const released = world.notifier.release();
    expect(await isPending(released)).toBe(true);
    expect(calls).toEqual([]);
    installed.resolve();
    expect(await published).toBe(true);
    await released;
    expect(calls.map(({ event }) => event)).toEqual(['RELEASE']);
    expect(ops.releases).toBe(1);
    end();
    expect(await codeFrom(() => world.notifier.release())).toBe('MMN_RELEASED');
    expect(await codeFrom(() => subscription.readBegin())).toBe('MMN_RELEASED');
    now(subscription.close());
    const late = (): unknown => world.notifier.subscribe({ start: 0, end: 1 }, new Recorder());
    expect(await codeFrom(late)).toBe('MMN_RELEASED');
  });

  it('gives its words back, for the next one to use', () => {
    const world = new World({ variant });
    const { byteLength } = world.gntdev.memory;
    for (let round = 0; round < 200; round++) now(world.recorder(0, 10).subscription.close());
    expect(world.gntdev.memory.byteLength).toBe(byteLength);
    const { subscription, calls } = world.recorder(0, 10);
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
  });
});

describe('fixed', () => {
  it('[R1] [R2] [R5] [S6] a read waits for sections that hit it, and what was read before is refused', async () => {
    const world = new World({ variant: 'fixed' });
    const { subscription } = world.recorder(0, 10);
    const before = begin(subscription);
    const ends = [world.start(0, 10), world.start(5, 6)];
    const read = subscription.readBegin();
    expect(publish(subscription, before)).toBe(false);
    for (const end of ends) {
      expect(await isPending(read)).toBe(true);
      end();
    }
    const endAgain = world.start(0, 10);
    expect(publish(subscription, await read)).toBe(false);
    endAgain();
    expect(subscription.checkRetry(before)).toBe(true);
    expect(publish(subscription, before)).toBe(false);
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('[R3] sections elsewhere hold nobody up', () => {
    const world = new World({ variant: 'fixed' });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(50, 60);
    world.invalidate(10, 20);
    expect(publish(subscription, seq)).toBe(true);
    expect(publish(subscription, begin(subscription))).toBe(true);
    end();
  });

  it('[S5] a map made in an open section reads when it is over', async () => {
    const world = new World({ variant: 'fixed' });
    const end = world.start(0, 10);
    const { subscription } = world.recorder(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
  });

  it('[L1] a release wakes a read that waits', async () => {
    const world = new World({ variant: 'fixed' });
    const { subscription } = world.recorder(0, 10);
    world.start(0, 10);
    const read = subscription.readBegin();
    await world.notifier.release();
    expect(await codeFrom(() => read)).toBe('MMN_RELEASED');
  });
});

describe('the strategy', () => {
  it('[T1] tells its defects, and claims to be correct only when fixed', () => {
    expect(gntdev.traits().correct).toBe(false);
    expect(gntdev.traits().retryScope).toBe('none');
    expect(gntdev.traits().knownRaces.map(({ id }) => id)).toEqual(['GNT-1', 'GNT-2', 'GNT-3']);
    expect(gntdev.traits('fixed').correct).toBe(true);
    expect(gntdev.traits('fixed').knownRaces).toEqual([]);
    expect(gntdev.takesIndex).toBe(false);
  });
});
