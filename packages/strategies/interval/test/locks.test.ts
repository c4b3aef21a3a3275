/** The driver's lock, in every way that a subscriber may bring one, and drivers that lock for themselves. */
import {
  enableLockdep,
  headerWords,
  type LockdepReport,
  Mutex,
  Region,
  SpinLock,
} from '@mmu-notifier/sync';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { IntervalOps } from '../src/variants.ts';
import { createMixed } from './fake-list.ts';
import { thrownBy } from './thrown.ts';
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

/** Memory of the caller's own, where it keeps its locks. */
function otherRegion(): Region {
  return Region.create({ kind: 'test', capacity: 1, byteLength: 256 });
}

const makeLock = {
  'the default mutex': () => undefined,
  'a mutex in another region': () => new Mutex(otherRegion(), headerWords),
  'a spin lock': () => new SpinLock(otherRegion(), headerWords),
};

describe.each(places)('the driver’s lock in %s', (kind) => {
  describe.each(Object.entries(makeLock))('%s', (name, make) => {
    /** Ops with that lock, and what happened under it. */
    function opsWithLock(): { ops: IntervalOps; wasLocked: boolean[] } {
      const lock = make();
      const wasLocked: boolean[] = [];
      const ops: IntervalOps = {
        ...(lock === undefined ? {} : { lock }),
        invalidate: () => {
          const got = holder.subscription.lock.tryLock();
          if (got) holder.subscription.lock.unlock();
          wasLocked.push(!got);
        },
      };
      return { ops, wasLocked };
    }
    const holder = {} as { subscription: ReturnType<World['subscribe']> };

    it('is held in invalidate and in install, and free afterwards', () => {
      const world = new World(kind);
      const { ops, wasLocked } = opsWithLock();
      const subscription = (holder.subscription = world.subscribe(0, 10, ops));
      const install = (): void => {
        expect(subscription.lock.tryLock()).toBe(false);
        wasLocked.push(true);
      };
      expect(publish(subscription, begin(subscription), install)).toBe(true);
      world.invalidate(0, 10);
      expect(subscription.publishSync(begin(subscription), install)).toBe(true);
      now(
        world.notifier.invalidateRangeEnd(
          world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })!,
        ),
      );
      expect(wasLocked).toEqual([true, true, true, true]);
      expect(subscription.lock.tryLock()).toBe(true);
      expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
      subscription.lock.unlock();
      world.verify();
    });

    it('is let go when install or invalidate throws', () => {
      const world = new World(kind);
      const { ops } = opsWithLock();
      const reason = new Error('broken');
      const subscription = world.subscribe(0, 10, {
        ...ops,
        invalidate: () => {
          throw reason;
        },
      });
      const failing = (): void => {
        throw reason;
      };
      expect(() => subscription.publish(begin(subscription), failing)).toThrow(reason);
      expect(() => subscription.publishSync(begin(subscription), failing)).toThrow(reason);
      expect(thrownBy(() => world.start(0, 10)).cause).toBe(reason);
      expect(subscription.lock.tryLock()).toBe(true);
      subscription.lock.unlock();
      now(subscription.close());
      expect(name).toBeTruthy();
      world.verify();
    });
  });

  it('that several share makes their sections and publications take turns', async () => {
    const world = new World(kind);
    const lock = new Mutex(otherRegion(), headerWords);
    const log: string[] = [];
    const make = (which: string, start: number) =>
      world.subscribe(start, start + 10, {
        lock,
        invalidate: async () => {
          log.push(`${which} begins`);
          await eventLoopTurns(1);
          log.push(`${which} ends`);
        },
      });
    const [a, b] = [make('a', 0), make('b', 100)];
    const installing = gate();
    const published = a.publish(begin(a), () => installing.promise);
    const started = [0, 100].map((start) =>
      world.notifier.invalidateRangeStart({ start, end: start + 10 }),
    );
    expect(await isPending(started[1])).toBe(true);
    expect(log).toEqual([]);
    expect(world.notifier.tryInvalidateRangeStart({ start: 100, end: 101 })).toBe(undefined);
    installing.open();
    expect(await published).toBe(true);
    for (const one of started) now(world.notifier.invalidateRangeEnd(await one));
    expect(log).toEqual(
      log[0] === 'a begins'
        ? ['a begins', 'a ends', 'b begins', 'b ends']
        : ['b begins', 'b ends', 'a begins', 'a ends'],
    );
    expect(b.lock).toBe(a.lock);
    world.verify();
  });

  it('is awaited by an asynchronous install, and a section that comes meanwhile tears down after it', async () => {
    const world = new World(kind);
    const shadow = new Set<string>();
    const subscription = world.subscribe(0, 10, { invalidate: () => shadow.clear() });
    const installing = gate();
    const published = subscription.publish(begin(subscription), async () => {
      await installing.promise;
      shadow.add('entry');
    });
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    installing.open();
    expect(await published).toBe(true);
    const invalidation = await started;
    expect(shadow.size).toBe(0);
    now(world.notifier.invalidateRangeEnd(invalidation));
  });

  it('an install that rejects lets it go, and the error comes out', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const reason = new Error('broken');
    await expect(
      subscription.publish(begin(subscription), () => Promise.reject(reason)),
    ).rejects.toBe(reason);
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('an install that returns something else than a promise needs none', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const cache = new Map<string, number>();
    const install = (): never => cache.set('key', 1) as never;
    expect(subscription.publish(begin(subscription), install)).toBe(true);
    expect(cache.size).toBe(1);
  });

  it('publishSync refuses an install that is asynchronous, and keeps the lock until that is over', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const installing = gate();
    const install = (): void => installing.promise as never;
    expect(thrownBy(() => subscription.publishSync(begin(subscription), install)).code).toBe(
      'MMN_CALLBACK_ASYNC',
    );
    expect(subscription.lock.tryLock()).toBe(false);
    installing.fail(new Error('nobody hears this'));
    await eventLoopTurns();
    expect(subscription.lock.tryLock()).toBe(true);
  });

  it('gives up waiting for it when the signal aborts, and the callback is not called for', async () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    const installing = gate();
    const seq = begin(subscription);
    const published = subscription.publish(seq, () => installing.promise);
    const controller = new AbortController();
    const reason = new Error('enough');
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 }, controller.signal);
    // On objects nobody begins a read in an open section; in words whom it has not reached yet does.
    const nextSeq = kind === 'objects' ? seq : begin(subscription);
    const second = subscription.publish(nextSeq, () => {}, controller.signal);
    controller.abort(reason);
    await expect(started).rejects.toBe(reason);
    await expect(second).rejects.toBe(reason);
    installing.open();
    expect(await published).toBe(true);
    await eventLoopTurns();
    expect(calls).toEqual([]);
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.verify();
  });

  it('that takes no notice of the signal comes too late: it is let go, and nobody is called', async () => {
    const world = new World(kind);
    const inner = new Mutex(otherRegion(), headerWords);
    const lock = {
      tryLock: () => inner.tryLock(),
      lock: () => inner.lock(),
      lockSync: () => inner.lockSync(),
      unlock: () => inner.unlock(),
    };
    const calls: number[] = [];
    const subscription = world.subscribe(0, 10, { lock, invalidate: () => void calls.push(1) });
    const controller = new AbortController();
    expect(inner.tryLock()).toBe(true);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 }, controller.signal);
    controller.abort(new Error('enough'));
    await expect(started).rejects.toThrow('enough');
    inner.unlock();
    await eventLoopTurns();
    expect(calls).toEqual([]);
    expect(inner.isLocked).toBe(false);
    const isOdd = (begin(subscription) & 1) === 1;
    expect(isOdd || kind === 'objects').toBe(true);
    expect(world.isFull).toBe(false);
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.verify();
  });
});

describe.each(places)('closing and the driver’s lock in %s', (kind) => {
  it('[U1] waits for who holds it, and leaves it free', async () => {
    const world = new World(kind);
    const lock = new Mutex(otherRegion(), headerWords);
    const subscription = world.subscribe(0, 10, { lock, invalidate: () => {} });
    const installing = gate();
    const published = subscription.publish(begin(subscription), () => installing.promise);
    const closing = subscription.close();
    expect(await isPending(closing)).toBe(true);
    installing.open();
    await closing;
    expect(await published).toBe(true);
    expect(lock.isLocked).toBe(false);
    world.verify();
  });

  it('[U1] in the …Sync form, too, gives back what it waited for', () => {
    const world = new World(kind);
    const log: string[] = [];
    const lock = {
      tryLock: () => false,
      lock: () => void log.push('lock'),
      lockSync: () => void log.push('lockSync'),
      unlock: () => void log.push('unlock'),
    };
    world.subscribe(0, 10, { lock, invalidate: () => {} }).closeSync();
    expect(log).toEqual(['lockSync', 'unlock']);
  });

  it('[U1] whose lock fails, in the …Sync form, tells whoever closes again, and nobody else', async () => {
    const world = new World(kind);
    const reason = new Error('its holder has died');
    const lock = {
      tryLock: () => false,
      lock: () => Promise.reject(reason),
      lockSync: () => {
        throw reason;
      },
      unlock: () => {},
    };
    const subscription = world.subscribe(0, 10, { lock, invalidate: () => {} });
    expect(() => subscription.closeSync()).toThrow(reason);
    await eventLoopTurns();
    await expect(subscription.close()).rejects.toBe(reason);
  });
});

describe.each(kinds)('closing and the driver’s lock in %s', (kind) => {
  it('[U1] closing again does not wait for whoever has the record now', async () => {
    for (const waits of [false, true]) {
      const world = new World(kind, { capacity: 1 });
      const first = world.subscribe(0, 10);
      const before = waits ? first.publish(begin(first), () => eventLoopTurns(1)) : undefined;
      expect(first.close() instanceof Promise).toBe(waits);
      await before;
      await first.close();
      const next = world.subscribe(0, 10);
      expect(next.id).toBe(first.id);
      const installing = gate();
      const published = next.publish(begin(next), () => installing.promise);
      first.closeSync();
      expect(first.close()).toBe(undefined);
      installing.open();
      expect(await published).toBe(true);
      world.verify();
    }
  });
});

/** A driver whose callbacks wait, and its lock. */
function asynchronous() {
  const lock = new Mutex(otherRegion(), headerWords);
  return { lock, invalidate: () => eventLoopTurns(1) };
}

/** It takes its lock, calls setSeq and tears down, unless it ignores the event. */
function selfLocking(world: World) {
  const lock = new Mutex(otherRegion(), headerWords);
  const shadow = new Set<string>();
  const ignored = new Set<string>();
  const events: string[] = [];
  const subscription = world.subscribe(0, 10, {
    locking: 'driver',
    lock,
    invalidate: ({ event, blockable }) => {
      events.push(event);
      if (ignored.has(event)) return true;
      if (!lock.tryLock()) {
        if (!blockable) return false;
        throw new Error('the tests hold it only over non-blockable sections');
      }
      subscription.setSeq();
      shadow.clear();
      lock.unlock();
      return true;
    },
  });
  return { subscription, lock, shadow, ignored, events };
}

describe.each(places)('a driver that locks for itself in %s', (kind) => {
  it('gets its events without the lock held, and what it read before is refused', async () => {
    const world = new World(kind);
    const { subscription, shadow } = selfLocking(world);
    const seq = begin(subscription);
    expect(publish(subscription, seq, () => void shadow.add('entry'))).toBe(true);
    const end = world.start(0, 10);
    expect(shadow.size).toBe(0);
    expect(publish(subscription, seq)).toBe(false);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
    world.verify();
  });

  it('refuses a non-blockable section while its lock is held', () => {
    const world = new World(kind);
    const { subscription, lock } = selfLocking(world);
    expect(lock.tryLock()).toBe(true);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    lock.unlock();
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.verify();
  });

  it('[U1] may close while it holds its lock: whoever locks for himself looks after his callbacks', () => {
    const world = new World(kind);
    const [first, second] = [selfLocking(world), selfLocking(world)];
    for (const { lock } of [first, second]) expect(lock.tryLock()).toBe(true);
    expect(now(first.subscription.close())).toBe(undefined);
    second.subscription.closeSync();
    expect([first, second].map(({ lock }) => lock.isLocked)).toEqual([true, true]);
    world.invalidate(0, 10);
    expect([...first.events, ...second.events]).toEqual([]);
    world.verify();
  });

  it.each([true, false])('[L1] cannot publish after a release (ignored: %s)', async (isIgnored) => {
    const world = new World(kind);
    const { subscription, ignored, shadow } = selfLocking(world);
    if (isIgnored) ignored.add('RELEASE');
    const seq = begin(subscription);
    expect(publish(subscription, seq, () => void shadow.add('entry'))).toBe(true);
    await world.notifier.release();
    expect(shadow.size).toBe(isIgnored ? 1 : 0);
    expect(thrownBy(() => subscription.readBegin()).code).toBe('MMN_RELEASED');
    expect(thrownBy(() => subscription.publish(seq, () => {})).code).toBe('MMN_RELEASED');
  });

  it('that is asynchronous keeps its lock to itself: nobody gives it back for him', async () => {
    const world = new World(kind);
    const { lock, invalidate } = asynchronous();
    const subscription = world.subscribe(0, 10, { locking: 'driver', lock, invalidate });
    expect(lock.tryLock()).toBe(true);
    const range = { start: 0, end: 10 };
    now(world.notifier.invalidateRangeEnd(await world.notifier.invalidateRangeStart(range)));
    expect(thrownBy(() => world.notifier.invalidateRangeStartSync(range)).code).toBe(
      'MMN_CALLBACK_ASYNC',
    );
    expect(lock.isLocked).toBe(true);
    lock.unlock();
    now(subscription.close());
    world.verify();
  });

  it('that throws keeps its lock to itself, too', () => {
    const world = new World(kind);
    const { lock } = asynchronous();
    const reason = new Error('broken');
    const invalidate = (): never => {
      throw reason;
    };
    world.subscribe(0, 10, { locking: 'driver', lock, invalidate });
    expect(lock.tryLock()).toBe(true);
    expect(thrownBy(() => world.start(0, 10)).cause).toBe(reason);
    expect(lock.isLocked).toBe(true);
    world.verify();
  });

  it('setSeq where no section is open is refused, and readers do not wait', () => {
    const world = new World(kind);
    const subscription = world.subscribe(0, 10, new Recorder());
    expect(thrownBy(() => subscription.setSeq())).toMatchObject({
      code: 'MMN_NOT_OPEN',
      message: 'expected setSeq to be called in invalidate, got no section open',
    });
    const end = world.start(50, 60);
    expect(thrownBy(() => subscription.setSeq()).code).toBe('MMN_NOT_OPEN');
    end();
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.verify();
  });
});

describe.each(kinds)('a driver that locks for itself in %s', (kind) => {
  it('may close with its lock held: nobody else takes that', async () => {
    const world = new World(kind);
    const { subscription, lock } = selfLocking(world);
    const end = world.start(0, 10);
    expect(lock.tryLock()).toBe(true);
    const closed = Promise.resolve(subscription.close());
    expect(await isPending(closed)).toBe(true);
    end();
    expect(await isPending(closed)).toBe(false);
    lock.unlock();
    world.verify();
  });

  it('may ignore an event: its readers neither wait nor collide', () => {
    const world = new World(kind);
    const { subscription, shadow, ignored, events } = selfLocking(world);
    ignored.add('SOFT_DIRTY');
    const seq = begin(subscription);
    expect(publish(subscription, seq, () => void shadow.add('entry'))).toBe(true);
    const end = world.start(0, 10, 'SOFT_DIRTY');
    expect(publish(subscription, begin(subscription))).toBe(true);
    expect(publish(subscription, seq)).toBe(true);
    end();
    expect(shadow.size).toBe(1);
    expect(events).toEqual(['SOFT_DIRTY']);
    world.verify();
  });
});

/** Every call that there is, under the debug mode: each lock is taken and given back by who has it. */
describe.each(['landed', 'scoped'])('the debug mode on %s', (variant) => {
  it.each(kinds)('has nothing to say in %s', async (kind) => {
    const reports: LockdepReport[] = [];
    onTestFinished(enableLockdep({ report: (report) => void reports.push(report) }));
    const world = new World(kind, { variant });
    const { subscription } = world.recorder(0, 10);
    const other = world.recorder(20, 30).subscription;
    const end = world.start(0, 30);
    const read = subscription.readBegin();
    subscription.setSeq();
    expect(thrownBy(() => world.subscribe(5, 5)).code).toBe('MMN_RANGE_EMPTY');
    end();
    expect(publish(subscription, await read)).toBe(true);
    const { promise, open } = gate();
    const slow = world.recorder(20, 30);
    slow.ops.act = () => promise;
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 30 });
    const closed = [subscription.close(), slow.subscription.close(), other.close()];
    open();
    now(world.notifier.invalidateRangeEnd(await started));
    await Promise.all(closed);
    expect(thrownBy(() => world.notifier.subscriptionAt(subscription.id)).code).toBe('MMN_CLOSED');
    await world.notifier.release();
    expect(thrownBy(() => world.subscribe(0, 10)).code).toBe('MMN_RELEASED');
    expect(thrownBy(() => world.notifier.releaseSync()).code).toBe('MMN_RELEASED');
    expect(reports).toEqual([]);
    world.verify();
  });

  it('nor of whoever registers with a list', async () => {
    const reports: LockdepReport[] = [];
    onTestFinished(enableLockdep({ report: (report) => void reports.push(report) }));
    const { notifier, list } = createMixed(variant);
    now(list.register({}));
    const invalidation = await notifier.invalidateRangeStart({ start: 0, end: 10 });
    const registered = list.register({});
    await notifier.invalidateRangeEnd(invalidation);
    await registered;
    expect(list.subscribers).toHaveLength(2);
    expect(reports).toEqual([]);
    notifier.verify();
  });
});
