/**
 * The patch as first posted: each defect that a schedule of one event loop can show, in v1 and not in landed. U-5
 * needs two agents between two of its instructions.
 */
import { InvariantError } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { interval } from '../src/variants.ts';
import { createMixed } from './fake-list.ts';
import { rejectionOf, thrownBy } from './thrown.ts';
import {
  begin,
  eventLoopTurns,
  isPending,
  kinds,
  now,
  publish,
  Recorder,
  World,
  variants,
} from './world.ts';

const range = { start: 0, end: 10 };

/** The classes of what a check throws: one or none. */
function errorsOf(check: () => void): unknown[] {
  try {
    check();
    return [];
  } catch (error) {
    return [(error as Error).constructor];
  }
}

describe.each(kinds)('v1 and landed in %s', (kind) => {
  it('[U-1] a fault across a release publishes into a dead address space; landed refuses', async () => {
    const dead = new World(kind, { variant: 'v1' });
    const shadow = new Set<string>();
    const faulting = dead.subscribe(0, 10, { invalidate: () => shadow.clear() });
    const seq = begin(faulting);
    await dead.notifier.release();
    expect(publish(faulting, seq, () => void shadow.add('stale'))).toBe(true);
    expect([...shadow]).toEqual(['stale']);

    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const before = begin(subscription);
    await world.notifier.release();
    expect(thrownBy(() => subscription.publish(before, () => {})).code).toBe('MMN_RELEASED');
  });

  it('[U-1] in v1 the exit’s last section masks it for those who do not read in between', async () => {
    const world = new World(kind, { variant: 'v1' });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    await world.notifier.release();
    world.invalidate(0, 2 ** 40);
    expect(publish(subscription, seq)).toBe(false);
  });

  it('[U-4] v1 accepts a subscription after the release, which never hears of it; landed refuses', async () => {
    const dead = new World(kind, { variant: 'v1' });
    await dead.notifier.release();
    const { calls, subscription } = dead.recorder(0, 10);
    expect(publish(subscription, begin(subscription))).toBe(true);
    expect(calls).toEqual([]);
    dead.verify();

    const world = new World(kind);
    await world.notifier.release();
    expect(thrownBy(() => world.recorder(0, 10)).code).toBe('MMN_RELEASED');
    world.verify();
  });

  it('[U-8] v1 drops a reference that it never took when a failed insert is closed; landed does not', () => {
    for (const variant of variants) {
      const world = new World(kind, { variant });
      const subscription = world.notifier.prepare(world.opsFor(new Recorder()));
      expect(thrownBy(() => subscription.insert({ start: 5, end: 5 })).code).toBe(
        'MMN_RANGE_EMPTY',
      );
      world.verify();
      now(subscription.close());
      const broken = variant === 'v1' ? [InvariantError] : [];
      expect(errorsOf(() => world.verify())).toEqual(broken);
    }
  });

  it('[U-8] subscribe, which inserts by itself, has it in neither', () => {
    for (const variant of variants) {
      const world = new World(kind, { variant });
      expect(thrownBy(() => world.subscribe(5, 5)).code).toBe('MMN_RANGE_EMPTY');
      expect(() => world.verify()).not.toThrow();
    }
  });

  it('otherwise v1 does what landed does', async () => {
    for (const variant of ['landed', 'v1']) {
      const world = new World(kind, { variant });
      const { calls, subscription } = world.recorder(0, 10);
      const seq = begin(subscription);
      const end = world.start(5, 6);
      expect(publish(subscription, seq)).toBe(false);
      const deferred = world.recorder(0, 10);
      const reads = [subscription.readBegin(), deferred.subscription.readBegin()];
      expect(await isPending(reads[0])).toBe(true);
      expect(world.notifier.tryInvalidateRangeStart(range)).not.toBe(undefined);
      end();
      expect(await isPending(reads[1])).toBe(true);
      expect(calls).toHaveLength(2);
      expect(world.notifier.traits).toBe(interval.traits(variant));
      world.verify();
    }
  });
});

describe('v1 and landed with a legacy list', () => {
  it('[U-3] v1 tells of a release twice when a legacy subscriber exists; landed once', async () => {
    for (const [variant, withList, withoutList] of [
      ['v1', 2, 1],
      ['landed', 1, 1],
    ] as const) {
      for (const isUsed of [true, false]) {
        const { notifier, list } = createMixed(variant);
        let releases = 0;
        notifier.subscribe(range, { invalidate: () => void releases++ });
        if (isUsed) now(list.register({}));
        await notifier.release();
        expect([variant, isUsed, releases]).toEqual([
          variant,
          isUsed,
          isUsed ? withList : withoutList,
        ]);
      }
    }
  });

  it('[U-7] v1 leaves the tree’s section open when the list would block: no read and no close ever ends', async () => {
    const { notifier, list } = createMixed('v1');
    const subscription = notifier.subscribe(range, { invalidate: () => {} });
    const other = notifier.subscribe(range, { invalidate: () => {} });
    const registered = list.register({ start: ({ blockable }) => blockable });
    expect(registered).toBe(undefined);
    expect(notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(range));
    const controller = new AbortController();
    const reason = new Error('nobody will ever wake this');
    const stuck = [
      subscription.readBegin(controller.signal),
      other.close(controller.signal),
      list.register({}, controller.signal),
    ];
    for (let section = 0; section < 10; section++) {
      await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(range));
    }
    for (const one of stuck) expect(await isPending(one)).toBe(true);
    controller.abort(reason);
    for (const one of stuck) expect((await rejectionOf(() => one)).message).toBe(reason.message);
    await eventLoopTurns();
  });

  it('[U-7] v1 leaves open what it counts, and gives back the section itself', () => {
    const { notifier, list } = createMixed('v1');
    now(list.register({ start: ({ blockable }) => blockable }));
    for (let open = 1; open < 2 ** 15; open++) notifier.invalidateRangeStartSync(range);
    expect(notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(range));
  });

  it('[U-7] and landed does not', async () => {
    const { notifier, list } = createMixed('landed');
    const subscription = notifier.subscribe(range, { invalidate: () => {} });
    now(list.register({ start: ({ blockable }) => blockable }));
    expect(notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(range));
    expect(publish(subscription, begin(subscription))).toBe(true);
    now(subscription.close());
    notifier.verify();
  });
});
