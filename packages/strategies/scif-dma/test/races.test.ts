/** The defects, each shown in the variants that have it and absent in the others. SCIF-4 and SCIF-5 cannot be: see the README. */
import { describe, expect, it } from 'vitest';
import { Window, WindowList } from '../src/window.ts';
import {
  begin,
  copy,
  isPending,
  large,
  largePages,
  now,
  publish,
  settled,
  World,
} from './world.ts';

/** Each with a size of buffers that it caches. */
const faithful = [
  { variant: 'v5.3', unit: large, isFaithful: true },
  { variant: 'cached', unit: 4096, isFaithful: true },
] as const;
const fixed = { variant: 'fixed', unit: 4096, isFaithful: false } as const;

describe.each([...faithful, fixed])('$variant', ({ variant, unit, isFaithful }) => {
  it(`[SCIF-1] ${isFaithful ? 'caches' : 'refuses'} what was pinned before a section that found nothing`, async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, unit);
    const seq = begin(subscription); // and pins
    world.invalidate(0, unit);
    expect(subscription.checkRetry(seq)).toBe(!isFaithful);
    expect(publish(subscription, seq)).toBe(isFaithful);
    await settled();
    expect(calls.length).toBe(isFaithful ? 0 : 1);
    expect(world.endpoint.cachedPages).toBe(isFaithful ? unit / 4096 : 0); // for good
  });

  it(`[SCIF-1] ${isFaithful ? 'caches' : 'refuses'} what was pinned inside of a section`, () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, unit);
    const seq = begin(subscription);
    const end = world.start(0, unit);
    expect(publish(subscription, seq)).toBe(isFaithful);
    end();
    expect(publish(subscription, seq)).toBe(isFaithful);
  });

  it(`[SCIF-1] a section ${isFaithful ? 'misses' : 'waits for'} a window that is being made`, async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, unit);
    const sent = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => sent.promise);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: unit });
    expect(started instanceof Promise && (await isPending(started))).toBe(!isFaithful);
    sent.resolve();
    expect(await published).toBe(true);
    now(world.notifier.invalidateRangeEnd(await started));
    expect(calls.length).toBe(isFaithful ? 0 : 1);
    world.notifier.verify();
  });

  it(`[SCIF-3] sections ${isFaithful ? 'miss' : 'find'} the beginning of a copy that overlaps a window to its right`, () => {
    const world = new World({ variant });
    world.copied(10 * unit, 30 * unit);
    const { calls } = world.copied(0, 20 * unit);
    world.invalidate(0, 10 * unit);
    expect(calls.length).toBe(isFaithful ? 0 : 1);
    world.invalidate(30 * unit - 1, 30 * unit);
    expect(calls.length).toBe(1); // where the copy never was, in v5.3
    world.notifier.verify();
  });

  it(`[SCIF-3] sections ${isFaithful ? 'miss' : 'find'} the end of a copy that overlaps a window to its left`, () => {
    const world = new World({ variant });
    world.copied(0, 20 * unit);
    const { calls } = world.copied(10 * unit, 30 * unit);
    world.invalidate(20 * unit, 30 * unit);
    expect(calls.length).toBe(isFaithful ? 0 : 1);
    world.invalidate(10 * unit, 11 * unit);
    expect(calls.length).toBe(isFaithful ? 1 : 2);
    world.notifier.verify();
  });

  it(`[SCIF-3] sections ${isFaithful ? 'miss' : 'find'} a copy that only touches a window to its right`, async () => {
    const world = new World({ variant });
    const neighbour = world.copied(10 * unit, 20 * unit);
    const { calls } = world.copied(0, 10 * unit);
    world.invalidate(0, 10 * unit);
    expect(calls.length).toBe(isFaithful ? 0 : 1);
    await settled();
    expect(neighbour.calls.length).toBe(isFaithful ? 1 : 0); // its window had to go, for nothing
    world.notifier.verify();
  });

  it('[SCIF-3] a copy that touches a window to its left has its own', async () => {
    const world = new World({ variant });
    const neighbour = world.copied(0, 10 * unit);
    const { calls } = world.copied(10 * unit, 20 * unit);
    world.invalidate(10 * unit, 20 * unit);
    await settled();
    expect(calls).toHaveLength(1);
    expect(neighbour.calls).toEqual([]);
  });
});

describe.each(faithful)('$variant', ({ variant, unit }) => {
  it('copies what a window holds through that window, and both are torn down with it', () => {
    const world = new World({ variant });
    const outer = world.copied(0, 10 * unit);
    const inner = world.copied(3 * unit, 5 * unit);
    expect(world.endpoint.list.all).toHaveLength(1);
    world.invalidate(8 * unit, 9 * unit);
    expect([outer.calls.length, inner.calls.length]).toEqual([1, 1]);
    expect(world.endpoint.list.all).toEqual([]);
    copy(inner.subscription);
    world.invalidate(8 * unit, 9 * unit);
    expect(inner.calls).toHaveLength(1);
    now(outer.subscription.close());
    world.invalidate(3 * unit, 4 * unit);
    expect(inner.calls).toHaveLength(2);
    world.notifier.verify();
  });

  it('copies nothing through a window that is going', async () => {
    const world = new World({ variant });
    const outgrown = world.copied(0, 10 * unit);
    world.copied(5 * unit, 15 * unit);
    const { calls } = world.copied(unit, 3 * unit);
    await settled();
    expect(outgrown.calls).toHaveLength(1);
    expect(calls).toEqual([]);
    world.invalidate(unit, 2 * unit);
    expect(calls).toHaveLength(1);
  });

  it('keeps the windows sorted, also those that overlap or begin at one address', async () => {
    const world = new World({ variant });
    for (const at of [6, 2, 9, 0, 4]) world.copied(at * unit, (at + 1) * unit);
    world.notifier.verify();
    await settled();
    const starts = world.endpoint.list.all.map(({ start }) => start / unit);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    world.copied(unit / 2, 2 * unit);
    world.copied(unit / 2, 3 * unit);
    world.notifier.verify();
    await settled();
    world.notifier.verify();
  });
});

describe('the list of windows', () => {
  it('has those that begin at one address in the order of their insertion, and breaks off behind a range', () => {
    const list = new WindowList();
    const windows = [10, 0, 10, 5].map((start) => new Window({ start, end: start + 10 }));
    for (const window of windows) list.insert(window);
    const numbersOf = (found: readonly Window[]): number[] =>
      found.map((window) => windows.indexOf(window));
    expect(numbersOf(list.all)).toEqual([1, 3, 0, 2]);
    expect(numbersOf(list.hits({ start: 0, end: 10 }))).toEqual([1, 3]);
    expect(numbersOf(list.hits({ start: 15, end: 30 }))).toEqual([0, 2]);
    const first = windows[0]!;
    list.remove(first);
    expect(numbersOf(list.hits({ start: 19, end: 20 }))).toEqual([2]);
    expect(() => list.remove(first)).toThrow('a window of the list');
  });
});

describe('v5.3', () => {
  it('[SCIF-2] a copy that the cache has room for is in no list: no section finds it, the worker destroys it', async () => {
    const world = new World({ variant: 'v5.3' });
    const { calls } = world.copied(0, 4096);
    expect(world.endpoint.cachedPages).toBe(0);
    world.start(0, 4096, 'UNMAP')();
    expect(calls).toEqual([]);
    await settled();
    expect(calls.map(({ event }) => event)).toEqual(['CLEAR']);
  });

  it('[SCIF-2] a copy that is too large for the cache fills it, and the next one clears it', async () => {
    const world = new World({ variant: 'v5.3' });
    const { calls } = world.copied(0, large);
    await settled();
    expect(world.endpoint.cachedPages).toBe(largePages);
    expect(calls).toEqual([]);
    world.copied(2 * large, 2 * large + 4096);
    await settled();
    expect(world.endpoint.cachedPages).toBe(0);
    expect(calls).toHaveLength(1);
    world.notifier.verify();
  });

  it('[SCIF-2] a small copy through a large one’s window destroys that', async () => {
    const world = new World({ variant: 'v5.3' });
    const outer = world.copied(0, large);
    const inner = world.copied(4096, 8192);
    await settled();
    expect([outer.calls.length, inner.calls.length]).toEqual([1, 1]);
    expect(world.endpoint.list.all).toEqual([]);
    expect(world.endpoint.cachedPages).toBe(0);
  });
});

describe.each(['fixed', 'cached'])('%s', (variant) => {
  it('[SCIF-2] caches what the cache has room for, and not what it has not', async () => {
    const world = new World({ variant });
    const { calls } = world.copied(0, 4096);
    const tooLarge = world.copied(2 * large, 3 * large);
    await settled();
    expect(world.endpoint.cachedPages).toBe(1);
    expect(calls).toEqual([]);
    expect(tooLarge.calls).toHaveLength(1);
    world.start(0, 4096, 'UNMAP')();
    expect(calls.map(({ event }) => event)).toEqual(['UNMAP']);
  });
});
