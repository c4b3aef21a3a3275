/** What a section promises, in both variants. */
import { addressMax } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { hmm } from '../src/index.ts';
import { begin, codeFrom, isPending, now, publish, Recorder, World } from './world.ts';

describe.each(hmm.variants)('a section, %s', (variant) => {
  it('[S1] [S3] calls every mirror once before start returns, wherever it is, each with its cookie', () => {
    const world = new World({ variant });
    const mirrors = [0, 10, 500].map((start, at) => world.recorder(start, start + 10, at));
    const end = world.start(5, 10, 'UNMAP');
    for (const [at, { calls }] of mirrors.entries()) {
      expect(calls).toEqual([{ start: 5, end: 10, event: 'UNMAP', cookie: at }]);
    }
    end();
    world.invalidate(0, addressMax);
    expect(mirrors.map(({ calls }) => calls.length)).toEqual([2, 2, 2]);
    world.notifier.verify();
  });

  it('[S1] returns when the last sleeping callback is over, and others run beside it', async () => {
    const world = new World({ variant });
    const opened = Promise.withResolvers<void>();
    const { ops } = world.recorder(0, 10);
    const other = world.recorder(20, 30);
    ops.act = ({ start }) => (start === 0 ? opened.promise : undefined);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    expect(other.calls).toEqual([]);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    expect(other.calls).toHaveLength(1);
    world.notifier.verify();
  });

  it('[S4] refuses a span that is none', async () => {
    const { notifier } = new World({ variant });
    const subscribe = (start: number, end: number) => (): unknown =>
      notifier.subscribe({ start, end }, new Recorder());
    expect(await codeFrom(subscribe(5, 5))).toBe('MMN_RANGE_EMPTY');
    expect(await codeFrom(subscribe(6, 5))).toBe('MMN_RANGE_INVERTED');
    expect(await codeFrom(subscribe(0, 0.5))).toBe('MMN_ADDRESS');
  });

  it('[S6] sections nest and overlap; only the last end lets faults go on', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const ends = [world.start(0, 10), world.start(5, 6), world.start(0, 1)];
    const read = subscription.readBegin();
    for (const end of ends) {
      expect(await isPending(read)).toBe(true);
      end();
    }
    expect(publish(subscription, await read)).toBe(true);
    world.notifier.verify();
  });

  it('[N1] [N2] a mirror that would block refuses a non-blockable one, and nothing is left of it', () => {
    const world = new World({ variant });
    const { ops, subscription, calls } = world.recorder(0, 10);
    const other = world.recorder(0, 10);
    ops.act = ({ blockable }) => blockable;
    const seq = begin(other.subscription);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect([calls.length, other.calls.length]).toEqual([1, 1]);
    expect(publish(other.subscription, seq)).toBe(true); // nothing has changed
    for (const mirror of [subscription, other.subscription]) {
      expect(publish(mirror, begin(mirror))).toBe(true);
    }
    ops.act = () => undefined;
    const late = begin(subscription);
    const section = world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 });
    expect(publish(subscription, late)).toBe(false);
    now(world.notifier.invalidateRangeEnd(section!));
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('[N1] is refused, if it must not block, while a mirror is about to come or go', async () => {
    const world = new World({ variant });
    const opened = Promise.withResolvers<void>();
    const { ops, subscription } = world.recorder(0, 10);
    const other = world.recorder(20, 30);
    ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const beside = world.notifier.tryInvalidateRangeStart({ start: 0, end: 1 });
    expect(beside).toBe(undefined); // the mirror's own mutex is held
    const closed = other.subscription.close(); // waits for mirrors_sem
    ops.act = () => undefined;
    expect(await isPending(closed)).toBe(true);
    expect(world.notifier.tryInvalidateRangeStart({ start: 500, end: 600 })).toBe(undefined);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    await closed;
    const section = world.notifier.tryInvalidateRangeStart({ start: 500, end: 600 });
    now(world.notifier.invalidateRangeEnd(section!));
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.notifier.verify();
  });

  it('[E1] [N5] a callback that throws or would block fails it; the others are called, and it is not open then', async () => {
    const world = new World({ variant });
    const [first, second] = [world.recorder(0, 10), world.recorder(5, 10)];
    const failed = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    first.ops.act = () => Promise.reject(new Error('out of order'));
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    first.ops.act = () => false;
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_REFUSED');
    expect(second.calls).toHaveLength(2);
    for (const { subscription } of [first, second]) {
      expect(publish(subscription, begin(subscription))).toBe(true);
      now(subscription.close());
    }
    world.notifier.verify();
  });

  it('can be given up while it waits for mirrors_sem, and is not open then', async () => {
    const world = new World({ variant });
    const opened = Promise.withResolvers<void>();
    const { ops, subscription } = world.recorder(0, 10);
    const other = world.recorder(20, 30);
    ops.act = ({ start }) => (start === 0 ? opened.promise : undefined);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const closed = other.subscription.close();
    const abort = new AbortController();
    const behind = world.notifier.invalidateRangeStart({ start: 5, end: 10 }, abort.signal);
    abort.abort(new Error('enough'));
    await expect(behind).rejects.toThrow('enough');
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    await closed;
    expect(publish(subscription, begin(subscription))).toBe(true);
  });
});
