/** Binding pages, and the life of bos. */
import { describe, expect, it } from 'vitest';
import { itIsAnObject, itWaitsForSections } from '../../hlist-srcu/test/driver-objects.ts';
import { radeonMn } from '../src/index.ts';
import { begin, codeFrom, isPending, kinds, now, publish, Recorder, World } from './world.ts';

const ofV53 = kinds.filter(({ variant }) => variant === 'v5.3');
const ofFixed = kinds.filter(({ variant }) => variant === 'fixed');

describe.each(kinds)('a bo, $variant with $index', (kind) => {
  itIsAnObject(() => new World(kind), begin);

  it('can be given up while it waits to be registered, and leaves it to the others', async () => {
    const world = new World(kind);
    const end = world.start(0, 10);
    const abort = new AbortController();
    const options = { signal: abort.signal };
    const span = { start: 0, end: 10 };
    const given = world.notifier.subscribe(span, new Recorder(), options);
    const waiting = world.notifier.subscribe(span, new Recorder(), options);
    const stays = world.notifier.subscribe(span, new Recorder());
    abort.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    await expect(waiting).rejects.toThrow('enough');
    end();
    expect((await stays).isOpen).toBe(true);
    world.notifier.verify();
  });

  it('the last one leaves the callbacks registered, until the address space goes', async () => {
    const world = new World(kind);
    for (let round = 0; round < 3; round++) {
      const { subscription, calls } = world.bound(0, 10);
      world.invalidate(0, 10);
      expect(calls).toHaveLength(1);
      now(subscription.close());
      world.invalidate(0, 10);
      expect(calls).toHaveLength(1);
    }
    await world.driver.workers.drain();
    expect(world.notifier.list.hasSubscribers).toBe(true);
    await world.notifier.release();
    await world.driver.workers.drain();
    expect(world.notifier.list.hasSubscribers).toBe(false);
    world.notifier.verify();
  });

  it('[U1] nobody is called after closing, also when an install outlasts it', async () => {
    const world = new World(kind);
    const [first, second] = [world.bound(0, 10), world.bound(0, 10)];
    now(first.subscription.close());
    const installed = Promise.withResolvers<void>();
    const seq = begin(second.subscription);
    const published = second.subscription.publish(seq, () => installed.promise);
    const closed = second.subscription.close();
    expect(await isPending(closed)).toBe(true);
    installed.resolve();
    await published;
    await closed;
    world.invalidate(0, 30);
    expect([first.calls, second.calls]).toEqual([[], []]);
    world.notifier.verify();
  });

  it('[L1] [RAD-4] after a release nothing can be done but close, before and after the worker forgets the bos', async () => {
    const world = new World(kind);
    const [{ subscription, ops }, other, last] = [
      world.bound(0, 10),
      world.bound(5, 15),
      world.bound(20, 30),
    ];
    const seq = begin(subscription);
    const released = world.notifier.release();
    now(other.subscription.close());
    await released;
    for (const act of [
      () => subscription.readBegin(),
      () => subscription.publish(seq, () => {}),
      () => world.notifier.subscribe({ start: 0, end: 1 }, ops),
    ]) {
      expect(await codeFrom(act)).toBe('MMN_RELEASED');
    }
    await world.driver.workers.drain();
    expect([subscription.mn, last.subscription.mn]).toEqual([undefined, undefined]);
    world.invalidate(0, 10);
    now(subscription.close());
    now(last.subscription.close());
    world.notifier.verify();
  });

  it('(L-1) is forgotten once, though the worker unregisters while the release is still on its way', async () => {
    const world = new World(kind);
    const slow = Promise.withResolvers<void>();
    now(world.notifier.list.register({ release: () => slow.promise }));
    const { subscription } = world.bound(0, 10); // the newest is told first
    const released = world.notifier.release();
    expect(await isPending(released)).toBe(true);
    expect(subscription.mn).toBe(undefined);
    slow.resolve();
    await released;
    await world.driver.workers.drain();
    now(subscription.close());
    world.notifier.verify();
  });

  it('[U1] may be closed while a section waits for its reservation', async () => {
    const world = new World(kind);
    const { subscription } = world.bound(0, 10);
    const installed = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => installed.promise);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const closed = subscription.close();
    installed.resolve();
    expect(await published).toBe(true);
    now(world.notifier.invalidateRangeEnd(await started));
    await closed;
    world.notifier.verify();
  });

  it('is closed by whoever blocks', () => {
    const world = new World(kind);
    const { subscription } = world.bound(0, 10);
    expect(subscription.publishSync(subscription.readBeginSync(), () => {})).toBe(true);
    subscription.closeSync();
    world.notifier.verify();
  });
});

describe.each(ofV53)('a bo, v5.3 with $index', (kind) => {
  it('is not called while it is not bound, though its node keeps non-blockable sections away', () => {
    const world = new World(kind);
    const { calls } = world.recorder(0, 10);
    world.invalidate(0, 10);
    expect(calls).toEqual([]);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
  });

  it('is not called again until it is bound again', () => {
    const world = new World(kind);
    const { subscription, calls } = world.bound(0, 10);
    world.invalidate(0, 10);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(2);
  });

  it('shares a node with those that it overlaps: a section unbinds all of them, and all of each', () => {
    const world = new World(kind);
    const [left, right] = [world.bound(0, 10), world.bound(20, 30)];
    const apart = world.bound(30, 40);
    world.bound(5, 25); // joins the two
    world.notifier.verify();
    world.invalidate(0, 1);
    expect(left.calls).toEqual([{ start: 0, end: 10, event: 'CLEAR', cookie: 0 }]);
    expect(right.calls).toEqual([{ start: 20, end: 30, event: 'CLEAR', cookie: 0 }]);
    expect(apart.calls).toEqual([]);
  });

  it('never makes its node smaller when it goes: the others are called for what only it covered', () => {
    const world = new World(kind);
    const [stays, goes] = [world.bound(0, 10), world.bound(5, 100)];
    now(goes.subscription.close());
    world.invalidate(50, 60);
    expect(stays.calls).toHaveLength(1);
    now(stays.subscription.close());
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 100 })).toBeDefined();
    world.notifier.verify();
  });

  it('is registered and goes between sections that unbind: they hold rmn->lock', async () => {
    const world = new World(kind);
    const opened = Promise.withResolvers<void>();
    world.bound(0, 10).ops.act = () => opened.promise;
    const { subscription } = world.bound(20, 30);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const closed = subscription.close();
    const subscribed = world.notifier.subscribe({ start: 40, end: 50 }, new Recorder());
    expect(await isPending(closed)).toBe(true);
    expect(await isPending(subscribed)).toBe(true);
    opened.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
    await closed;
    expect((await subscribed).isOpen).toBe(true);
    world.notifier.verify();
  });

  it('stays bound when the address space goes', async () => {
    const world = new World(kind);
    const { calls, ops } = world.bound(0, 10);
    await world.notifier.release();
    await world.driver.workers.drain();
    expect([calls.length, ops.releases]).toEqual([0, 0]);
  });
});

describe.each(ofFixed)('a bo, fixed with $index', (kind) => {
  itWaitsForSections(() => new World(kind));

  it('has a node of its own: others are not called for its range', () => {
    const world = new World(kind);
    const [left, right] = [world.bound(0, 10), world.bound(5, 100)];
    world.invalidate(50, 60);
    expect([left.calls.length, right.calls.length]).toEqual([0, 1]);
  });
});

describe('the strategy', () => {
  it('[T1] tells every defect by its id, and has none left when fixed', () => {
    const ids = [1, 2, 3, 4].map((number) => `RAD-${number}`);
    expect(radeonMn.traits().knownRaces.map(({ id }) => id)).toEqual(ids);
    expect(radeonMn.traits().correct).toBe(false);
    expect(radeonMn.traits('fixed').knownRaces).toEqual([]);
    expect(radeonMn.traits('fixed').correct).toBe(true);
    expect(radeonMn.takesIndex).toBe(true);
  });
});
