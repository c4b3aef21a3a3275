/** What a section promises about windows that are cached. */
import { addressMax } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { scifDma } from '../src/index.ts';
import { begin, codeFrom, copy, isPending, large, now, publish, settled, World } from './world.ts';

/** Each with a size of buffers that it caches. */
const kinds = [
  { variant: 'v5.3', unit: large },
  { variant: 'fixed', unit: 4096 },
  { variant: 'cached', unit: 4096 },
] as const;

describe.each(kinds)('a section, $variant', ({ variant, unit }) => {
  it('[S1] has torn down every buffer whose window it hits once, with its cookie, in v5.3 as a whole', async () => {
    const world = new World({ variant });
    const hit = [world.copied(0, 10 * unit, 1), world.copied(20 * unit, 30 * unit, 2)];
    const missed = world.copied(100 * unit, 200 * unit);
    await settled();
    const missedOf = (): number => missed.calls.length;
    const before = missedOf();
    const end = world.start(5 * unit, 21 * unit, 'UNMAP');
    const range = { start: 5 * unit, end: 21 * unit };
    const spans = [
      { start: 0, end: 10 * unit },
      { start: 20 * unit, end: 30 * unit },
    ];
    for (const [at, { calls }] of hit.entries()) {
      const given = variant === 'fixed' ? range : spans[at];
      expect(calls).toEqual([{ ...given, event: 'UNMAP', cookie: at + 1 }]);
    }
    end();
    expect(hit.map(({ calls }) => calls.length)).toEqual([1, 1]);
    expect(missedOf()).toBe(before);
    world.notifier.verify();
  });

  it('[S2] [S3] touching and disjoint ranges call nobody', () => {
    const world = new World({ variant });
    const { calls, subscription } = world.copied(10 * unit, 20 * unit);
    for (const [start, end] of [
      [0, 10],
      [20, 30],
      [50, 60],
    ] as const) {
      world.invalidate(start * unit, end * unit);
    }
    expect(calls).toEqual([]);
    world.invalidate(20 * unit - 1, 20 * unit);
    expect(calls).toHaveLength(1);
    copy(subscription);
    world.invalidate(0, addressMax);
    expect(calls).toHaveLength(2);
  });

  it('[S4] refuses a span that is none', async () => {
    const { notifier } = new World({ variant });
    const subscribe = (start: number, end: number) => () =>
      notifier.subscribe({ start, end }, { invalidate: () => {} });
    expect(await codeFrom(subscribe(5, 5))).toBe('MMN_RANGE_EMPTY');
    expect(await codeFrom(subscribe(6, 5))).toBe('MMN_RANGE_INVERTED');
    expect(await codeFrom(subscribe(0, 0.5))).toBe('MMN_ADDRESS');
  });

  it('[S1] waits for subscribers that sleep, and the worker unpins what is torn down', async () => {
    const world = new World({ variant });
    const opened = Promise.withResolvers<void>();
    const { ops } = world.copied(0, unit);
    ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: unit });
    expect(await isPending(started)).toBe(true);
    expect(world.endpoint.cachedPages).toBe(unit / 4096);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    await settled();
    expect(world.endpoint.cachedPages).toBe(0);
    world.notifier.verify();
  });

  it('finds a window again that was torn down and made anew', async () => {
    const world = new World({ variant });
    const { calls, subscription } = world.copied(0, unit);
    for (let round = 1; round <= 3; round++) {
      world.invalidate(0, unit);
      expect(calls).toHaveLength(round);
      await settled();
      expect(world.endpoint.cachedPages).toBe(0);
      copy(subscription);
      copy(subscription); // through the same window
      expect(world.endpoint.cachedPages).toBe(unit / 4096);
      world.notifier.verify();
    }
  });

  it('[N1] is not refused by the driver itself; [N2] a subscriber that would sleep refuses it, and its window stays', async () => {
    const world = new World({ variant });
    const { calls, ops } = world.copied(0, unit);
    ops.act = ({ blockable }) => blockable;
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 1 })).toBe(undefined);
    await settled();
    expect(world.endpoint.cachedPages).toBe(unit / 4096);
    ops.act = () => undefined;
    const section = world.notifier.tryInvalidateRangeStart({ start: 0, end: 1 });
    expect(calls).toHaveLength(2);
    now(world.notifier.invalidateRangeEnd(section!));
    world.notifier.verify();
  });

  it('[E1] [N5] fails when a callback throws or refuses; the others have been called', async () => {
    const world = new World({ variant });
    const others = [world.copied(0, unit)];
    const broken = world.copied(2 * unit, 3 * unit);
    others.push(world.copied(4 * unit, 5 * unit));
    await settled();
    const counts = others.map(({ calls }) => calls.length);
    for (const { subscription } of others) copy(subscription);
    copy(broken.subscription);
    broken.ops.act = () => {
      throw new Error('out of order');
    };
    const failed = (): unknown =>
      world.notifier.invalidateRangeStart({ start: 0, end: addressMax });
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    expect(others.map(({ calls }) => calls.length)).toEqual(counts.map((count) => count + 1));
    broken.ops.act = () => false;
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_REFUSED');
    world.notifier.verify();
  });

  it('runs second passes after all first ones', async () => {
    const world = new World({ variant });
    const log: string[] = [];
    for (const [at, name] of ['a', 'b'].entries()) {
      copy(
        world.subscribe(2 * at * unit, (2 * at + 1) * unit, {
          invalidate: () => void log.push('invalidate'),
          finish: async () => void log.push(`finish ${name}`),
        }),
      );
    }
    log.length = 0;
    now(
      world.notifier.invalidateRangeEnd(
        await world.notifier.invalidateRangeStart({ start: 0, end: 4 * unit }),
      ),
    );
    expect(log).toEqual(['invalidate', 'invalidate', 'finish a', 'finish b']);
  });

  it('is told to whoever asked for it, and in v5.3 not who that was', () => {
    const world = new World({ variant });
    const { ops, calls } = world.copied(0, unit);
    const owner = {};
    let seen: unknown = 'nobody';
    ops.act = (range) => void (seen = range.owner);
    const range = { start: 0, end: 1, event: 'MIGRATE', owner } as const;
    now(world.notifier.invalidateRangeEnd(now(world.notifier.invalidateRangeStart(range))));
    expect(calls).toHaveLength(1);
    expect(seen).toBe(variant === 'fixed' ? owner : undefined);
  });
});

describe('fixed', () => {
  const variant = 'fixed';

  it('counts a window as cached until all of it went', async () => {
    const world = new World({ variant });
    const { calls } = world.copied(0, 8192);
    world.invalidate(0, 4096);
    await settled();
    expect(calls).toHaveLength(1);
    expect(world.endpoint.cachedPages).toBe(2);
    world.invalidate(0, 8192);
    await settled();
    expect(world.endpoint.cachedPages).toBe(0);
  });

  it('[S6] sections nest and overlap; only the last end lets copies go on', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const ends = [world.start(0, 10), world.start(5, 6), world.start(0, 1)];
    const read = subscription.readBegin();
    for (const end of ends) {
      expect(await isPending(read)).toBe(true);
      end();
    }
    expect(publish(subscription, await read)).toBe(true);
    expect(world.endpoint.collisions!.open).toBe(0);
  });

  it('[N2] [E1] leaves nothing open when a start was refused or failed', async () => {
    const world = new World({ variant });
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = ({ blockable }) => blockable;
    const seq = begin(subscription);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect(world.endpoint.collisions!.open).toBe(0);
    expect(publish(subscription, seq)).toBe(true); // as if it had not been
    ops.act = () => undefined;
    const section = world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 });
    expect(publish(subscription, seq)).toBe(false);
    now(world.notifier.invalidateRangeEnd(section!));
    expect(publish(subscription, seq)).toBe(false);
    ops.act = () => Promise.reject(new Error('out of order'));
    const failed = (): unknown => world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await codeFrom(failed)).toBe('MMN_CALLBACK_FAILED');
    expect(world.endpoint.collisions!.open).toBe(0);
    copy(subscription);
  });

  it('leaves nothing open when a partner refused it', () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    world.addRefusingPartner();
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect(world.endpoint.collisions!.open).toBe(0);
    copy(subscription);
  });
});

it('is a list in every variant', () => {
  expect(scifDma.takesIndex).toBe(false);
});
