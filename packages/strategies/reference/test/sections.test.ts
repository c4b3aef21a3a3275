/** What a start does before it returns, and what it leaves when it fails. */
import {
  addressMax,
  type InvalidationEvent,
  type MaybePromise,
  type NotifierErrorCode,
} from '@mmu-notifier/core';
import { enableLockdep, mightSleep, Mutex, Region } from '@mmu-notifier/sync';
import { afterEach, describe, expect, it } from 'vitest';
import {
  begin,
  codeOfCall,
  errorOf,
  eventLoopTurns,
  isPending,
  kinds,
  publish,
  Recorder,
  World,
} from './world.ts';

const asleep = (): Promise<void> => eventLoopTurns(1);

function mutex(): Mutex {
  return new Mutex(Region.create({ kind: 'test', capacity: 1, byteLength: 256 }), 40, 'driver');
}

describe.each(kinds)('a section in %s', (kind) => {
  it('[S1] calls every overlapping subscription once, with its cookie, before start returns', () => {
    const world = new World(kind);
    const spans = [
      [0, 5],
      [4, 20],
      [4, 20],
      [9, 10],
      [0, 100],
    ] as const;
    const recorders = spans.map(([start, end], cookie) => world.recorder(start, end, { cookie }));
    const end = world.start(4, 10, { event: 'UNMAP' });
    for (const [cookie, { calls }] of recorders.entries()) {
      expect(calls).toEqual([
        { start: 4, end: 10, event: 'UNMAP', blockable: true, owner: undefined, cookie },
      ]);
    }
    end();
    expect(recorders.every(({ calls }) => calls.length === 1)).toBe(true);
  });

  it('[S1] start returns when the last sleeping callback is over, and not before', async () => {
    const world = new World(kind);
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = world.recorder(0, 10);
    first.ops.act = () => promise;
    const second = world.recorder(0, 10);
    const started = world.startLater(0, 10);
    expect(await isPending(started)).toBe(true);
    expect(second.calls).toHaveLength(0);
    resolve();
    (await started)();
    expect([first.calls.length, second.calls.length]).toEqual([1, 1]);
  });

  it('[S2] [K-S12] touching is not overlapping, and the whole space hits its ends', () => {
    const world = new World(kind);
    const [below, above] = [world.recorder(0, 4), world.recorder(8, 12)];
    world.invalidate(4, 8);
    expect([below.calls.length, above.calls.length]).toEqual([0, 0]);
    const last = world.recorder(addressMax - 1, addressMax);
    world.invalidate(0, addressMax);
    expect([below.calls.length, above.calls.length, last.calls.length]).toEqual([1, 1, 1]);
  });

  it('[S3] disjoint subscriptions are not called, and their reads go on', () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(20, 30);
    world.subscribe(0, 10);
    const seq = begin(subscription);
    const end = world.start(0, 10);
    expect(publish(subscription, seq)).toBe(true);
    expect(publish(subscription, begin(subscription))).toBe(true);
    end();
    expect(calls).toEqual([]);
  });

  it('[S5] [K-S2] nothing is published into an open section, whenever it was read', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const before = begin(subscription);
    const end = world.start(9, 20);
    expect(publish(subscription, before, () => expect.unreachable())).toBe(false);
    const inside = subscription.readBegin();
    expect(await isPending(inside)).toBe(true);
    end();
    expect(publish(subscription, before, () => expect.unreachable())).toBe(false);
    expect(publish(subscription, await inside)).toBe(true);
  });

  it('[S5] a publication that has begun is over, and torn down, when start returns', async () => {
    const world = new World(kind);
    const { promise, resolve } = Promise.withResolvers<void>();
    const order: string[] = [];
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = () => void order.push('torn down');
    const published = subscription.publish(begin(subscription), () =>
      promise.then(() => void order.push('installed')),
    );
    const started = world.startLater(0, 10);
    expect(await isPending(started)).toBe(true);
    resolve();
    expect(await published).toBe(true);
    (await started)();
    expect(order).toEqual(['installed', 'torn down']);
  });

  it('[S6] [K-L3] sections nest and overlap; readers go on when the last has ended', async () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    const first = world.start(0, 5);
    const second = world.start(5, 10);
    const read = subscription.readBegin();
    first();
    expect(await isPending(read)).toBe(true);
    second();
    expect(publish(subscription, await read)).toBe(true);
    expect(calls).toHaveLength(2);
  });

  it('[S6] starts whose callbacks sleep run side by side, but for the lock they share', async () => {
    const world = new World(kind);
    const inside = { now: 0, most: 0 };
    const lock = mutex();
    const act = async (): Promise<void> => {
      inside.most = Math.max(inside.most, ++inside.now);
      await asleep();
      inside.now--;
    };
    for (const start of [0, 10]) world.subscribe(start, start + 10, { invalidate: act });
    for (const start of [20, 30]) world.subscribe(start, start + 10, { invalidate: act, lock });
    for (const end of await Promise.all([world.startLater(0, 5), world.startLater(10, 15)])) end();
    expect(inside.most).toBe(2);
    inside.most = 0;
    for (const end of await Promise.all([world.startLater(20, 25), world.startLater(30, 35)]))
      end();
    expect(inside.most).toBe(1);
  });

  it('[D1] a subscription made in it is not called, but its first read waits for the end', async () => {
    const world = new World(kind);
    const end = world.start(0, 10);
    const { calls, subscription } = world.recorder(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(calls).toEqual([]);
    expect(publish(subscription, await read)).toBe(true);
  });

  it('may open others, elsewhere, in its callbacks', () => {
    const world = new World(kind);
    const { calls } = world.recorder(20, 30);
    world.subscribe(0, 10, { invalidate: () => world.invalidate(20, 30) });
    world.invalidate(0, 10);
    expect(calls).toHaveLength(1);
  });
});

describe.each(kinds)('a non-blockable section in %s', (kind) => {
  let disableLockdep: (() => void) | undefined;
  afterEach(() => disableLockdep?.());

  it('[N1] [K-S6] never waits: not for a lock, not for a callback that could', () => {
    disableLockdep = enableLockdep();
    const world = new World(kind);
    const lock = mutex();
    const blockable: boolean[] = [];
    world.subscribe(0, 10, {
      lock,
      invalidate: (range) => {
        blockable.push(range.blockable);
        if (range.blockable) mightSleep('a callback');
      },
    });
    world.tryStart(0, 10)!();
    expect(lock.tryLock()).toBe(true);
    expect(world.tryStart(0, 10)).toBeUndefined();
    lock.unlock();
    world.invalidate(0, 10);
    expect(blockable).toEqual([false, true]);
  });

  it('[N1] a callback that sleeps in it is what the debug mode reports', () => {
    disableLockdep = enableLockdep();
    const world = new World(kind);
    const { ops } = world.recorder(0, 10);
    ops.act = () => mightSleep('a callback');
    expect(codeOfCall(() => world.tryStart(0, 10))).toBe('MMN_CALLBACK_FAILED');
    ops.act = () => undefined;
    world.tryStart(0, 10)!();
  });

  it('[N2] [K-S7] would block: all is as if it had not been called', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    const elsewhere = world.start(20, 30);
    const seq = begin(subscription);
    const held = Promise.withResolvers<void>();
    const published = subscription.publish(seq, () => held.promise);
    expect(world.tryStart(0, 10)).toBeUndefined();
    held.resolve();
    expect(await published).toBe(true);
    expect(ops.calls).toEqual([]);
    expect(publish(subscription, seq)).toBe(true);
    expect(publish(subscription, begin(subscription))).toBe(true);
    elsewhere();
    world.expectUsable(subscription);
  });

  it('[N2] would block inside another one, which stays open', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    ops.act = () => false;
    expect(world.tryStart(0, 10)).toBeUndefined();
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
  });

  it('[N3] [K-S4] those before the one that would block get their second pass, the others nothing', () => {
    const world = new World(kind);
    const order: string[] = [];
    for (const [name, result] of [
      ['a', true],
      ['b', false],
      ['c', true],
    ] as const) {
      world.subscribe(0, 10, {
        invalidate: () => {
          order.push(name);
          return result;
        },
        finish: ({ blockable }) => void order.push(`finish ${name} ${blockable}`),
      });
    }
    expect(world.tryStart(0, 10)).toBeUndefined();
    expect(order).toEqual(['a', 'b', 'finish a false']);
    world.expectUsable(world.subscribe(20, 30));
  });

  it('[N2] [E1] one that throws is told on, also when a later one would block', async () => {
    const world = new World(kind);
    const [thrower, blocker] = [world.recorder(0, 10), world.recorder(0, 10)];
    const reason = new Error('broken');
    thrower.ops.act = () => {
      throw reason;
    };
    blocker.ops.act = () => false;
    const error = await errorOf(() => world.tryStart(0, 10));
    expect(error).toMatchObject({ code: 'MMN_CALLBACK_FAILED', cause: reason });
    for (const { ops } of [thrower, blocker]) ops.act = () => undefined;
    world.expectUsable(blocker.subscription);
  });
});

describe.each(kinds)('the second pass in %s', (kind) => {
  it('runs after every invalidate of the section, without the driver’s lock, and may sleep', async () => {
    const world = new World(kind);
    const order: string[] = [];
    for (const name of ['a', 'b']) {
      const lock = mutex();
      world.subscribe(0, 10, {
        lock,
        invalidate: () => void order.push(`${name} ${lock.isLocked}`),
        finish: async () => {
          await asleep();
          order.push(`finish ${name} ${lock.isLocked}`);
        },
      });
    }
    (await world.startLater(0, 10))();
    expect(order).toEqual(['a true', 'b true', 'finish a false', 'finish b false']);
  });

  it('[E1] that throws is told on, the others run, and what failed first is the cause', async () => {
    const world = new World(kind);
    let finished = 0;
    const fail = (text: string) => (): void => {
      finished++;
      throw new Error(text);
    };
    world.subscribe(0, 10, { invalidate: () => {}, finish: fail('first') });
    world.subscribe(0, 10, { invalidate: () => {}, finish: fail('second') });
    const { code, cause } = await errorOf(() => world.start(0, 10));
    expect([code, (cause as Error).message, finished]).toEqual(['MMN_CALLBACK_FAILED', 'first', 2]);
    world.expectUsable(world.subscribe(20, 30));
  });
});

describe.each(kinds)('the owner in %s', (kind) => {
  const owner = { name: 'device 0' };

  it('is not told of its own MIGRATE and EXCLUSIVE, and its readers go on', async () => {
    const world = new World(kind);
    const told: string[] = [];
    const ops = (name: string) => ({
      invalidate: () => void told.push(name),
      finish: () => void told.push(`finish ${name}`),
    });
    const own = world.subscribe(0, 10, { ...ops('own'), owner });
    const other = world.subscribe(0, 10, { ...ops('other'), owner: { ...owner } });
    const unowned = world.subscribe(0, 10, ops('unowned'));
    for (const event of ['MIGRATE', 'EXCLUSIVE'] as const) {
      told.length = 0;
      const seq = begin(own);
      const end = world.start(0, 10, { event, owner });
      expect(told).toEqual(['other', 'unowned', 'finish other', 'finish unowned']);
      expect(publish(own, seq)).toBe(true);
      expect(publish(own, begin(own))).toBe(true);
      expect(await isPending(other.readBegin())).toBe(true);
      expect(await isPending(unowned.readBegin())).toBe(true);
      end();
    }
  });

  it.each([
    ['CLEAR', owner, 2],
    ['UNMAP', owner, 2],
    ['MIGRATE', undefined, 2],
    ['MIGRATE', 'somebody else', 2],
    ['MIGRATE', owner, 1],
  ] as const)('of a %s of %o: %i are told', (event: InvalidationEvent, whose, told) => {
    const world = new World(kind);
    const own = Object.assign(new Recorder(), { owner });
    const unowned = new Recorder();
    for (const ops of [own, unowned]) world.subscribe(0, 10, ops);
    world.start(0, 10, { event, owner: whose })();
    expect(own.calls.length + unowned.calls.length).toBe(told);
  });
});

const reason = new Error('broken');
const failures: readonly [string, () => MaybePromise<boolean | void>, NotifierErrorCode][] = [
  ['throws', () => fail(), 'MMN_CALLBACK_FAILED'],
  ['rejects', () => asleep().then(fail), 'MMN_CALLBACK_FAILED'],
  ['returns false', () => false, 'MMN_CALLBACK_REFUSED'],
  ['resolves to false', () => asleep().then(() => false), 'MMN_CALLBACK_REFUSED'],
];

function fail(): never {
  throw reason;
}

describe.each(kinds)('a callback in %s', (kind) => {
  it.each(failures)(
    '[E1] [N5] that %s is told on, the others run, and the section is ended',
    async (_, act, code) => {
      const world = new World(kind);
      const [bad, good] = [world.recorder(0, 10), world.recorder(0, 10)];
      bad.ops.act = act;
      const error = await errorOf(() => world.startLater(0, 10));
      expect(error.code).toBe(code);
      expect(error.cause).toBe(code === 'MMN_CALLBACK_FAILED' ? reason : undefined);
      expect(good.calls).toHaveLength(1);
      bad.ops.act = () => undefined;
      world.expectUsable(bad.subscription);
    },
  );

  it.each([
    ['invalidate', 'never settles', () => new Promise<void>(() => {})],
    ['invalidate', 'rejects', () => Promise.reject(reason)],
    ['finish', 'rejects', () => Promise.reject(reason)],
  ] as const)(
    'whose %s returns a promise, which %s, where nobody can wait is refused, and its lock let go',
    async (pass, _, act) => {
      const world = new World(kind);
      let isAsynchronous = true;
      const subscription = world.subscribe(0, 10, {
        invalidate: () => {},
        [pass]: () => (isAsynchronous ? act() : undefined),
      });
      const { calls } = world.recorder(0, 10);
      for (const form of [
        () => world.notifier.invalidateRangeStartSync({ start: 0, end: 10 }),
        () => world.tryStart(0, 10),
      ]) {
        expect((await errorOf(form)).code).toBe('MMN_CALLBACK_ASYNC');
      }
      expect(calls).toHaveLength(2);
      isAsynchronous = false;
      world.expectUsable(subscription);
    },
  );

  it('that never settles keeps its start waiting until the signal aborts; everybody else goes on', async () => {
    const world = new World(kind);
    const controller = new AbortController();
    const finished: string[] = [];
    const finish = (name: string) => (): void => void finished.push(name);
    world.subscribe(0, 10, { invalidate: () => {}, finish: finish('before') });
    world.subscribe(0, 10, { invalidate: () => new Promise(() => {}), finish: finish('stuck') });
    const after = world.recorder(0, 20);
    const started = world.startLater(0, 10, controller.signal);
    expect(await isPending(started)).toBe(true);
    world.invalidate(10, 20);
    controller.abort(reason);
    await expect(started).rejects.toBe(reason);
    expect(finished).toEqual(['before']);
    expect(after.calls.map(({ start }) => start)).toEqual([10]);
    expect(publish(after.subscription, begin(after.subscription))).toBe(true);
    expect(world.tryStart(0, 10)).toBeUndefined();
  });

  it('whose start was given up holds its lock until it is over', async () => {
    const world = new World(kind);
    const controller = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = () => promise;
    const started = world.startLater(0, 10, controller.signal);
    controller.abort(reason);
    await expect(started).rejects.toBe(reason);
    const published = subscription.publish(begin(subscription), () => {});
    expect(await isPending(published)).toBe(true);
    resolve();
    expect(await published).toBe(true);
    ops.act = () => undefined;
    world.expectUsable(subscription);
  });

  it('is not called for when its driver’s lock comes with the abort', async () => {
    const world = new World(kind);
    const controller = new AbortController();
    const lock = mutex();
    const deaf = {
      tryLock: () => lock.tryLock(),
      lock: () => lock.lock(),
      lockSync: () => lock.lockSync(),
      unlock: () => lock.unlock(),
    };
    let calls = 0;
    world.subscribe(0, 10, { lock: deaf, invalidate: () => void calls++ });
    expect(lock.tryLock()).toBe(true);
    const started = world.startLater(0, 10, controller.signal);
    controller.abort(reason);
    lock.unlock();
    await expect(started).rejects.toBe(reason);
    expect([calls, lock.isLocked]).toEqual([0, false]);
    world.invalidate(0, 10);
    expect(calls).toBe(1);
  });
});
