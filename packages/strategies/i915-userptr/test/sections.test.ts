/** What a section promises for objects that hold pages, in every variant and with every container. */
import { addressMax } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { begin, codeFrom, isPending, kinds, now, publish, Recorder, World } from './world.ts';

describe.each(kinds)('a section, $variant with $index', (kind) => {
  /** A section’s own range, or all of the object that it hits. */
  const told = (section: [number, number], object: [number, number]): [number, number] =>
    kind.variant === 'v5.3' ? object : section;

  it('[S1] calls every object with pages that it hits once, each with its cookie', () => {
    const world = new World(kind);
    const spans: [number, number][] = [
      [0, 10],
      [5, 15],
      [9, 10],
    ];
    const hit = spans.map(([start, end], at) => world.active(start, end, at + 1));
    const missed = world.active(100, 200);
    const end = world.start(9, 10, 'UNMAP');
    for (const [at, { calls }] of hit.entries()) {
      const [start, last] = told([9, 10], spans[at]!);
      expect(calls).toEqual([{ start, end: last, event: 'UNMAP', cookie: at + 1 }]);
    }
    end();
    expect(hit.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    expect(missed.calls).toEqual([]);
    world.notifier.verify();
  });

  it('[S1] returns when the last sleeping callback is over; others wait for struct_mutex meanwhile', async () => {
    const world = new World(kind);
    const opened = Promise.withResolvers<void>();
    world.active(0, 10).ops.act = () => opened.promise;
    const other = world.active(20, 30);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const behind = world.notifier.invalidateRangeStart({ start: 20, end: 30 });
    const elsewhere = world.notifier.invalidateRangeStart({ start: 50, end: 60 });
    now(world.notifier.invalidateRangeEnd(now(elsewhere)));
    expect(await isPending(started)).toBe(true);
    expect(await isPending(behind)).toBe(true);
    expect(other.calls).toEqual([]);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    now(world.notifier.invalidateRangeEnd(await behind));
    expect(other.calls).toHaveLength(1);
    world.notifier.verify();
  });

  it('[S2] [S3] touching and disjoint ranges call nobody', () => {
    const world = new World(kind);
    const { calls } = world.active(10, 20);
    world.invalidate(0, 10);
    world.invalidate(20, 30);
    world.invalidate(50, addressMax);
    expect(calls).toEqual([]);
    world.invalidate(19, 20);
    expect(calls).toHaveLength(1);
  });

  it('[S4] refuses a span that is none', async () => {
    const { notifier } = new World(kind);
    const ops = new Recorder();
    expect(await codeFrom(() => notifier.subscribe({ start: 5, end: 5 }, ops))).toBe(
      'MMN_RANGE_EMPTY',
    );
  });

  it('[N1] [N2] refuses a non-blockable start that hits pages, and leaves them alone', () => {
    const world = new World(kind);
    const { subscription, calls } = world.active(0, 10);
    const missed = world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    now(world.notifier.invalidateRangeEnd(missed!));
    const seq = begin(subscription);
    expect(world.notifier.tryInvalidateRangeStart({ start: 5, end: 6 })).toBe(undefined);
    expect(calls).toEqual([]);
    expect(publish(subscription, seq)).toBe(true);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    world.notifier.verify();
  });

  it('[E1] a callback that throws fails the section; the others are called, and it can be tried again', async () => {
    const world = new World(kind);
    const objects = [world.active(0, 10), world.active(1, 10), world.active(2, 10)];
    for (const { ops } of objects) ops.act = () => Promise.reject(new Error('out of order'));
    const failed = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    expect(objects.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    for (const { subscription, ops } of objects) {
      ops.act = () => undefined;
      expect(publish(subscription, await subscription.readBegin())).toBe(true);
    }
    world.invalidate(0, 10);
    expect(objects.map(({ calls }) => calls.length)).toEqual([2, 2, 2]);
    world.notifier.verify();
  });

  it('[N5] a callback that would block in a blockable section is told on', async () => {
    const world = new World(kind);
    const { ops, calls } = world.active(0, 10);
    ops.act = () => false;
    const refused = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(refused)).toBe('MMN_CALLBACK_REFUSED');
    ops.act = () => undefined;
    world.invalidate(0, 10); // it holds its pages still
    expect(calls).toHaveLength(2);
    world.notifier.verify();
  });

  it('is not open when it was given up while it waited for struct_mutex', async () => {
    const world = new World(kind);
    const opened = Promise.withResolvers<void>();
    world.active(0, 10).ops.act = () => opened.promise;
    const other = world.active(20, 30);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const abort = new AbortController();
    const range = { start: 20, end: 30 };
    const given = world.notifier.invalidateRangeStart(range, abort.signal);
    abort.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    expect(publish(other.subscription, await other.subscription.readBegin())).toBe(true);
    other.calls.length = 0;
    world.invalidate(20, 30);
    expect(other.calls).toHaveLength(1);
    world.notifier.verify();
  });

  it('runs second passes after all first ones, without struct_mutex', async () => {
    const world = new World(kind);
    const log: string[] = [];
    for (const name of ['a', 'b']) {
      const object = world.subscribe(0, 10, {
        invalidate: () => void log.push('invalidate'),
        finish: async ({ start, end }) => void log.push(`finish ${name} ${start}-${end}`),
      });
      expect(publish(object, begin(object))).toBe(true);
    }
    const section = await world.notifier.invalidateRangeStart({ start: 0, end: 1 });
    now(world.notifier.invalidateRangeEnd(section));
    expect(log.slice(0, 2)).toEqual(['invalidate', 'invalidate']);
    expect(log.slice(2).toSorted()).toEqual(['finish a 0-1', 'finish b 0-1']);
  });
});
