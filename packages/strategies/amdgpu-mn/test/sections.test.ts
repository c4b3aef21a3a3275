/** What a section promises, with every container. */
import { addressMax } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { begin, codeFrom, isPending, kinds, now, publish, Recorder, World } from './world.ts';

describe.each(kinds)('a section, $variant with $index', (kind) => {
  it('[S1] calls every overlapping bo once before start returns, each with its cookie', () => {
    const world = new World(kind);
    const hit = [world.recorder(0, 10, 1), world.recorder(5, 15, 2), world.recorder(9, 10, 3)];
    const missed = world.recorder(100, 200);
    const end = world.start(9, 10, 'UNMAP');
    for (const [at, { calls }] of hit.entries()) {
      expect(calls).toEqual([{ start: 9, end: 10, event: 'UNMAP', cookie: at + 1 }]);
    }
    end();
    expect(hit.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    expect(missed.calls).toEqual([]);
    world.notifier.verify();
  });

  it('[S1] returns when the last sleeping callback is over; others tear down beside it', async () => {
    const world = new World(kind);
    const opened = Promise.withResolvers<void>();
    world.recorder(0, 10).ops.act = () => opened.promise;
    const other = world.recorder(20, 30);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    world.invalidate(20, 30);
    expect(other.calls).toHaveLength(1);
    expect(await isPending(started)).toBe(true);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    world.notifier.verify();
  });

  it('[S2] [S3] calls no bo that it touches or misses, though their node be hit', () => {
    const world = new World(kind);
    const bos = [world.recorder(10, 20), world.recorder(15, 30), world.recorder(40, 50)];
    for (const [start, end] of [
      [0, 10],
      [30, 40],
      [50, addressMax],
    ] as const) {
      world.invalidate(start, end);
    }
    expect(bos.map(({ calls }) => calls.length)).toEqual([0, 0, 0]);
    world.invalidate(10, 11);
    world.invalidate(29, 41);
    expect(bos.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    world.invalidate(0, addressMax);
    expect(bos.map(({ calls }) => calls.length)).toEqual([2, 2, 2]);
  });

  it('[S4] refuses a span that is none', async () => {
    const { notifier } = new World(kind);
    const subscribe = (start: number, end: number) => (): unknown =>
      notifier.subscribe({ start, end }, new Recorder());
    expect(await codeFrom(subscribe(5, 5))).toBe('MMN_RANGE_EMPTY');
    expect(await codeFrom(subscribe(6, 5))).toBe('MMN_RANGE_INVERTED');
    expect(await codeFrom(subscribe(0, 0.5))).toBe('MMN_ADDRESS');
  });

  it('[S6] sections nest and overlap; only the last end lets readers go on', async () => {
    const world = new World(kind);
    const { subscription } = world.validated(0, 10);
    const ends = [world.start(0, 10), world.start(5, 6), world.start(0, 1)];
    const read = subscription.readBegin();
    for (const end of ends) {
      expect(await isPending(read)).toBe(true);
      end();
    }
    expect(publish(subscription, await read)).toBe(true);
    world.notifier.verify();
  });

  it('[N1] [N2] a non-blockable start that hits nobody goes through; one that hits is refused and leaves nothing', () => {
    const world = new World(kind);
    const { subscription, calls } = world.validated(0, 10);
    const missed = world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    now(world.notifier.invalidateRangeEnd(missed!));
    const seq = begin(subscription);
    expect(world.notifier.tryInvalidateRangeStart({ start: 5, end: 6 })).toBe(undefined);
    expect(calls).toEqual([]);
    expect(publish(subscription, seq)).toBe(true);
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.notifier.verify();
  });

  it('[N1] a non-blockable start is refused while somebody submits, and leaves nothing', async () => {
    const world = new World(kind);
    const { subscription } = world.validated(0, 10);
    const submitted = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => submitted.promise);
    expect(world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 })).toBe(undefined);
    submitted.resolve();
    expect(await published).toBe(true);
    const missed = world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    now(world.notifier.invalidateRangeEnd(missed!));
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('[E1] [N5] a callback that throws or would block fails the section, which is not open then; the others have been called', async () => {
    const world = new World(kind);
    const others = [world.validated(0, 10), world.validated(1, 10)];
    const { ops } = world.recorder(0, 9);
    const failed = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    ops.act = () => Promise.reject(new Error('out of order'));
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    ops.act = () => false;
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_REFUSED');
    expect(others.map(({ calls }) => calls.length)).toEqual([2, 2]);
    for (const { subscription } of others) {
      expect(publish(subscription, begin(subscription))).toBe(true);
      now(subscription.close());
    }
    world.notifier.verify();
  });

  it('can be given up while it waits for amn->lock, and is not open then', async () => {
    const world = new World(kind);
    const { subscription } = world.validated(0, 10);
    const submitted = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => submitted.promise);
    const abort = new AbortController();
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 }, abort.signal);
    abort.abort(new Error('enough'));
    await expect(started).rejects.toThrow('enough');
    submitted.resolve();
    await published;
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('runs second passes after all first ones', async () => {
    const world = new World(kind);
    const log: string[] = [];
    for (const name of ['a', 'b']) {
      world.subscribe(0, 10, {
        invalidate: () => void log.push('invalidate'),
        finish: async () => void log.push(`finish ${name}`),
      });
    }
    now(
      world.notifier.invalidateRangeEnd(
        await world.notifier.invalidateRangeStart({ start: 0, end: 1 }),
      ),
    );
    expect(log.slice(0, 2)).toEqual(['invalidate', 'invalidate']);
    expect(log.slice(2).toSorted()).toEqual(['finish a', 'finish b']);
  });
});

describe('a merged node of v5.3', () => {
  it('[N1] refuses a non-blockable start between its bos, where nothing is, as long as any of them lives', () => {
    for (const { merges, variant } of [
      { merges: true, variant: 'v5.3' },
      { merges: false, variant: 'fixed' },
    ]) {
      const world = new World({ variant });
      const bos = [world.recorder(0, 10), world.recorder(20, 30), world.recorder(5, 25)];
      world.notifier.verify();
      now(bos[2]!.subscription.close());
      world.notifier.verify();
      const between = { start: 12, end: 18 };
      expect(world.notifier.tryInvalidateRangeStart(between) === undefined).toBe(merges);
      now(bos[0]!.subscription.close());
      expect(world.notifier.tryInvalidateRangeStart(between) === undefined).toBe(merges);
      now(bos[1]!.subscription.close());
      expect(world.notifier.tryInvalidateRangeStart(between)).toBeDefined();
      world.notifier.verify();
    }
  });
});
