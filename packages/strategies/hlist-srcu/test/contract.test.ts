/** The contract's promises, by key, one agent at work. The same with worker threads: workers.test.ts. */
import { addressMax, type Invalidation, type SubscriptionOps } from '@mmu-notifier/core';
import { enableLockdep, headerWords, Region, SpinLock } from '@mmu-notifier/sync';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hlistSrcu, type HlistNotifier, type HlistSubscription } from '../src/index.ts';
import { Mm, mmAt, Node, nodeAt } from '../src/layout.ts';
import {
  codeFrom,
  counting,
  farPage,
  isPending,
  memories,
  now,
  page,
  setUp,
  thrownFrom,
  turn,
} from './support.ts';

const nothing = (): void => {};

/** An address space besides, in whose section one would have to wait. */
interface Other {
  readonly notifier: HlistNotifier;
  readonly subscription: HlistSubscription;
}

describe.each(memories)('the contract in an %s', (kind) => {
  it('[S1] calls invalidate of every overlapping subscription once before start returns', () => {
    const { notifier, subscribe } = setUp(kind);
    const ops = [counting(), counting(), counting()];
    for (const each of ops) subscribe(each);
    const section = now(notifier.invalidateRangeStart(page));
    expect(ops.map(({ calls }) => calls)).toEqual([1, 1, 1]);
    now(notifier.invalidateRangeEnd(section));
    expect(ops.map(({ calls }) => calls)).toEqual([1, 1, 1]);
    notifier.verify();
  });

  it('[S1] hands the callback the range, the event and the cookie', () => {
    const { notifier, subscribe } = setUp(kind);
    const seen: unknown[] = [];
    subscribe({ invalidate: (range, cookie) => void seen.push([{ ...range }, cookie]) }, -7);
    now(notifier.invalidateRangeStart({ ...page, event: 'UNMAP', owner: 'me' }));
    const range = { ...page, event: 'UNMAP', blockable: true, owner: 'me' };
    expect(seen).toEqual([[expect.objectContaining(range), -7]]);
  });

  it('[S3] calls disjoint subscriptions too, since it does not filter by range', () => {
    const { notifier, subscribe } = setUp(kind);
    const ops = counting();
    subscribe(ops);
    now(notifier.invalidateRangeStart(farPage));
    expect(ops.calls).toBe(1);
    expect(notifier.traits.filtersByRange).toBe(false);
  });

  it.each([
    ['MMN_RANGE_EMPTY', { start: 4096, end: 4096 }],
    ['MMN_RANGE_INVERTED', { start: 4096, end: 0 }],
    ['MMN_ADDRESS', { start: 0.5, end: 4096 }],
    ['MMN_ADDRESS', { start: Number.NaN, end: 4096 }],
    ['MMN_ADDRESS', { start: -1, end: 4096 }],
    ['MMN_ADDRESS', { start: 0, end: addressMax + 1 }],
  ] as const)('[S4] refuses with %s the range %o', async (code, range) => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const acts = [
      () => notifier.invalidateRangeStart(range),
      () => notifier.invalidateRangeStartSync(range),
      () => notifier.tryInvalidateRangeStart(range),
      () => notifier.subscribe(range, counting()),
      () => notifier.clearFlushYoung(range),
      () => notifier.clearYoung(range),
      () => notifier.invalidateRange(range),
    ];
    for (const act of acts) expect(await codeFrom(act)).toBe(code);
    expect(now(subscription.publish(now(subscription.readBegin()), nothing))).toBe(true);
    notifier.verify();
  });

  it('[S4] takes the whole space as a range', () => {
    const { notifier, subscribe } = setUp(kind);
    const ops = counting();
    subscribe(ops);
    const section = now(notifier.invalidateRangeStart({ start: 0, end: addressMax }));
    now(notifier.invalidateRangeEnd(section));
    expect(ops.calls).toBe(1);
  });

  it('[S5] publishes nothing between start and end', () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const seq = now(subscription.readBegin());
    const section = now(notifier.invalidateRangeStart(page));
    expect(now(subscription.publish(seq, nothing))).toBe(false);
    now(notifier.invalidateRangeEnd(section));
    expect(now(subscription.publish(seq, nothing))).toBe(false);
    expect(now(subscription.publish(now(subscription.readBegin()), nothing))).toBe(true);
  });

  it('[S6] reopens with the last end when sections nest and overlap', async () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const outer = now(notifier.invalidateRangeStart(page));
    const inner = now(notifier.invalidateRangeStart({ start: 0, end: 8192 }));
    const reading = subscription.readBegin();
    now(notifier.invalidateRangeEnd(outer));
    expect(await isPending(reading)).toBe(true);
    now(notifier.invalidateRangeEnd(inner));
    const seq = await reading;
    expect(now(subscription.publish(seq, nothing))).toBe(true);
    notifier.verify();
  });

  it('[R1] readBegin waits for the open section to close, and no longer', async () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const section = now(notifier.invalidateRangeStart(page));
    const reading = subscription.readBegin();
    expect(await isPending(reading)).toBe(true);
    now(notifier.invalidateRangeEnd(section));
    expect(await isPending(reading)).toBe(false);
    expect(now(subscription.publish(await reading, nothing))).toBe(true);
  });

  it('[R1] an end wakes nobody once who had waited is gone', async () => {
    const { notifier, subscribe, words } = setUp(kind);
    const subscription = subscribe(counting());
    const section = now(notifier.invalidateRangeStart(page));
    const reading = subscription.readBegin();
    now(notifier.invalidateRangeEnd(section));
    await reading;
    const turnAt = nodeAt(1) + Node.turn;
    const turned = words()[turnAt];
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(words()[turnAt]).toBe(turned);
  });

  it('[R2] an invalidation after readBegin makes publish refuse', () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const seq = now(subscription.readBegin());
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    let isInstalled = false;
    expect(now(subscription.publish(seq, () => void (isInstalled = true)))).toBe(false);
    expect(isInstalled).toBe(false);
    expect(subscription.publishSync(seq, () => void (isInstalled = true))).toBe(false);
    expect(isInstalled).toBe(false);
  });

  it('[R3] publish succeeds without an invalidation, and one elsewhere counts as one', () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const seq = now(subscription.readBegin());
    expect(now(subscription.publish(seq, nothing))).toBe(true);
    expect(subscription.publishSync(subscription.readBeginSync(), nothing)).toBe(true);
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(farPage))));
    expect(now(subscription.publish(seq, nothing))).toBe(false);
    expect(notifier.traits.retryScope).toBe('address-space');
  });

  it('[R4] checkRetry is true only if publish then refuses', () => {
    const { notifier, subscribe } = setUp(kind);
    let isRefusing = true;
    const subscription = subscribe({ invalidate: () => !isRefusing });
    const seq = now(subscription.readBegin());
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(notifier.tryInvalidateRangeStart(page)).toBeUndefined();
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(now(subscription.publish(seq, nothing))).toBe(true);
    isRefusing = false;
    now(notifier.invalidateRangeEnd(notifier.tryInvalidateRangeStart(page)!));
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(now(subscription.publish(seq, nothing))).toBe(false);
  });

  it('[R5] readBegin returns after one closing though another section is open', async () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const first = now(notifier.invalidateRangeStart(page));
    const reading = subscription.readBegin();
    now(notifier.invalidateRangeEnd(first));
    const second = now(notifier.invalidateRangeStart(page));
    const seq = await reading;
    expect(now(subscription.publish(seq, nothing))).toBe(false);
    now(notifier.invalidateRangeEnd(second));
    expect(now(subscription.publish(seq, nothing))).toBe(false);
  });

  it('[U1] close waits for a callback that runs, and none runs after', async () => {
    const { notifier, subscribe } = setUp(kind);
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    const subscription = subscribe({
      invalidate() {
        calls++;
        return gate.promise;
      },
    });
    const starting = notifier.invalidateRangeStart(page);
    const closing = subscription.close();
    expect(subscription.isOpen).toBe(false);
    expect(await isPending(closing)).toBe(true);
    gate.resolve();
    await closing;
    const section = await starting;
    now(notifier.invalidateRangeEnd(section));
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(calls).toBe(1);
    notifier.verify();
  });

  it('[U1] close waits for a callback that its section gave up waiting for', async () => {
    const { notifier, subscribe } = setUp(kind);
    const gate = Promise.withResolvers<void>();
    const subscription = subscribe({ invalidate: () => gate.promise });
    const controller = new AbortController();
    const starting = notifier.invalidateRangeStart(page, controller.signal);
    controller.abort();
    expect(await thrownFrom(() => starting)).toBe(controller.signal.reason);
    const closing = subscription.close();
    expect(await isPending(closing)).toBe(true);
    gate.resolve();
    await closing;
    await turn();
    notifier.verify();
  });

  it('[U1] close waits for an asynchronous publication', async () => {
    const { subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const gate = Promise.withResolvers<void>();
    const publishing = subscription.publish(now(subscription.readBegin()), () => gate.promise);
    expect(await codeFrom(() => subscription.closeSync())).toBe('MMN_WOULD_BLOCK');
    const closing = subscription.close();
    expect(await isPending(closing)).toBe(true);
    gate.resolve();
    await closing;
    expect(await publishing).toBe(true);
  });

  it('[U2] close, release and publish are refused in a callback', async () => {
    const { notifier, subscribe } = setUp(kind);
    const codes: unknown[] = [];
    const attempt = async (act: () => unknown): Promise<void> => {
      codes.push(await codeFrom(act));
    };
    const other = subscribe(counting());
    const subscription = subscribe({
      invalidate() {
        void attempt(() => subscription.close());
        void attempt(() => subscription.closeSync());
        void attempt(() => other.close());
        void attempt(() => notifier.release());
        void attempt(() => notifier.releaseSync());
        void attempt(() => subscription.publish(seq, nothing));
      },
      finish() {
        void attempt(() => subscription.close());
      },
    });
    const seq = now(subscription.readBegin());
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    await turn();
    expect(codes).toEqual(Array.from({ length: 7 }, () => 'MMN_IN_CALLBACK'));
    await subscription.close();
    await notifier.release();
  });

  it('[U2] also in a callback that ran only after its lock was free', async () => {
    const { notifier, subscribe } = setUp(kind);
    let code: unknown;
    const subscription = subscribe({
      async invalidate() {
        code = await codeFrom(() => subscription.close());
      },
    });
    const gate = Promise.withResolvers<void>();
    const publishing = subscription.publish(now(subscription.readBegin()), () => gate.promise);
    const starting = notifier.invalidateRangeStart(page);
    gate.resolve();
    await publishing;
    now(notifier.invalidateRangeEnd(await starting));
    expect(code).toBe('MMN_IN_CALLBACK');
  });

  it('[N1] the non-blockable start never waits: lockdep hears of no sleep', () => {
    const { notifier, subscribe } = setUp(kind);
    const region = Region.create({ kind: 'test', capacity: 1, byteLength: 256 });
    subscribe(counting());
    subscribe({ lock: new SpinLock(region, headerWords), invalidate: nothing, finish: nothing });
    const reports: string[] = [];
    const disable = enableLockdep({ report: ({ message }) => reports.push(message) });
    try {
      const section = notifier.tryInvalidateRangeStart(page);
      now(notifier.invalidateRangeEnd(section!));
    } finally {
      disable();
    }
    expect(reports).toEqual([]);
  });

  const sleeping = {
    invalidateRangeStart: ({ notifier }) => notifier.invalidateRangeStart(page),
    invalidateRangeStartSync: ({ notifier }) => notifier.invalidateRangeStartSync(page),
    readBegin: ({ subscription }) => subscription.readBegin(),
    readBeginSync: ({ subscription }) => subscription.readBeginSync(),
    release: ({ notifier }) => notifier.release(),
    releaseSync: ({ notifier }) => notifier.releaseSync(),
  } satisfies Record<string, (other: Other) => unknown>;

  it.each(Object.entries(sleeping))(
    '[N1] a callback in which %s would sleep is reported, unless its section may block',
    (name, sleep) => {
      const { notifier, subscribe } = setUp(kind);
      const other = setUp('ArrayBuffer');
      const subscription = other.subscribe(counting());
      now(other.notifier.invalidateRangeStart(page));
      const reports: string[] = [];
      const disable = enableLockdep({ report: ({ message }) => reports.push(message) });
      onTestFinished(disable);
      subscribe({
        invalidate: () => void codeFrom(() => sleep({ notifier: other.notifier, subscription })),
      });
      now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
      expect(reports).toEqual([]);
      notifier.tryInvalidateRangeStart(page);
      expect(reports).toContain(`lockdep: ${name} may sleep in a non-blockable section`);
    },
  );

  it('[N2] would block because the lock is held: nothing has changed, no end is due', async () => {
    const { notifier, subscribe } = setUp(kind);
    const ops = counting();
    const subscription = subscribe(ops);
    const gate = Promise.withResolvers<void>();
    const publishing = subscription.publish(now(subscription.readBegin()), () => gate.promise);
    expect(notifier.tryInvalidateRangeStart(page)).toBeUndefined();
    expect(ops.calls).toBe(0);
    gate.resolve();
    expect(await publishing).toBe(true);
    notifier.verify();
    const seq = now(subscription.readBegin());
    expect(now(subscription.publish(seq, nothing))).toBe(true);
  });

  it('[N2] a …Sync start would block the thread that has the lock: it fails, and is ended', async () => {
    const { notifier, subscribe } = setUp(kind);
    const ops = counting();
    const subscription = subscribe(ops);
    const gate = Promise.withResolvers<void>();
    const publishing = subscription.publish(now(subscription.readBegin()), () => gate.promise);
    const error = await thrownFrom(() => notifier.invalidateRangeStartSync(page));
    expect(error).toMatchObject({
      code: 'MMN_CALLBACK_FAILED',
      cause: { code: kind === 'ArrayBuffer' ? 'MMN_WOULD_BLOCK' : 'MMN_LOCK' },
    });
    gate.resolve();
    await publishing;
    await turn();
    expect(ops.calls).toBe(0);
    notifier.verify();
  });

  it('[N3] ends for those who had been told when another would block', async () => {
    const { notifier, subscribe } = setUp(kind);
    let finished = 0;
    const refuser = subscribe({ invalidate: ({ blockable }) => blockable });
    const told = subscribe({ invalidate: nothing, finish: () => void finished++ });
    const section = now(notifier.invalidateRangeStart(page));
    const reading = told.readBegin();
    expect(notifier.tryInvalidateRangeStart(page)).toBeUndefined();
    expect(finished).toBe(2);
    expect(await isPending(reading)).toBe(true);
    now(notifier.invalidateRangeEnd(section));
    for (const subscription of [told, refuser]) {
      const seq = await subscription.readBegin();
      expect(now(subscription.publish(seq, nothing))).toBe(true);
    }
    notifier.verify();
  });

  it('[N5] reports a callback that refuses a blockable section, and ends it', async () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe({ invalidate: () => false });
    const other = subscribe(counting());
    expect(await codeFrom(() => notifier.invalidateRangeStart(page))).toBe('MMN_CALLBACK_REFUSED');
    expect(await codeFrom(() => notifier.invalidateRangeStartSync(page))).toBe(
      'MMN_CALLBACK_REFUSED',
    );
    for (const each of [subscription, other]) {
      expect(now(each.publish(now(each.readBegin()), nothing))).toBe(true);
    }
    expect(await codeFrom(() => notifier.release())).toBe('MMN_CALLBACK_REFUSED');
    notifier.verify();
  });

  it('[L1] release calls each subscription once, blockable, over the whole space', async () => {
    const { notifier, subscribe } = setUp(kind);
    const log: unknown[] = [];
    const ops: SubscriptionOps = {
      invalidate: (range, cookie) => void log.push([cookie, 'invalidate', { ...range }]),
      finish: (range, cookie) => void log.push([cookie, 'finish', range.event]),
      release: (cookie) => void log.push([cookie, 'release']),
    };
    const subscriptions = [subscribe(ops, 1), subscribe(ops, 2)];
    const seq = now(subscriptions[0]!.readBegin());
    await notifier.release();
    const range = {
      start: 0,
      end: addressMax,
      event: 'RELEASE',
      blockable: true,
      owner: undefined,
    };
    expect(log).toEqual([
      [2, 'invalidate', range],
      [1, 'invalidate', range],
      [2, 'finish', 'RELEASE'],
      [2, 'release'],
      [1, 'finish', 'RELEASE'],
      [1, 'release'],
    ]);
    const acts = [
      () => notifier.release(),
      () => notifier.releaseSync(),
      () => subscribe(counting()),
      () => subscriptions[0]!.readBegin(),
      () => subscriptions[0]!.readBeginSync(),
      () => subscriptions[0]!.publish(seq, nothing),
      () => subscriptions[0]!.publishSync(seq, nothing),
    ];
    for (const act of acts) expect(await codeFrom(act)).toBe('MMN_RELEASED');
    expect(subscriptions[0]!.checkRetry(seq)).toBe(true);
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    for (const subscription of subscriptions) await subscription.close();
    expect(log).toHaveLength(6);
    notifier.verify();
  });

  it('[L1] releaseSync does the same', () => {
    const { notifier, subscribe } = setUp(kind);
    const ops = counting();
    const subscription = subscribe(ops);
    notifier.releaseSync();
    expect(ops.calls).toBe(1);
    subscription.closeSync();
    subscription.closeSync();
    notifier.verify();
  });

  it('[L1] a reader who waits learns of the release, though its section is still open', async () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const section = now(notifier.invalidateRangeStart(page));
    const reading = subscription.readBegin();
    const release = notifier.release();
    expect(await codeFrom(() => reading)).toBe('MMN_RELEASED');
    await release;
    now(notifier.invalidateRangeEnd(section));
    notifier.verify();
  });

  it('[U1] a reader who waits learns of the closing', async () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const section = now(notifier.invalidateRangeStart(page));
    const reading = subscription.readBegin();
    const code = codeFrom(() => reading);
    now(subscription.close());
    expect(await code).toBe('MMN_CLOSED');
    now(notifier.invalidateRangeEnd(section));
    notifier.verify();
  });

  it.each([
    ['low', 0x7f_ff_ff_ff, 0],
    ['high', -1, 0],
    ['both', -1, 41],
  ])('[Q1] R1 to R3 hold across the carry of the seq (%s word)', async (_, low, high) => {
    const { notifier, subscribe, words } = setUp(kind);
    const subscription = subscribe(counting());
    words()[nodeAt(1) + Node.seqLow] = low;
    words()[nodeAt(1) + Node.seqHigh] = high;
    const before = now(subscription.readBegin());
    expect(before).toBe(high * 2 ** 32 + (low >>> 0));
    expect(now(subscription.publish(before, nothing))).toBe(true);
    const section = now(notifier.invalidateRangeStart(page));
    const reading = subscription.readBegin();
    expect(now(subscription.publish(before, nothing))).toBe(false);
    now(notifier.invalidateRangeEnd(section));
    const after = await reading;
    expect(after).toBe(before + 1);
    expect(now(subscription.publish(before, nothing))).toBe(false);
    expect(now(subscription.publish(after, nothing))).toBe(true);
  });

  it('[Q2] a seq that was torn at the carry is refused, not believed', () => {
    const { subscribe, words } = setUp(kind);
    const subscription = subscribe(counting());
    // Half way through the carry from 2^32-1: the low word has wrapped, the high one is still to come.
    words()[nodeAt(1) + Node.seqLow] = 0;
    words()[nodeAt(1) + Node.seqHigh] = 0;
    const torn = now(subscription.readBegin());
    words()[nodeAt(1) + Node.seqHigh] = 1;
    expect(now(subscription.publish(torn, nothing))).toBe(false);
    expect(subscription.checkRetry(torn)).toBe(true);
  });

  it('[Q2] the next subscription of a node goes on with its seq', () => {
    const { notifier, subscribe } = setUp(kind);
    const first = subscribe(counting());
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    const seq = now(first.readBegin());
    now(first.close());
    const second = subscribe(counting());
    expect(now(second.readBegin())).toBe(seq);
    expect(first.checkRetry(seq)).toBe(true);
  });

  it('[E1] a callback that throws: the others run, the section is ended, the reason arrives', async () => {
    const { notifier, subscribe } = setUp(kind);
    const ops = counting();
    const reason = new Error('broken device');
    let isBroken = true;
    const before = subscribe(ops);
    const broken = subscribe({
      invalidate() {
        if (isBroken) throw reason;
      },
    });
    const after = subscribe(ops);
    const seq = now(broken.readBegin());
    const acts = [
      () => notifier.invalidateRangeStart(page),
      () => notifier.invalidateRangeStartSync(page),
      () => notifier.tryInvalidateRangeStart(page),
    ];
    for (const act of acts) {
      const error = (await thrownFrom(act)) as Error;
      expect(error).toMatchObject({ code: 'MMN_CALLBACK_FAILED', cause: reason });
    }
    expect(ops.calls).toBe(6);
    expect(now(broken.publish(seq, nothing))).toBe(false); // who knows what it tore down
    isBroken = false;
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    for (const each of [before, broken, after]) {
      expect(now(each.publish(now(each.readBegin()), nothing))).toBe(true);
    }
    notifier.verify();
  });

  it('[E1] a callback that rejects does the same', async () => {
    const { notifier, subscribe } = setUp(kind);
    const reason = new Error('broken device');
    const subscription = subscribe({ invalidate: () => Promise.reject(reason) });
    const error = await thrownFrom(() => notifier.invalidateRangeStart(page));
    expect(error).toMatchObject({ code: 'MMN_CALLBACK_FAILED', cause: reason });
    expect(now(subscription.publish(now(subscription.readBegin()), nothing))).toBe(true);
    notifier.verify();
  });

  it('[E1] a finish or a release that fails is reported when all have run', async () => {
    const { notifier, subscribe } = setUp(kind);
    const reason = new Error('broken device');
    let released = 0;
    const release = (): void => void released++;
    subscribe({ invalidate: nothing, release });
    subscribe({
      invalidate: nothing,
      finish() {
        throw reason;
      },
    });
    subscribe({ invalidate: nothing, release });
    const error = await thrownFrom(() => notifier.invalidateRangeStart(page));
    expect(error).toMatchObject({ code: 'MMN_CALLBACK_FAILED', cause: reason });
    notifier.verify();
    expect(await codeFrom(() => notifier.release())).toBe('MMN_CALLBACK_FAILED');
    expect(released).toBe(2);
    expect(notifier.hasSubscribers).toBe(false);
  });

  it('[T2] finish runs after every invalidate of the section, without the lock', () => {
    const { notifier, subscribe } = setUp(kind);
    const log: string[] = [];
    const make = (name: string): void => {
      const subscription = subscribe({
        invalidate: () => void log.push(`${name} invalidate`),
        finish() {
          log.push(`${name} finish`);
          expect(subscription.isOpen).toBe(true);
        },
      });
    };
    for (const name of ['a', 'b']) make(name);
    now(notifier.invalidateRangeStart(page));
    expect(log).toEqual(['b invalidate', 'a invalidate', 'b finish', 'a finish']);
    expect(notifier.traits.twoPass).toBe(true);
  });

  it('[T2] an asynchronous invalidate and finish are waited for, in both passes', async () => {
    const { notifier, subscribe } = setUp(kind);
    const log: string[] = [];
    const make = (name: string): void => {
      subscribe({
        async invalidate() {
          await turn();
          log.push(`${name} invalidate`);
        },
        async finish() {
          await turn();
          log.push(`${name} finish`);
        },
      });
    };
    for (const name of ['a', 'b']) make(name);
    const section = await notifier.invalidateRangeStart(page);
    expect(log).toEqual(['b invalidate', 'a invalidate', 'b finish', 'a finish']);
    now(notifier.invalidateRangeEnd(section));
    notifier.verify();
  });

  it('[O2] a MIGRATE or EXCLUSIVE section of its own owner is not reported to a subscription', () => {
    const { notifier, subscribe } = setUp(kind);
    const owner = {};
    let calls = 0;
    let finished = 0;
    const invalidate = (): void => void calls++;
    const subscription = subscribe({ invalidate, finish: () => void finished++, owner });
    const seq = now(subscription.readBegin());
    for (const event of ['MIGRATE', 'EXCLUSIVE'] as const) {
      const section = now(notifier.invalidateRangeStart({ ...page, event, owner }));
      expect(now(subscription.publish(seq, nothing))).toBe(true);
      now(notifier.invalidateRangeEnd(section));
    }
    expect([calls, finished]).toEqual([0, 0]);
    const others = [
      { ...page, event: 'CLEAR', owner },
      { ...page, event: 'MIGRATE', owner: {} },
      { ...page, event: 'MIGRATE' },
    ] as const;
    for (const range of others) {
      now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(range))));
    }
    expect([calls, finished]).toEqual([3, 3]);
    notifier.verify();
  });

  it('[K-L3] a nested start does not wait for who waits to subscribe', async () => {
    const { notifier, subscribe } = setUp(kind);
    const first = subscribe(counting());
    const outer = now(notifier.invalidateRangeStart(page));
    const ops = counting();
    notifier.registerOps(40, ops);
    const subscribing = notifier.subscribe(page, 40);
    expect(await isPending(subscribing)).toBe(true);
    const inner = now(notifier.invalidateRangeStart(page));
    now(notifier.invalidateRangeEnd(inner));
    expect(await isPending(subscribing)).toBe(true);
    expect(ops.calls).toBe(0);
    now(notifier.invalidateRangeEnd(outer));
    const second = await subscribing;
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(ops.calls).toBe(1);
    for (const each of [first, second]) {
      expect(now(each.publish(now(each.readBegin()), nothing))).toBe(true);
    }
    notifier.verify();
  });

  it('[L-4] a subscription that waited sees no end without its start', async () => {
    const { notifier } = setUp(kind);
    const section = now(notifier.invalidateRangeStart(page));
    notifier.registerOps(40, counting());
    const subscribing = notifier.subscribe(page, 40);
    now(notifier.invalidateRangeEnd(section));
    const subscription = await subscribing;
    notifier.verify();
    expect(now(subscription.publish(now(subscription.readBegin()), nothing))).toBe(true);
  });

  it('leaves nothing behind of a subscription that was aborted while it waited', async () => {
    const { notifier } = setUp(kind);
    const section = now(notifier.invalidateRangeStart(page));
    const controller = new AbortController();
    notifier.registerOps(40, counting());
    const subscribing = notifier.subscribe(page, 40, { signal: controller.signal });
    controller.abort();
    expect(await thrownFrom(() => subscribing)).toBe(controller.signal.reason);
    now(notifier.invalidateRangeEnd(section));
    await turn();
    expect(notifier.hasSubscribers).toBe(false);
    notifier.verify();
    expect(await codeFrom(() => notifier.subscribe(page, 40))).toBeUndefined();
  });

  it('subscribeSync does not block for a section that only this agent could end', async () => {
    const { notifier, subscribe } = setUp(kind);
    const section = now(notifier.invalidateRangeStart(page));
    expect(await codeFrom(() => subscribe(counting()))).toBe('MMN_WOULD_BLOCK');
    now(notifier.invalidateRangeEnd(section));
    expect(subscribe(counting()).isOpen).toBe(true);
    notifier.verify();
  });
});

describe('the strategy', () => {
  it('[T1] has frozen traits that are equal for all its notifiers', () => {
    for (const variant of hlistSrcu.variants) {
      const traits = hlistSrcu.traits(variant);
      expect(Object.isFrozen(traits)).toBe(true);
      expect(Object.isFrozen(traits.knownRaces)).toBe(true);
      expect(hlistSrcu.create({ variant }).traits).toBe(traits);
      expect(traits).toMatchObject({ name: 'hlist-srcu', variant });
    }
    expect(hlistSrcu.traits().variant).toBe('fixed');
    // What v5.3 breaks lets readers starve; it serves nothing stale.
    expect(hlistSrcu.variants.map((variant) => hlistSrcu.traits(variant).correct)).toEqual([
      true,
      true,
    ]);
    expect(hlistSrcu.traits('v5.3').knownRaces.map(({ id }) => id)).toEqual(['L-2']);
  });

  it('[C1] two notifiers do not disturb each other', () => {
    const [a, b] = [setUp('ArrayBuffer'), setUp('ArrayBuffer')];
    const ops = [counting(), counting()];
    const subscriptions = [a.subscribe(ops[0]!), b.subscribe(ops[1]!)];
    const section: Invalidation = now(a.notifier.invalidateRangeStart(page));
    expect(ops.map(({ calls }) => calls)).toEqual([1, 0]);
    const seq = now(subscriptions[1]!.readBegin());
    expect(now(subscriptions[1]!.publish(seq, nothing))).toBe(true);
    expect(() => b.notifier.invalidateRangeEnd(section)).toThrow('expected a section');
    now(a.notifier.invalidateRangeEnd(section));
    a.notifier.verify();
    b.notifier.verify();
  });

  it('grows in one event loop, in the middle of everything', () => {
    const { notifier, subscribe } = setUp('ArrayBuffer', { capacity: 1 });
    const ops = counting();
    const subscriptions = Array.from({ length: 40 }, () => subscribe(ops));
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(ops.calls).toBe(40);
    for (const subscription of subscriptions) now(subscription.close());
    notifier.verify();
    expect(notifier.memory.byteLength).toBeGreaterThanOrEqual(hlistSrcu.byteLength(40));
  });

  it('[U1] an agent notices that the node it knew is another subscription’s', () => {
    const { notifier, subscribe } = setUp('SharedArrayBuffer');
    const other = hlistSrcu.attach(notifier.memory);
    const ops = [counting(), counting()];
    for (const [id, each] of ops.entries()) other.registerOps(id, each);
    const first = subscribe(counting());
    now(other.invalidateRangeEnd(now(other.invalidateRangeStart(page))));
    now(first.close());
    subscribe(counting());
    now(other.invalidateRangeEnd(now(other.invalidateRangeStart(page))));
    expect(ops.map(({ calls }) => calls)).toEqual([1, 1]);
  });

  it('finds its notifier again in the same event loop', () => {
    const memory = new ArrayBuffer(hlistSrcu.byteLength(2));
    const notifier = hlistSrcu.create({ memory });
    expect(hlistSrcu.attach(memory)).toBe(notifier);
    expect(new Int32Array(memory)[mmAt + Mm.settings]).toBe(0);
  });
});
