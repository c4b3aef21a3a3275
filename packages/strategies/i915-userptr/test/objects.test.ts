/** Getting pages, and the life of objects. */
import { describe, expect, it } from 'vitest';
import { itIsAnObject, itWaitsForSections } from '../../hlist-srcu/test/driver-objects.ts';
import { i915Userptr } from '../src/index.ts';
import { begin, codeFrom, isPending, kinds, now, publish, Recorder, World } from './world.ts';

const ofV53 = kinds.filter(({ variant }) => variant === 'v5.3');
const ofFixed = kinds.filter(({ variant }) => variant === 'fixed');

describe.each(kinds)('an object, $variant with $index', (kind) => {
  itIsAnObject(
    () => new World(kind),
    (subscription) => subscription.readBegin(),
  );

  it('can be given up while it waits, and leaves the others to register', async () => {
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
    now((await stays).close());
    expect(world.notifier.list.hasSubscribers).toBe(true);
    await world.driver.reapers.drain();
    expect(world.notifier.list.hasSubscribers).toBe(false);
  });

  it('the last one leaves it to a worker to unregister; one that comes before that registers anew', async () => {
    const world = new World(kind);
    for (let round = 0; round < 3; round++) {
      const { subscription, calls } = world.active(0, 10);
      world.invalidate(0, 10);
      expect(calls).toHaveLength(1);
      now(subscription.close());
      expect(world.notifier.list.hasSubscribers).toBe(true);
    }
    const { subscription } = world.active(0, 10);
    await world.driver.reapers.drain();
    expect(world.notifier.list.hasSubscribers).toBe(true);
    now(subscription.close());
    await world.driver.reapers.drain();
    expect(world.notifier.list.hasSubscribers).toBe(false);
  });

  it('[U1] closes at once, and nobody is called after, also when an install outlasts it', async () => {
    const world = new World(kind);
    const [first, second] = [world.active(0, 10), world.active(0, 10)];
    world.recorder(20, 30); // keeps the callbacks registered
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

  it('[L1] after a release nothing can be done but close', async () => {
    const world = new World(kind);
    const { subscription, ops } = world.active(0, 10);
    const seq = begin(subscription);
    await world.notifier.release();
    for (const act of [
      () => subscription.readBegin(),
      () => subscription.publish(seq, () => {}),
      () => world.notifier.subscribe({ start: 0, end: 1 }, ops),
    ]) {
      expect(await codeFrom(act)).toBe('MMN_RELEASED');
    }
    world.invalidate(0, 10);
    now(subscription.close());
    await world.driver.reapers.drain();
    world.notifier.verify();
  });
});

describe.each(ofV53)('an object that holds no pages, v5.3 with $index', (kind) => {
  it('is not called, nor keeps a non-blockable section from starting', () => {
    const world = new World(kind);
    const { calls } = world.recorder(0, 10);
    world.invalidate(0, 10);
    const section = world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 });
    now(world.notifier.invalidateRangeEnd(section!));
    expect(calls).toEqual([]);
  });

  it('looks at once when new; after it gave up pages a worker gets them', async () => {
    const world = new World(kind);
    const { subscription } = world.active(0, 10);
    expect(world.driver.workers.isIdle).toBe(true);
    world.invalidate(0, 10);
    const read = subscription.readBegin();
    expect(world.driver.workers.isIdle).toBe(false);
    expect(publish(subscription, await read)).toBe(true);
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('shares a worker that is pending, before and after it has run', async () => {
    const world = new World(kind);
    const { subscription } = world.active(0, 10);
    world.invalidate(0, 10);
    const reads = [subscription.readBegin(), subscription.readBegin()];
    const seqs = [...(await Promise.all(reads)), begin(subscription)];
    expect(seqs.map((seq) => publish(subscription, seq))).toEqual([true, true, true]);
  });

  it('is in the tree while a worker is pending: a section cancels the worker, and what it got is refused', async () => {
    const world = new World(kind);
    const { subscription, calls } = world.active(0, 10);
    world.invalidate(0, 10);
    const read = subscription.readBegin();
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(2);
    const again = subscription.readBegin(); // a worker of its own, while the first one is still to run
    expect(publish(subscription, await read)).toBe(false);
    expect(publish(subscription, await again)).toBe(true);
    world.notifier.verify();
  });

  it('can be left while its worker is pending', async () => {
    const world = new World(kind);
    const { subscription } = world.active(0, 10);
    world.invalidate(0, 10);
    const abort = new AbortController();
    const read = subscription.readBegin(abort.signal);
    const other = subscription.readBegin();
    abort.abort(new Error('enough'));
    now(subscription.close());
    await expect(read).rejects.toThrow('enough');
    expect(await codeFrom(() => other)).toBe('MMN_CLOSED');
    world.notifier.verify();
  });

  it('is read by whoever blocks, in the place of a worker', () => {
    const world = new World(kind);
    const { subscription } = world.active(0, 10);
    world.invalidate(0, 10);
    expect(subscription.publishSync(subscription.readBeginSync(), () => {})).toBe(true);
    subscription.closeSync();
  });

  it('keeps its pages when the address space goes: there is no callback for that', async () => {
    const world = new World(kind);
    const { calls, ops } = world.active(0, 10);
    await world.notifier.release();
    expect([calls.length, ops.releases]).toEqual([0, 0]);
  });
});

describe.each(ofFixed)('an object, fixed with $index', (kind) => {
  itWaitsForSections(() => new World(kind));

  it('[N2] a refused start leaves nothing to wait for', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect(publish(subscription, seq)).toBe(true);
    world.invalidate(0, 10);
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.notifier.verify();
  });
});

describe('the strategy', () => {
  it('[T1] tells every defect by its id, and has none left when fixed', () => {
    const ids = [1, 2, 3, 4, 5, 6].map((number) => `I915-${number}`);
    expect(i915Userptr.traits().knownRaces.map(({ id }) => id)).toEqual(ids);
    expect(i915Userptr.traits().correct).toBe(false);
    expect(i915Userptr.traits('fixed').knownRaces).toEqual([]);
    expect(i915Userptr.traits('fixed').correct).toBe(true);
    expect(i915Userptr.takesIndex).toBe(true);
  });
});
