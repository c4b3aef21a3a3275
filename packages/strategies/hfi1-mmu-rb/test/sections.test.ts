/** What a section promises, for both users and with every container. */
import { addressMax } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { hfi1MmuRb } from '../src/index.ts';
import { begin, codeFrom, isPending, kinds, map, now, publish, settled, World } from './world.ts';

/** v5.3's expected receive leaves it to the library, after the start. */
const inStart = kinds.filter(({ variant }) => variant !== 'v5.3');
const fixed = kinds.filter(isFixed);

function isFixed({ variant }: { readonly variant: string }): boolean {
  return variant.startsWith('fixed');
}

describe.each(kinds)('a section, $variant with $index', (kind) => {
  it('[S1] has every buffer that it hits torn down once, with its cookie, in v5.3 as a whole', async () => {
    const world = new World(kind);
    const hit = [
      await world.mapped(0, 10, 1),
      await world.mapped(5, 15, 2),
      await world.mapped(9, 10, 3),
    ];
    const missed = await world.mapped(100, 200);
    world.start(9, 10, 'UNMAP')();
    await settled();
    const seen = hit.map(({ calls }) =>
      calls.map(({ start, end, cookie }) => [start, end, cookie]),
    );
    const expected = [[[0, 10, 1]], [[5, 15, 2]], [[9, 10, 3]]];
    expect(seen).toEqual(isFixed(kind) ? [[[9, 10, 1]], [[9, 10, 2]], [[9, 10, 3]]] : expected);
    expect(missed.calls).toEqual([]);
    expect(world.mmuRb.pinned).toBe(isFixed(kind) ? 3 : 1);
    world.notifier.verify();
  });

  it('[S2] [S3] touching and disjoint ranges have nobody torn down', async () => {
    const world = new World(kind);
    const { calls, subscription } = await world.mapped(10, 20);
    for (const [start, end] of [
      [0, 10],
      [20, 30],
      [50, addressMax],
    ] as const) {
      world.invalidate(start, end);
    }
    await settled();
    expect(calls).toEqual([]);
    world.invalidate(19, 20);
    await settled();
    map(subscription);
    await settled();
    world.invalidate(0, addressMax);
    await settled();
    expect(calls).toHaveLength(2);
    world.notifier.verify();
  });

  it('[S4] refuses a span that is none', async () => {
    const { notifier } = new World(kind);
    const subscribe = (start: number, end: number) => () =>
      notifier.subscribe({ start, end }, { invalidate: () => {} });
    expect(await codeFrom(subscribe(5, 5))).toBe('MMN_RANGE_EMPTY');
    expect(await codeFrom(subscribe(6, 5))).toBe('MMN_RANGE_INVERTED');
    expect(await codeFrom(subscribe(0, 0.5))).toBe('MMN_ADDRESS');
  });

  it('finds a buffer again that was torn down and published anew', async () => {
    const world = new World(kind);
    const { calls, subscription } = await world.mapped(0, 10);
    for (let round = 1; round <= 3; round++) {
      world.invalidate(0, 10);
      await settled();
      expect(calls).toHaveLength(round);
      expect(world.mmuRb.pinned).toBe(0);
      map(subscription);
      await settled();
      expect(world.mmuRb.pinned).toBe(1);
      world.notifier.verify();
    }
  });

  it('is told to whoever asked for it, and in v5.3 not who that was', async () => {
    const world = new World(kind);
    const owner = {};
    const { ops, calls } = await world.mapped(0, 10);
    Object.assign(ops, { owner });
    let seen: unknown = 'nobody';
    ops.act = (range) => void (seen = range.owner);
    const range = { start: 0, end: 1, event: 'MIGRATE', owner } as const;
    now(world.notifier.invalidateRangeEnd(now(world.notifier.invalidateRangeStart(range))));
    await settled();
    expect(calls).toHaveLength(1);
    expect(seen).toBe(isFixed(kind) ? owner : undefined);
  });
});

describe.each(inStart)('a start, $variant with $index', (kind) => {
  it('[S1] has torn down when it returns, and tells the event', async () => {
    const world = new World(kind);
    const { calls } = await world.mapped(0, 10, 7);
    const end = world.start(5, 6, 'UNMAP');
    const range = isFixed(kind) ? { start: 5, end: 6 } : { start: 0, end: 10 };
    expect(calls).toEqual([{ ...range, event: 'UNMAP', cookie: 7 }]);
    end();
    await settled();
    expect(calls).toHaveLength(1);
  });

  it('[S1] waits for subscribers that sleep; the worker unpins what is torn down', async () => {
    const world = new World(kind);
    const opened = Promise.withResolvers<void>();
    const { ops } = await world.mapped(0, 10);
    ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    expect(world.mmuRb.pinned).toBe(1);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    await settled();
    expect(world.mmuRb.pinned).toBe(0);
    world.notifier.verify();
  });

  it('[N1] is not refused by the driver itself', async () => {
    const world = new World(kind);
    const { calls } = await world.mapped(0, 10);
    const section = world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 });
    expect(calls).toHaveLength(1);
    now(world.notifier.invalidateRangeEnd(section!));
  });

  it('[N2] is refused by a subscriber that would sleep, whose buffer stays', async () => {
    const world = new World(kind);
    const { ops, calls } = await world.mapped(0, 10);
    ops.act = ({ blockable }) => blockable;
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect(world.mmuRb.pinned).toBe(1);
    world.invalidate(9, 10);
    expect(calls).toHaveLength(2);
    world.notifier.verify();
  });

  it('[E1] fails when a callback throws; the others have been called, and that buffer stays', async () => {
    const world = new World(kind);
    const others = [await world.mapped(0, 10), await world.mapped(1, 10)];
    const broken = await world.mapped(0, 9);
    broken.ops.act = () => {
      throw new Error('out of order');
    };
    others.push(await world.mapped(2, 10));
    const failed = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    expect(others.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    for (const { subscription } of others) map(subscription);
    broken.ops.act = () => false;
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_REFUSED');
    expect(broken.calls).toHaveLength(2);
    await settled();
    world.notifier.verify();
  });

  it('runs second passes after all first ones', async () => {
    const world = new World(kind);
    const log: string[] = [];
    for (const name of ['a', 'b']) {
      const subscription = world.subscribe(0, 10, {
        invalidate: () => void log.push('invalidate'),
        finish: async () => void log.push(`finish ${name}`),
      });
      map(subscription);
    }
    await settled();
    now(
      world.notifier.invalidateRangeEnd(
        await world.notifier.invalidateRangeStart({ start: 0, end: 1 }),
      ),
    );
    expect(log.slice(0, 2)).toEqual(['invalidate', 'invalidate']);
    expect(log.slice(2).toSorted()).toEqual(['finish a', 'finish b']);
  });
});

describe.each(fixed)('a section, $variant with $index', (kind) => {
  it('[S6] nests and overlaps; only the last end lets readers go on', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const ends = [world.start(0, 10), world.start(5, 6), world.start(0, 1)];
    const read = subscription.readBegin();
    for (const end of ends) {
      expect(await isPending(read)).toBe(true);
      end();
    }
    expect(publish(subscription, await read)).toBe(true);
    expect(world.mmuRb.collisions!.open).toBe(0);
    world.notifier.verify();
  });

  it('[N2] [E1] leaves nothing open when it was refused or failed', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = ({ blockable }) => blockable;
    const seq = begin(subscription);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect(world.mmuRb.collisions!.open).toBe(0);
    expect(publish(subscription, seq)).toBe(true); // as if it had not been
    ops.act = () => undefined;
    const section = world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 });
    expect(publish(subscription, seq)).toBe(false);
    now(world.notifier.invalidateRangeEnd(section!));
    expect(publish(subscription, seq)).toBe(false);
    ops.act = () => Promise.reject(new Error('out of order'));
    const failed = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    expect(world.mmuRb.collisions!.open).toBe(0);
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('leaves nothing open when a partner refused it', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    world.addRefusingPartner();
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect(world.mmuRb.collisions!.open).toBe(0);
    expect(publish(subscription, begin(subscription))).toBe(true);
  });
});

describe('v5.3', () => {
  it.each(hfi1MmuRb.variants.filter((variant) => variant.startsWith('v5.3')))(
    'has no end, so nothing is left of a start that a partner refused: %s',
    async (variant) => {
      const world = new World({ variant });
      const { subscription, calls } = await world.mapped(0, 10);
      world.addRefusingPartner();
      expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
      await settled();
      expect(calls).toHaveLength(1); // torn down for nothing
      map(subscription);
      world.notifier.verify();
    },
  );
});
