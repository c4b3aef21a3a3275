/** The defects, each shown in the variant that has it and absent in the other. */
import { describe, expect, it } from 'vitest';
import type { GrantMapFixed } from '../src/gntdev-fixed.ts';
import { begin, codeFrom, isPending, now, publish, World } from './world.ts';

const both = [
  { variant: 'v5.3', has: true },
  { variant: 'fixed', has: false },
] as const;

/** A driver on the same list that uses the pages of a map, and leaves them when a section hits it. */
function addUser(world: World): { map?: { usePages(): () => void }; leave?: () => void } {
  const user: { map?: { usePages(): () => void }; leave?: () => void } = {};
  now(
    world.notifier.list.register({
      invalidateRangeStart() {
        user.leave?.();
        return true;
      },
    }),
  );
  return user;
}

describe.each(both)('$variant', ({ variant, has }) => {
  it(`[GNT-1] ${has ? 'deadlocks with' : 'does not wait for'} a driver that leaves the pages in the same section, after it`, async () => {
    const list = new World({ variant }); // the list calls the newest first: so the user comes first, then gntdev
    const user = addUser(list);
    const world = new World({ variant, beside: list.notifier });
    const { subscription, calls } = world.recorder(0, 10);
    expect(publish(subscription, begin(subscription))).toBe(true);
    user.leave = subscription.usePages();
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(started instanceof Promise && (await isPending(started))).toBe(has);
    expect(calls).toHaveLength(has ? 0 : 1);
    // With priv->lock held, everybody else hangs as well.
    const elsewhere = world.notifier.invalidateRangeStart({ start: 50, end: 60 });
    expect(elsewhere instanceof Promise && (await isPending(elsewhere))).toBe(has);
  });

  it('[GNT-1] goes on with a driver that leaves them before it', async () => {
    const world = new World({ variant });
    const user = addUser(world);
    const { subscription, calls } = world.recorder(0, 10);
    user.leave = subscription.usePages();
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
  });

  it(`[GNT-1] ${has ? 'waits for' : 'does not wait for'} whoever uses the pages that go, and for nobody else`, async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const leave = subscription.usePages({ start: 0, end: 5 });
    world.invalidate(5, 10);
    expect(calls).toHaveLength(1);
    const started = world.notifier.invalidateRangeStart({ start: 4, end: 10 });
    expect(started instanceof Promise && (await isPending(started))).toBe(has);
    leave();
    leave(); // again is harmless
    now(world.notifier.invalidateRangeEnd(await started));
    expect(calls).toHaveLength(2);
  });

  it(`[GNT-2] what was read before a section is ${has ? 'mapped' : 'refused'} after it`, () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const seq = begin(subscription); // map->vma is set, priv->lock given back
    const end = world.start(0, 10);
    expect(calls).toHaveLength(1); // nothing there to unmap
    expect(publish(subscription, seq)).toBe(has);
    end();
    expect(subscription.checkRetry(seq)).toBe(!has);
    expect(publish(subscription, seq)).toBe(has);
  });

  it.each([
    { part: 'beginning', start: 0, end: 4, rest: [4, 10] },
    { part: 'middle', start: 4, end: 6, rest: [0, 4] },
    { part: 'end', start: 6, end: 12, rest: [0, 6] },
  ] as const)(
    `[GNT-3] munmap of the $part ${has ? 'unmaps neither it nor, later, the rest' : 'unmaps it, and the rest later'}`,
    ({ start, end, rest }) => {
      const world = new World({ variant });
      const { subscription, calls } = world.recorder(0, 10);
      expect(publish(subscription, begin(subscription))).toBe(true);
      const endOfMunmap = world.start(start, end, 'UNMAP');
      expect(calls).toHaveLength(has ? 0 : 1);
      world.invalidate(rest[0], rest[1]); // the pointer is with the part that stays, until the other one is closed
      expect(calls).toHaveLength(has ? 1 : 2);
      endOfMunmap();
      world.invalidate(rest[0], rest[1]);
      expect(calls).toHaveLength(has ? 1 : 3);
    },
  );

  it('[GNT-3] munmap of all unmaps it, and it can be mapped again', () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    world.start(0, 20, 'UNMAP')();
    expect(calls).toHaveLength(1);
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(2);
  });

  it('[GNT-3] is not what mprotect of a part does', () => {
    const world = new World({ variant });
    const { calls } = world.recorder(0, 10);
    world.start(2, 4, 'PROTECTION_VMA')();
    world.start(0, 10)();
    expect(calls).toHaveLength(2);
  });
});

describe('v5.3', () => {
  it('[GNT-2] a fault in what is mapped waits for nothing', async () => {
    const world = new World({ variant: 'v5.3' });
    const { subscription, ops } = world.recorder(0, 10);
    const opened = Promise.withResolvers<void>();
    ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(world.gntdev.lock.isLocked).toBe(true);
    begin(subscription);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
  });

  it('[GNT-3] a munmap that fails leaves the VMA as it was', async () => {
    const world = new World({ variant: 'v5.3' });
    const other = world.recorder(4, 6);
    const { calls } = world.recorder(0, 10);
    other.ops.act = () => Promise.reject(new Error('out of order'));
    const range = { start: 4, end: 6, event: 'UNMAP' } as const;
    expect(await codeFrom(() => world.notifier.invalidateRangeStart(range))).toBe(
      'MMN_CALLBACK_FAILED',
    );
    expect(calls).toEqual([]);
    world.invalidate(9, 10);
    expect(calls).toHaveLength(1);
  });

  it('[GNT-2] mapping again waits for a section that holds priv->lock', async () => {
    const world = new World({ variant: 'v5.3' });
    const { subscription } = world.recorder(0, 10);
    world.start(0, 10, 'UNMAP')();
    const other = world.recorder(20, 30);
    const opened = Promise.withResolvers<void>();
    other.ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 20, end: 30 });
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    opened.resolve();
    expect(publish(subscription, await read)).toBe(true);
    now(world.notifier.invalidateRangeEnd(await started));
    world.invalidate(0, 10);
    expect(world.gntdev.lock.isLocked).toBe(false);
  });
});

describe('fixed', () => {
  it('[GNT-1] gives pages back when nobody uses them any more', () => {
    const world = new World({ variant: 'fixed' });
    const { subscription, calls } = world.recorder(0, 10);
    const map = subscription as GrantMapFixed;
    const [first, second] = [map.usePages(), map.usePages({ start: 5, end: 6 })];
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    expect(map.beingRemoved).toEqual([{ start: 0, end: 10 }]);
    first();
    expect(map.beingRemoved).toEqual([{ start: 0, end: 10 }]);
    second();
    expect(map.beingRemoved).toEqual([]);
    world.invalidate(0, 10);
    expect(map.beingRemoved).toEqual([]);
  });
});
