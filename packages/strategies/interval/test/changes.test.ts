/** Subscribing and closing, at any time. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { MaybePromise } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { State, Sub, subAt } from '../src/layout.ts';
import { interval, type IntervalSubscription } from '../src/variants.ts';
import { rejectionOf, thrownBy } from './thrown.ts';
import {
  begin,
  eventLoopTurns,
  gate,
  isPending,
  kinds,
  now,
  places,
  publish,
  Recorder,
  variants,
  World,
} from './world.ts';

describe.each(places)('subscribing in %s', (kind) => {
  it('[D2] while idle leaves nothing to wait for', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    expect(world.isFull).toBe(false);
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('[D3] and closing again before the deferred insert ran cancels it, without waiting', () => {
    const world = new World(kind);
    world.recorder(0, 10);
    const end = world.start(0, 10);
    const others = [world.recorder(0, 10), world.recorder(0, 10), world.recorder(0, 10)];
    for (const i of [1, 0, 2]) {
      expect(others[i]!.subscription.close()).toBe(undefined);
      world.verify();
    }
    end();
    world.invalidate(0, 10);
    expect(others.flatMap(({ calls }) => calls)).toEqual([]);
    expect(world.size).toBe(1);
    world.verify();
  });

  it('[D3] some of many, in any order', async () => {
    const world = new World(kind);
    const first = world.recorder(0, 10);
    const end = world.start(0, 10);
    const made = Array.from({ length: 8 }, () => world.recorder(0, 10));
    for (const i of [7, 3, 0, 4]) now(made[i]!.subscription.close());
    const closed = first.subscription.close();
    end();
    await closed;
    world.verify();
    world.invalidate(0, 10);
    expect(made.map(({ calls }) => calls.length)).toEqual([0, 1, 1, 0, 0, 1, 1, 0]);
    expect(first.calls).toHaveLength(1);
  });
});

describe.each(kinds)('subscribing in %s', (kind) => {
  it('[D1] in a full section is not visible at once, but its first read waits for the end', async () => {
    const world = new World(kind);
    world.recorder(0, 10);
    const end = world.start(0, 10);
    const { calls, subscription } = world.recorder(0, 10);
    world.invalidate(0, 10);
    expect(calls).toEqual([]);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    world.verify();
  });

  it('[D2] while sections are open that hit nobody makes the epoch full, and its first read waits', async () => {
    const world = new World(kind);
    const end = world.start(0, 10);
    expect(world.words.seqLow & 1).toBe(0);
    const { calls, subscription } = world.recorder(0, 10);
    expect(world.words.seqLow & 1).toBe(1);
    world.verify();
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
    world.verify();
  });

  it('[K-S10] every subscription’s seq is odd, however it was made', () => {
    const world = new World(kind);
    const idle = world.recorder(0, 10);
    const endPartial = world.start(100, 110);
    const partial = world.recorder(0, 10);
    const endFull = world.start(0, 10);
    const full = world.recorder(0, 10);
    for (const { subscription } of [idle, partial, full]) {
      expect(world.notifier.state.seqOf(subscription.id) & 1).toBe(1);
    }
    endPartial();
    endFull();
    for (const { subscription } of [idle, partial, full]) expect(begin(subscription) & 1).toBe(1);
  });
});

describe.each(places)('closing in %s', (kind) => {
  it('[U1] [K-S3] when idle is over at once, and no callback comes', () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    expect(subscription.isOpen).toBe(true);
    now(subscription.close());
    expect(subscription.isOpen).toBe(false);
    world.invalidate(0, 10);
    expect(calls).toEqual([]);
    expect(subscription.close()).toBe(undefined);
    subscription.closeSync();
    world.verify();
  });

  it('[U1] waits for a callback that sleeps', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    const opened = gate();
    ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    opened.open();
    now(world.notifier.invalidateRangeEnd(await started));
    await closed;
    world.verify();
  });

  it('[U1] waits for a callback whose start was given up', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    const opened = gate();
    const controller = new AbortController();
    ops.act = () => opened.promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 }, controller.signal);
    controller.abort(new Error('enough'));
    await expect(started).rejects.toThrow('enough');
    expect(world.active).toBe(0);
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    opened.open();
    await closed;
    world.verify();
    expect(world.subscribe(0, 10).id).toBe(subscription.id);
  });

  it('[U1] does not wait for sections that hit nobody', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(20, 30);
    expect(subscription.close()).toBe(undefined);
    end();
    world.verify();
  });

  it('[U1] readers that wait for the epoch of a closed subscription wake up too', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    const closed = subscription.close();
    end();
    await closed;
    const seq = await read;
    expect(thrownBy(() => subscription.publish(seq, () => {})).code).toBe('MMN_CLOSED');
  });

  it('[U1] a publication that waits for the lock is refused when the subscription closes meanwhile', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const installing = gate();
    const seq = begin(subscription);
    const first = subscription.publish(seq, () => installing.promise);
    let wasInstalled = false;
    const second = subscription.publish(seq, () => void (wasInstalled = true));
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    installing.open();
    expect(await first).toBe(true);
    expect((await rejectionOf(() => second)).code).toBe('MMN_CLOSED');
    await closed;
    expect(wasInstalled).toBe(false);
    const next = world.subscribe(0, 10);
    expect(publish(next, begin(next))).toBe(true);
    world.verify();
  });

  it('[U2] in a callback is refused, in both forms, in both passes, and the section goes on', () => {
    const world = new World(kind);
    const codes: unknown[] = [];
    const closing = (): void => {
      codes.push(thrownBy(() => subscription.close()).code);
      codes.push(thrownBy(() => subscription.closeSync()).code);
    };
    const subscription = world.subscribe(0, 10, { invalidate: closing, finish: closing });
    const end = world.start(0, 10);
    expect(codes).toEqual(Array(4).fill('MMN_IN_CALLBACK'));
    expect(subscription.isOpen).toBe(true);
    end();
    now(subscription.close());
    world.verify();
  });

  it('[U2] subscribing in a callback is allowed, and deferred', () => {
    const world = new World(kind);
    const made: Recorder[] = [];
    world.subscribe(0, 10, {
      invalidate: () => {
        const { ops } = world.recorder(0, 10);
        made.push(ops);
      },
    });
    const end = world.start(0, 10);
    expect(made[0]!.calls).toEqual([]);
    end();
    world.invalidate(0, 10);
    expect(made[0]!.calls).toHaveLength(1);
    world.verify();
  });

  it('closeSync that would have to wait in one event loop says so, and closes all the same', async () => {
    const world = new World('event-loop');
    const { calls, subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    expect(thrownBy(() => subscription.closeSync()).code).toBe('MMN_WOULD_BLOCK');
    expect(subscription.isOpen).toBe(false);
    expect(thrownBy(() => subscription.closeSync()).code).toBe('MMN_WOULD_BLOCK');
    end();
    await subscription.close();
    subscription.closeSync();
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    expect(world.subscribe(0, 10).id).toBe(subscription.id);
    world.verify();
  });
});

describe.each(kinds)('closing in %s', (kind) => {
  it('[U1] [K-S3] [K-L1] in a section waits for its end, and may be called until then', async () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const closed = subscription.close();
    expect(subscription.isOpen).toBe(false);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(2);
    expect(await isPending(closed)).toBe(true);
    expect(await isPending(subscription.close())).toBe(true);
    world.verify();
    end();
    await closed;
    world.verify();
    world.invalidate(0, 10);
    expect(calls).toHaveLength(2);
  });

  it('[U1] aborted leaves it closing, and goes on by itself', async () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const controller = new AbortController();
    const closed = subscription.close(controller.signal);
    controller.abort(new Error('enough'));
    await expect(closed).rejects.toThrow('enough');
    expect(subscription.isOpen).toBe(false);
    expect(thrownBy(() => subscription.readBegin()).code).toBe('MMN_CLOSED');
    await expect(subscription.close(controller.signal)).rejects.toThrow('enough');
    const again = subscription.close();
    expect(await isPending(again)).toBe(true);
    end();
    await again;
    world.verify();
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
    expect(world.subscribe(0, 10).id).toBe(subscription.id);
  });

  it('[U1] closeSync beside a close on its way frees once', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    expect(subscription.lock.tryLock()).toBe(true);
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    subscription.lock.unlock();
    subscription.closeSync();
    await closed;
    world.verify();
    const again = [world.subscribe(0, 10), world.subscribe(0, 10)];
    expect(again[0]!.id).not.toBe(again[1]!.id);
    world.verify();
  });
});

describe.each(['event-loop', 'objects'] as const)('memory in %s', (kind) => {
  it('of what a closed subscription called is given back', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const world = new World(kind);
    world.recorder(0, 10);
    const subscribe = async (): Promise<WeakRef<Recorder>> => {
      const { ops, subscription } = world.recorder(0, 10);
      world.invalidate(0, 10);
      await subscription.close();
      return new WeakRef(ops);
    };
    const ops = await subscribe();
    await eventLoopTurns();
    collect();
    expect(ops.deref()).toBe(undefined);
  });
});

describe.each(places)('prepare and insert in %s', (kind) => {
  it('is subscribe in two steps', () => {
    const world = new World(kind);
    const ops = new Recorder();
    const subscription = world.notifier.prepare(world.opsFor(ops), { cookie: 3 });
    expect(subscription).toMatchObject({ isOpen: false, start: 0, end: 0 });
    world.invalidate(0, 10);
    expect(ops.calls).toEqual([]);
    subscription.insert({ start: 4, end: 8 });
    expect(subscription).toMatchObject({ isOpen: true, start: 4, end: 8 });
    world.invalidate(0, 10);
    expect(ops.calls).toMatchObject([{ start: 0, end: 10, cookie: 3 }]);
    now(subscription.close());
    world.verify();
  });

  it('[K-S11] a failed insert leaves a handle whose close is harmless', () => {
    const world = new World(kind);
    const subscription = world.notifier.prepare(world.opsFor(new Recorder()));
    expect(thrownBy(() => subscription.insert({ start: 8, end: 8 })).code).toBe('MMN_RANGE_EMPTY');
    expect(thrownBy(() => subscription.insert({ start: 8, end: 2 ** 60 })).code).toBe(
      'MMN_ADDRESS',
    );
    world.verify();
    expect(subscription.close()).toBe(undefined);
    expect(subscription.close()).toBe(undefined);
    world.verify();
    expect(thrownBy(() => subscription.insert({ start: 0, end: 8 })).code).toBe('MMN_CLOSED');
  });

  it('[K-S11] closing what was never inserted waits for no section', () => {
    const world = new World(kind);
    const subscription = world.notifier.prepare(world.opsFor(new Recorder()));
    world.recorder(0, 10);
    const end = world.start(0, 10);
    expect(subscription.close()).toBe(undefined);
    end();
    world.verify();
  });

  it('inserting twice is refused, and leaves everything as it was', () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    expect(thrownBy(() => subscription.insert({ start: 50, end: 60 })).code).toBe('MMN_INSERTED');
    expect(subscription).toMatchObject({ start: 0, end: 10 });
    world.verify();
    world.invalidate(0, 60);
    expect(calls).toHaveLength(1);
    now(subscription.close());
    world.verify();
  });

  it('a prepared subscription can neither read nor publish (U-9)', () => {
    const world = new World(kind);
    const inserted = world.subscribe(0, 10);
    const subscription = world.notifier.prepare(world.opsFor(new Recorder()));
    const seq = begin(inserted);
    for (const act of [
      () => subscription.readBegin(),
      () => subscription.readBeginSync(),
      () => subscription.publish(seq, () => {}),
      () => subscription.publishSync(seq, () => {}),
    ]) {
      expect(thrownBy(act)).toMatchObject({
        code: 'MMN_CLOSED',
        message: 'expected an open subscription, got one that is not inserted',
      });
    }
  });
});

/** Begins to close a subscription whose lock is held. */
function closeLocked(subscription: IntervalSubscription): MaybePromise<void> {
  expect(subscription.lock.tryLock()).toBe(true);
  return subscription.close();
}

describe.each(kinds)('a subscription by its number in %s', (kind) => {
  it('is the same subscription', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(3, 9);
    const same = world.notifier.subscriptionAt(subscription.id);
    expect(same).toMatchObject({ start: 3, end: 9, isOpen: true });
    const seq = begin(same);
    const end = world.start(0, 10);
    expect(same.checkRetry(seq)).toBe(true);
    expect(publish(same, seq)).toBe(false);
    const read = same.readBegin();
    end();
    expect(publish(subscription, await read)).toBe(true);
  });

  it.each([-1, 0.5, NaN, 5, 999, 2 ** 40])('refuses %d, which nobody has', (id) => {
    const world = new World(kind);
    world.recorder(0, 10);
    expect(thrownBy(() => world.notifier.subscriptionAt(id)).code).toBe('MMN_CLOSED');
  });

  it('refuses numbers outside of the records, whatever stands there', () => {
    const world = new World(kind, { capacity: 4 });
    world.recorder(0, 10);
    const { words } = world.notifier.state.region;
    for (const id of [-1, 0.5, 4, 5]) {
      words[subAt(id) + Sub.state] = State.inserted;
      expect(thrownBy(() => world.notifier.subscriptionAt(id)).code).toBe('MMN_CLOSED');
    }
  });

  it('refuses one whose closing waits for its lock, wherever it was in its life', async () => {
    for (const variant of variants) {
      const world = new World(kind, { variant });
      const idle = world.subscribe(0, 10);
      const hit = world.subscribe(0, 10);
      const closed = [closeLocked(idle)];
      const end = world.start(0, 10);
      const inserting = world.subscribe(0, 10);
      closed.push(closeLocked(hit), closeLocked(inserting));
      end();
      for (const one of closed) expect(await isPending(one)).toBe(true);
      world.verify();
      for (const subscription of [idle, hit, inserting]) {
        expect(thrownBy(() => world.notifier.subscriptionAt(subscription.id)).code).toBe(
          'MMN_CLOSED',
        );
        subscription.lock.unlock();
      }
      await Promise.all(closed);
      world.verify();
    }
  });

  it('refuses one that is prepared, closing or closed', async () => {
    const world = new World(kind);
    const prepared = world.notifier.prepare(world.opsFor(new Recorder()));
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const closed = subscription.close();
    for (const { id } of [prepared, subscription]) {
      expect(thrownBy(() => world.notifier.subscriptionAt(id)).code).toBe('MMN_CLOSED');
    }
    end();
    await closed;
    expect(thrownBy(() => world.notifier.subscriptionAt(subscription.id)).code).toBe('MMN_CLOSED');
  });
});

describe('a record that changes hands in shared memory', () => {
  it('is called with the ops of who has it now, by an agent that knew the one before', () => {
    const world = new World('shared-memory');
    const there = interval.attach(world.notifier.memory);
    const [before, after] = [new Recorder(), new Recorder()];
    for (const notifier of [world.notifier, there]) {
      notifier.registerOps(10, before);
      notifier.registerOps(11, after);
    }
    const span = { start: 0, end: 10 };
    const invalidateThere = (): void =>
      there.invalidateRangeEndSync(there.invalidateRangeStartSync(span));
    const first = world.notifier.subscribe(span, 10, { cookie: 1 });
    invalidateThere();
    now(first.close());
    expect(world.notifier.subscribe(span, 11, { cookie: 2 }).id).toBe(first.id);
    invalidateThere();
    expect(before.calls.map(({ cookie }) => cookie)).toEqual([1]);
    expect(after.calls.map(({ cookie }) => cookie)).toEqual([2]);
    world.verify();
  });
});

describe('room', () => {
  it('grows in one event loop, also while sections are open and a walk sleeps', async () => {
    const world = new World('event-loop', { capacity: 2 });
    const opened = gate();
    const sleeper = world.recorder(0, 1000);
    sleeper.ops.act = () => opened.promise;
    const behind = world.recorder(1, 1000);
    const started = world.notifier.invalidateRangeStart({ start: 500, end: 501 });
    const made = Array.from({ length: 100 }, (_, i) => world.recorder(i, 1000));
    world.verify();
    opened.open();
    const invalidation = await started;
    expect(behind.calls).toHaveLength(1);
    const reads = made.map(({ subscription }) => subscription.readBegin());
    now(world.notifier.invalidateRangeEnd(invalidation));
    for (const [i, { subscription }] of made.entries()) {
      expect(publish(subscription, await reads[i]!)).toBe(true);
    }
    world.verify();
    sleeper.ops.act = () => undefined;
    world.invalidate(999, 1000);
    expect(made.every(({ calls }) => calls.length === 1)).toBe(true);
    for (const { subscription } of made) now(subscription.close());
    expect(behind.calls).toHaveLength(2);
    world.verify();
  });

  it('grows under readers and closers that wait', async () => {
    const world = new World('event-loop', { capacity: 1 });
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    const locked = subscription.lock.lock();
    for (let i = 0; i < 10; i++) world.recorder(0, 10);
    expect(locked).toBe(undefined);
    subscription.lock.unlock();
    end();
    expect(publish(subscription, await read)).toBe(true);
    world.verify();
  });

  it('ends in shared memory, with its code, and closing makes some', () => {
    const world = new World('shared-memory', { capacity: 3 });
    const made = [world.subscribe(0, 10), world.subscribe(0, 10), world.subscribe(0, 10)];
    expect(thrownBy(() => world.subscribe(0, 10))).toMatchObject({
      code: 'MMN_OUT_OF_CAPACITY',
      message:
        'expected at most 3 subscriptions in this memory, got one more: create it with a larger capacity',
    });
    expect(thrownBy(() => world.notifier.prepare(0)).code).toBe('MMN_OUT_OF_CAPACITY');
    const there = interval.attach(world.notifier.memory);
    there.registerOps(0, new Recorder());
    expect(thrownBy(() => there.prepare(0)).message).toContain('at most 3 subscriptions in this');
    // What is wrong with a request for ever is said first.
    expect(thrownBy(() => world.subscribe(5, 5)).code).toBe('MMN_RANGE_EMPTY');
    world.verify();
    now(made[1]!.close());
    world.subscribe(0, 10);
    world.verify();
  });

  it('a refused subscription gives its record back', async () => {
    const world = new World('shared-memory', { capacity: 1 });
    for (let i = 0; i < 5; i++) {
      expect(thrownBy(() => world.subscribe(5, 5)).code).toBe('MMN_RANGE_EMPTY');
    }
    await world.notifier.release();
    for (let i = 0; i < 5; i++) {
      expect(thrownBy(() => world.subscribe(0, 5)).code).toBe('MMN_RELEASED');
    }
    await eventLoopTurns();
    world.verify();
  });
});
