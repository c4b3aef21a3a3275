/** What a section promises for bos that are bound, in every variant and with every container. */
import { addressMax } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { begin, codeFrom, isPending, kinds, now, publish, Recorder, World } from './world.ts';

describe.each(kinds)('a section, $variant with $index', (kind) => {
  const isV53 = kind.variant === 'v5.3';

  it('[S1] calls every bound bo that it hits once, each with its cookie', () => {
    const world = new World(kind);
    const spans = [
      { start: 0, end: 10 },
      { start: 5, end: 15 },
      { start: 9, end: 10 },
    ];
    const hit = spans.map(({ start, end }, at) => world.bound(start, end, at + 1));
    const missed = world.bound(100, 200);
    const end = world.start(9, 10, 'UNMAP');
    for (const [at, { calls }] of hit.entries()) {
      const told = isV53 ? spans[at]! : { start: 9, end: 10 };
      expect(calls).toEqual([{ ...told, event: 'UNMAP', cookie: at + 1 }]);
    }
    end();
    expect(hit.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    expect(missed.calls).toEqual([]);
    world.notifier.verify();
  });

  it('[S1] returns when the last sleeping callback is over', async () => {
    const world = new World(kind);
    const opened = Promise.withResolvers<void>();
    world.bound(0, 10).ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    world.notifier.verify();
  });

  it('[S2] [S3] touching and disjoint ranges call nobody', () => {
    const world = new World(kind);
    const { calls } = world.bound(10, 20);
    world.bound(20, 30); // touches, and is not merged
    world.invalidate(0, 10);
    world.invalidate(20, 30);
    world.invalidate(50, addressMax);
    expect(calls).toEqual([]);
    world.invalidate(19, 20);
    expect(calls).toHaveLength(1);
    world.notifier.verify();
  });

  it('[S4] refuses a span that is none', async () => {
    const { notifier } = new World(kind);
    expect(await codeFrom(() => notifier.subscribe({ start: 5, end: 5 }, new Recorder()))).toBe(
      'MMN_RANGE_EMPTY',
    );
  });

  it('[N1] [N2] refuses a non-blockable start that hits a bo, and leaves it alone', () => {
    const world = new World(kind);
    const { subscription, calls } = world.bound(0, 10);
    const missed = world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    now(world.notifier.invalidateRangeEnd(missed!));
    const seq = begin(subscription);
    expect(world.notifier.tryInvalidateRangeStart({ start: 5, end: 6 })).toBe(undefined);
    expect(calls).toEqual([]);
    expect(publish(subscription, seq)).toBe(true);
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.notifier.verify();
  });

  it('[N1] a non-blockable start elsewhere is refused while another one unbinds, in v5.3', async () => {
    const world = new World(kind);
    const opened = Promise.withResolvers<void>();
    world.bound(0, 10).ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const tried = world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    expect(tried === undefined).toBe(isV53);
    if (tried !== undefined) now(world.notifier.invalidateRangeEnd(tried));
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    expect(world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 })).toBeDefined();
  });

  it('[E1] a callback that throws fails the section; the others are called, and it can be tried again', async () => {
    const world = new World(kind);
    const bos = [world.bound(0, 10), world.bound(1, 10), world.bound(2, 10)];
    for (const { ops } of bos) ops.act = () => Promise.reject(new Error('out of order'));
    const failed = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    expect(bos.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    for (const { ops } of bos) ops.act = () => undefined;
    world.invalidate(0, 10);
    expect(bos.map(({ calls }) => calls.length)).toEqual([2, 2, 2]);
    for (const { subscription } of bos) {
      expect(publish(subscription, begin(subscription))).toBe(true);
    }
    world.notifier.verify();
  });

  it('[N5] a callback that would block in a blockable section is told on', async () => {
    const world = new World(kind);
    const { ops, calls } = world.bound(0, 10);
    ops.act = () => false;
    const refused = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(refused)).toBe('MMN_CALLBACK_REFUSED');
    ops.act = () => undefined;
    world.invalidate(0, 10); // it is bound still
    expect(calls).toHaveLength(2);
  });

  it('runs second passes after all first ones', async () => {
    const world = new World(kind);
    const log: string[] = [];
    for (const name of ['a', 'b']) {
      const bo = world.subscribe(0, 10, {
        invalidate: () => void log.push('invalidate'),
        finish: async ({ start, end }) => void log.push(`finish ${name} ${start}-${end}`),
      });
      expect(publish(bo, begin(bo))).toBe(true);
    }
    const section = await world.notifier.invalidateRangeStart({ start: 0, end: 1 });
    now(world.notifier.invalidateRangeEnd(section));
    expect(log.slice(0, 2)).toEqual(['invalidate', 'invalidate']);
    expect(log.slice(2).toSorted()).toEqual(['finish a 0-1', 'finish b 0-1']);
  });
});
