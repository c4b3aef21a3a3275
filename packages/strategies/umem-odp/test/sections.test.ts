/** What a section promises, with every container. */
import { addressMax } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { begin, codeFrom, isPending, kinds, now, publish, Recorder, World } from './world.ts';

describe.each(kinds)('a section, $variant with $index', (kind) => {
  it('[S1] calls every overlapping region once before start returns, each with its cookie', () => {
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

  it('[S1] returns when the last sleeping callback is over, and not before', async () => {
    const world = new World(kind);
    const opened = Promise.withResolvers<void>();
    world.recorder(0, 10).ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    world.notifier.verify();
  });

  it('[S2] [S3] touching and disjoint ranges call nobody', () => {
    const world = new World(kind);
    const { calls } = world.recorder(10, 20);
    for (const [start, end] of [
      [0, 10],
      [20, 30],
      [50, addressMax],
    ] as const) {
      world.invalidate(start, end);
    }
    expect(calls).toEqual([]);
    world.invalidate(19, 20);
    world.invalidate(0, addressMax);
    expect(calls).toHaveLength(2);
  });

  it('[S4] refuses a span that is none', async () => {
    const { notifier } = new World(kind);
    const ops = new Recorder();
    expect(await codeFrom(() => notifier.subscribe({ start: 5, end: 5 }, ops))).toBe(
      'MMN_RANGE_EMPTY',
    );
    expect(await codeFrom(() => notifier.subscribe({ start: 6, end: 5 }, ops))).toBe(
      'MMN_RANGE_INVERTED',
    );
    expect(await codeFrom(() => notifier.subscribe({ start: 0, end: 0.5 }, ops))).toBe(
      'MMN_ADDRESS',
    );
  });

  it('[S6] sections nest and overlap; only the last end lets readers go on', async () => {
    const world = new World(kind);
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

  it('[N1] [N2] a non-blockable start that hits nobody goes through; one that hits is refused and leaves nothing', () => {
    const { notifier, ...world } = withRegion(kind);
    const missed = notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    now(notifier.invalidateRangeEnd(missed!));
    const seq = begin(world.subscription);
    expect(notifier.tryInvalidateRangeStart({ start: 5, end: 6 })).toBe(undefined);
    expect(world.calls).toEqual([]);
    expect(world.subscription.count).toBe(0);
    expect(publish(world.subscription, seq)).toBe(true);
    notifier.verify();
  });

  it('[E1] a callback that throws fails the section, which is not open then; the others have been called', async () => {
    const world = new World(kind);
    const others = [world.recorder(0, 10), world.recorder(1, 10)];
    world.recorder(0, 9).ops.act = () => {
      throw new Error('out of order');
    };
    others.push(world.recorder(2, 10));
    const failed = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    expect(others.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    for (const { subscription } of others) {
      expect(publish(subscription, begin(subscription))).toBe(true);
      now(subscription.close());
    }
    world.notifier.verify();
  });

  it('[N5] a callback that would block in a blockable section is told on', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = () => false;
    const refused = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(refused)).toBe('MMN_CALLBACK_REFUSED');
    expect(subscription.count).toBe(0);
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
    world.notifier.verify();
  });
});

function withRegion(kind: (typeof kinds)[number]) {
  const world = new World(kind);
  return { notifier: world.notifier, ...world.recorder(0, 10) };
}
