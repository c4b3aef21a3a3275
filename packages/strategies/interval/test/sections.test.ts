/** What a section promises to whoever opens it. K-… are assertions distilled from the kernel's own tests. */
import { addressMax } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { rejectionOf, thrownBy } from './thrown.ts';
import {
  begin,
  eventLoopTurns,
  gate,
  isPending,
  kinds,
  places,
  now,
  publish,
  Recorder,
  World,
} from './world.ts';

describe.each(places)('a section in %s', (kind) => {
  it('[S1] calls every overlapping subscription once before start returns', () => {
    const world = new World(kind);
    const hit = [world.recorder(0, 10), world.recorder(5, 15), world.recorder(9, 10)];
    const missed = [world.recorder(10, 20), world.recorder(100, 200)];
    const end = world.start(9, 10);
    for (const { calls } of hit) {
      expect(calls).toEqual([{ start: 9, end: 10, event: 'CLEAR', blockable: true, cookie: 0 }]);
    }
    for (const { calls } of missed) expect(calls).toEqual([]);
    end();
    expect(hit.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    world.verify();
  });

  it('[S1] a section in the …Sync form is blockable, one that tries is not', () => {
    const world = new World(kind);
    const { calls } = world.recorder(0, 10);
    const { notifier } = world;
    const range = { start: 0, end: 10 };
    notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(range));
    notifier.invalidateRangeEndSync(notifier.tryInvalidateRangeStart(range)!);
    expect(calls.map(({ blockable }) => blockable)).toEqual([true, false]);
  });

  it('[S1] calls two subscriptions of one span, and each with its own cookie', () => {
    const world = new World(kind);
    const ops = new Recorder();
    for (const cookie of [7, -7, 0]) world.subscribe(0, 10, ops, { cookie });
    world.invalidate(0, 10);
    expect(ops.calls.map(({ cookie }) => cookie)).toEqual([7, -7, 0]);
  });

  it('[S1] calls in the order of their starts', () => {
    const world = new World(kind);
    const order: number[] = [];
    for (const start of [30, 10, 20, 0]) {
      world.subscribe(start, 100, { invalidate: () => void order.push(start) });
    }
    world.invalidate(50, 60);
    expect(order).toEqual([0, 10, 20, 30]);
  });

  it('[S1] start returns when the last sleeping callback is over, and not before', async () => {
    const world = new World(kind);
    const gates = [gate(), gate()];
    const recorders = gates.map(({ promise }, i) => {
      const { ops } = world.recorder(10 * i, 100);
      ops.act = () => promise;
      return ops;
    });
    const started = world.notifier.invalidateRangeStart({ start: 50, end: 60 });
    expect(await isPending(started)).toBe(true);
    expect(recorders.map(({ calls }) => calls.length)).toEqual([1, 0]);
    gates[0]!.open();
    expect(await isPending(started)).toBe(true);
    expect(recorders.map(({ calls }) => calls.length)).toEqual([1, 1]);
    gates[1]!.open();
    now(world.notifier.invalidateRangeEnd(await started));
    expect(recorders.map(({ calls }) => calls.length)).toEqual([1, 1]);
    world.verify();
  });

  it('[S1] calls back with the event that it was started with', () => {
    const world = new World(kind);
    const { calls } = world.recorder(0, 10);
    const events = ['UNMAP', 'PROTECTION_VMA', 'PROTECTION_PAGE', 'SOFT_DIRTY', 'RELEASE'] as const;
    for (const event of events) world.start(0, 10, event)();
    expect(calls.map(({ event }) => event)).toEqual(events);
  });

  it.each([
    { side: 'before', touching: { start: 5, end: 10 }, wider: { start: 5, end: 11 } },
    { side: 'after', touching: { start: 20, end: 25 }, wider: { start: 19, end: 25 } },
  ])('[S2] [K-S12] a range that only touches calls nobody: $side', ({ touching, wider }) => {
    const world = new World(kind);
    const { calls } = world.recorder(10, 20);
    world.invalidate(touching.start, touching.end);
    expect(calls).toHaveLength(0);
    world.invalidate(wider.start, wider.end);
    expect(calls).toHaveLength(1);
  });

  it('[K-S12] the whole space hits the first and the last address', () => {
    const world = new World(kind);
    const all = [world.recorder(0, 1), world.recorder(addressMax - 1, addressMax)];
    world.invalidate(0, addressMax);
    expect(all.map(({ calls }) => calls.length)).toEqual([1, 1]);
    world.invalidate(addressMax - 1, addressMax);
    expect(all.map(({ calls }) => calls.length)).toEqual([1, 2]);
    const whole = world.recorder(0, addressMax);
    world.invalidate(12_345, 12_346);
    expect(whole.calls).toHaveLength(1);
  });

  it('[S3] disjoint subscriptions are not called, however many sections pass between them', () => {
    const world = new World(kind);
    const apart = [world.recorder(0, 10), world.recorder(20, 30), world.recorder(40, 50)];
    world.invalidate(10, 20);
    world.invalidate(30, 40);
    world.invalidate(50, addressMax);
    expect(apart.flatMap(({ calls }) => calls)).toEqual([]);
  });

  it('[S5] [K-S2] nothing read inside a section is published while it is open', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 100);
    const before = begin(subscription);
    const end = world.start(50, 60);
    expect(publish(subscription, before)).toBe(false);
    const inside = subscription.readBegin();
    expect(await isPending(inside)).toBe(true);
    end();
    expect(publish(subscription, await inside)).toBe(true);
  });

  it('[S5] a publication that came first is torn down before start returns', () => {
    const world = new World(kind);
    const shadow = new Set<string>();
    const subscription = world.subscribe(0, 100, { invalidate: () => shadow.clear() });
    expect(publish(subscription, begin(subscription), () => void shadow.add('entry'))).toBe(true);
    const end = world.start(50, 60);
    expect(shadow.size).toBe(0);
    end();
  });

  it('[S6] [K-L3] a nested start of the same agent waits for nothing', () => {
    const world = new World(kind);
    const { calls } = world.recorder(0, 10);
    const ends = Array.from({ length: 100 }, () => world.start(0, 10));
    expect(calls).toHaveLength(100);
    expect(world.active).toBe(100);
    for (const end of ends) end();
    expect(world.active).toBe(0);
    world.verify();
  });

  it('[S6] two starts whose callbacks sleep wait for each other only at the lock they share', async () => {
    const world = new World(kind);
    const [slow, fast] = [world.recorder(0, 10), world.recorder(20, 30)];
    const opened = gate();
    slow.ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    world.invalidate(20, 30);
    expect(fast.calls).toHaveLength(1);
    const behind = world.notifier.invalidateRangeStart({ start: 5, end: 25 });
    expect(await isPending(behind)).toBe(true);
    opened.open();
    now(world.notifier.invalidateRangeEnd(await started));
    now(world.notifier.invalidateRangeEnd(await behind));
    expect([slow.calls.length, fast.calls.length]).toEqual([2, 2]);
    world.verify();
  });

  it('[N5] a callback that returns false in a blockable section is told on, and the others still run', () => {
    const world = new World(kind);
    const [refusing, other] = [world.recorder(0, 10), world.recorder(5, 10)];
    refusing.ops.act = () => false;
    expect(thrownBy(() => world.start(0, 10))).toMatchObject({ code: 'MMN_CALLBACK_REFUSED' });
    expect(other.calls).toHaveLength(1);
    expect(world.active).toBe(0);
    world.verify();
  });

  it('[N5] and the same when it resolves to false', async () => {
    const world = new World(kind);
    const [refusing, other] = [world.recorder(0, 10), world.recorder(5, 10)];
    refusing.ops.act = async () => false;
    const refused = await rejectionOf(() =>
      world.notifier.invalidateRangeStart({ start: 0, end: 10 }),
    );
    expect(refused.code).toBe('MMN_CALLBACK_REFUSED');
    expect(other.calls).toHaveLength(1);
    expect(world.active).toBe(0);
    world.verify();
  });

  it('[K-S4] each section is ended once: a second end is refused', () => {
    const world = new World(kind);
    const invalidation = now(world.notifier.invalidateRangeStart({ start: 0, end: 10 }));
    now(world.notifier.invalidateRangeEnd(invalidation));
    expect(thrownBy(() => world.notifier.invalidateRangeEnd(invalidation)).code).toBe(
      'MMN_NOT_OPEN',
    );
    expect(world.active).toBe(0);
  });
});

describe.each(kinds)('a section in %s', (kind) => {
  it('[S6] sections overlap freely; only the last end lets readers go on', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const ends = [world.start(0, 10), world.start(500, 600), world.start(5, 6)];
    const read = subscription.readBegin();
    ends[2]!();
    expect(await isPending(read)).toBe(true);
    ends[0]!();
    expect(await isPending(read)).toBe(true);
    ends[1]!();
    expect(publish(subscription, await read)).toBe(true);
    world.verify();
  });

  it('[K-S8] the tree stands still while a walk sleeps, whatever is subscribed and closed meanwhile', async () => {
    const world = new World(kind);
    const opened = gate();
    const walked: number[] = [];
    const sleeping = world.subscribe(0, 100, { invalidate: () => opened.promise });
    const closing = world.subscribe(1, 100, { invalidate: () => void walked.push(1) });
    world.subscribe(2, 100, { invalidate: () => void walked.push(2) });
    const started = world.notifier.invalidateRangeStart({ start: 50, end: 60 });
    const size = world.notifier.state.tree.size;
    const closed = closing.close();
    for (let i = 0; i < 5; i++) {
      world.subscribe(40 + i, 70, { invalidate: () => void walked.push(40 + i) });
    }
    expect(world.notifier.state.tree.size).toBe(size);
    opened.open();
    const invalidation = await started;
    expect(walked).toEqual([1, 2]);
    expect(world.notifier.state.tree.size).toBe(size);
    world.verify();
    now(world.notifier.invalidateRangeEnd(invalidation));
    await closed;
    expect(world.notifier.state.tree.size).toBe(size - 1 + 5);
    expect(sleeping.isOpen).toBe(true);
    world.verify();
  });

  it('[K-S9] no section open: seq even, nothing deferred', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    expect(world.words.seqLow & 1).toBe(1);
    world.recorder(0, 10);
    const closed = subscription.close();
    expect(world.words.deferred).not.toBe(0);
    end();
    await closed;
    await eventLoopTurns();
    expect(world.words.seqLow & 1).toBe(0);
    expect(world.words.deferred).toBe(0);
    world.verify();
  });
});
