/** What the base promises to every driver, with the smallest one there is. */
import {
  codeOf,
  type MaybePromise,
  type Seq,
  type Steps,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { defineDriverStrategy, type SubscriptionInit } from '../src/driver.ts';
import { Mm, mmAt } from '../src/layout.ts';
import { traitsOfWindows, wholeCookie, Window, Windows, windows } from './driver-scheme.ts';

const page = { start: 0, end: 4096 };

/** The code of what `act` throws or rejects with. */
async function codeFrom(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return codeOf(error) ?? (error as Error).message;
  }
  throw new Error('expected an error, got none');
}

/** Lets everything go on that can, and says whether the promise is still pending. */
async function isPending(promise: unknown): Promise<boolean> {
  let isSettled = false;
  const settle = (): boolean => (isSettled = true);
  void Promise.resolve(promise).then(settle, settle);
  await new Promise<void>((resolve) => void setImmediate(resolve));
  return !isSettled;
}

function setUp() {
  const notifier = windows.create();
  const subscribe = (ops: SubscriptionOps, cookie = 0) =>
    notifier.subscribeSync(page, ops, { cookie });
  return { notifier, subscribe };
}

function failing(): never {
  throw new Error('no install');
}

describe('a registration', () => {
  it('publishes with the token of its begin, and tells the scheme under the lock', async () => {
    const { subscribe } = setUp();
    const window = subscribe({ invalidate: () => {} });
    const seq = await window.readBegin();
    expect(window.checkRetry(seq)).toBe(false);
    expect(window.publishSync(seq, () => void window.log.push('install'))).toBe(true);
    expect(window.log).toEqual(['install', 'published 7']);
  });

  it('has no hope any more when its address space is gone, or when it is closed', async () => {
    const [gone, closed] = [setUp(), setUp()];
    const both = [gone, closed].map(({ subscribe }) => subscribe({ invalidate: () => {} }));
    const seqs = both.map((window) => window.readBeginSync());
    const isHopeless = () => both.map((window, at) => window.checkRetry(seqs[at]!));
    expect(isHopeless()).toEqual([false, false]);
    await gone.notifier.release();
    expect(isHopeless()).toEqual([true, false]);
    await both[1]!.close();
    expect(isHopeless()).toEqual([true, true]);
  });

  it('gives its lock back when install throws, at once or later', async () => {
    const { subscribe } = setUp();
    const window = subscribe({ invalidate: () => {} });
    const seq = await window.readBegin();
    expect(await codeFrom(() => window.publish(seq, failing))).toBe('no install');
    expect(await codeFrom(() => window.publish(seq, async () => failing()))).toBe('no install');
    expect(window.publishSync(seq, () => {})).toBe(true);
    expect(window.log).toEqual(['published 7']);
  });

  it('refuses an asynchronous install in the …Sync form', async () => {
    const { subscribe } = setUp();
    const window = subscribe({ invalidate: () => {} });
    const seq = window.readBeginSync();
    expect(await codeFrom(() => window.publishSync(seq, async () => {}))).toBe(
      'MMN_CALLBACK_ASYNC',
    );
  });

  it('[U1] waits, when it closes, for a callback that is on its way', async () => {
    const { notifier, subscribe } = setUp();
    const called = Promise.withResolvers<void>();
    const window = subscribe({ invalidate: () => called.promise });
    const started = notifier.invalidateRangeStart(page);
    const closed = window.close();
    expect(await isPending(closed)).toBe(true);
    expect(await codeFrom(() => window.closeSync())).toBe('MMN_WOULD_BLOCK');
    called.resolve();
    await closed;
    expect(window.log).toEqual(['freed']);
    await notifier.invalidateRangeEnd(await started);
    await window.close();
    expect(window.log).toEqual(['freed']);
  });

  it('[U1] waits for every callback that is on its way', async () => {
    const { notifier, subscribe } = setUp();
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let calls = 0;
    const window = subscribe({ invalidate: () => gates[calls++]!.promise });
    const started = [notifier.invalidateRangeStart(page), notifier.invalidateRangeStart(page)];
    const closed = window.close();
    gates[0]!.resolve();
    expect(await isPending(closed)).toBe(true);
    expect(calls).toBe(2);
    gates[1]!.resolve();
    await closed;
    for (const section of started) await notifier.invalidateRangeEnd(await section);
  });

  it('[U1] waits for a second pass that is due', async () => {
    const { notifier, subscribe } = setUp();
    const log: string[] = [];
    const called = Promise.withResolvers<void>();
    const window = subscribe({ invalidate: () => {}, finish: () => void log.push('finish') });
    subscribe({ invalidate: () => called.promise });
    const started = notifier.invalidateRangeStart(page);
    const closed = Promise.resolve(window.close()).then(() => log.push('closed'));
    expect(await isPending(closed)).toBe(true);
    called.resolve();
    await closed;
    expect(log).toEqual(['finish', 'closed']);
    await notifier.invalidateRangeEnd(await started);
  });

  it('[U1] waits for a publication that is on its way, and refuses those behind it', async () => {
    const { subscribe } = setUp();
    const window = subscribe({ invalidate: () => {} });
    const installed = Promise.withResolvers<void>();
    const seq = await window.readBegin();
    const published = window.publish(seq, () => installed.promise);
    const behind = window.publish(seq, () => {});
    const closed = window.close();
    expect(await isPending(closed)).toBe(true);
    // Those who come now need not wait for the lock to hear of it.
    expect(() => window.publish(seq, () => {})).toThrow('expected an open subscription');
    expect(() => window.publishSync(seq, () => {})).toThrow('expected an open subscription');
    installed.resolve();
    expect(await published).toBe(true);
    expect(await codeFrom(() => behind)).toBe('MMN_CLOSED');
    await closed;
    expect(window.log).toEqual(['published 7', 'freed']);
  });

  it('[U1] is not called when it left while a section was on its way to it', async () => {
    const { notifier, subscribe } = setUp();
    const called = Promise.withResolvers<void>();
    subscribe({ invalidate: () => called.promise });
    let calls = 0;
    const window = subscribe({ invalidate: () => void calls++ });
    const started = notifier.invalidateRangeStart(page);
    await window.close();
    called.resolve();
    await notifier.invalidateRangeEnd(await started);
    expect(calls).toBe(0);
  });

  it('[U1] that waits for its lock in a section is waited for', async () => {
    const { notifier, subscribe } = setUp();
    const installed = Promise.withResolvers<void>();
    let calls = 0;
    const window = subscribe({ invalidate: () => void calls++ });
    const published = window.publish(await window.readBegin(), () => installed.promise);
    const started = notifier.invalidateRangeStart(page);
    const closed = window.close();
    expect(await isPending(closed)).toBe(true);
    installed.resolve();
    await closed;
    const callsThen = calls;
    await published;
    await notifier.invalidateRangeEnd(await started);
    expect(calls).toBe(callsThen);
  });

  it('gives up waiting to close when told to, and can be waited for again', async () => {
    const { notifier, subscribe } = setUp();
    const called = Promise.withResolvers<void>();
    const window = subscribe({ invalidate: () => called.promise });
    const started = notifier.invalidateRangeStart(page);
    const abort = new AbortController();
    const closed = window.close(abort.signal);
    abort.abort(new Error('enough'));
    expect(await codeFrom(() => closed)).toBe('enough');
    expect(window.isOpen).toBe(false);
    called.resolve();
    await window.close();
    expect(window.log).toEqual(['freed']);
    await notifier.invalidateRangeEnd(await started);
  });

  it('that cannot be attached leaves nothing behind', async () => {
    const { notifier, subscribe } = setUp();
    expect(await codeFrom(() => subscribe({ invalidate: () => {} }, -1))).toBe('no room');
    const { memory } = notifier.driver as Windows;
    const { byteLength } = memory;
    for (let round = 0; round < 100; round++) {
      expect(() => subscribe({ invalidate: () => {} }, -1)).toThrow('no room');
    }
    expect(memory.byteLength).toBe(byteLength);
  });

  it('gives back its words when it closes, once', () => {
    const { notifier, subscribe } = setUp();
    const { memory } = notifier.driver as Windows;
    const { byteLength } = memory;
    for (let round = 0; round < 100; round++) {
      const window = subscribe({ invalidate: () => {} });
      window.closeSync();
      window.closeSync();
      expect(window.close()).toBe(undefined);
      expect(window.log).toEqual(['freed']);
    }
    expect(memory.byteLength).toBe(byteLength);
  });
});

describe('a section', () => {
  it('[N5] calls all, then reports the first failure, and runs the second passes that are due', async () => {
    const { notifier, subscribe } = setUp();
    const log: string[] = [];
    const good = (name: string): SubscriptionOps => ({
      invalidate: () => void log.push(name),
      finish: () => void log.push(`finish ${name}`),
    });
    subscribe(good('a'));
    subscribe({
      invalidate: () => Promise.reject(new Error('first')),
      finish: () => void log.push('no'),
    });
    subscribe({ invalidate: () => false });
    subscribe(good('b'));
    expect(await codeFrom(() => notifier.invalidateRangeStart(page))).toBe('MMN_CALLBACK_FAILED');
    expect(log).toEqual(['a', 'b', 'finish a', 'finish b']);
    notifier.verify();
  });

  it('[N1] only tries the lock when it must not wait', async () => {
    const { notifier, subscribe } = setUp();
    const log: string[] = [];
    const window = subscribe({ invalidate: () => void log.push('called') });
    const installed = Promise.withResolvers<void>();
    const published = window.publish(await window.readBegin(), () => installed.promise);
    expect(notifier.tryInvalidateRangeStart(page)).toBe(undefined);
    installed.resolve();
    await published;
    expect(log).toEqual([]);
    const section = notifier.tryInvalidateRangeStart(page);
    await notifier.invalidateRangeEnd(section!);
    expect(log).toEqual(['called']);
  });

  it('[N2] fails in the …Sync form where it would wait for a lock', async () => {
    const { notifier, subscribe } = setUp();
    const log: string[] = [];
    const window = subscribe({ invalidate: () => void log.push('called') });
    const installed = Promise.withResolvers<void>();
    const published = window.publish(await window.readBegin(), () => installed.promise);
    expect(() => notifier.invalidateRangeStartSync(page)).toThrow('without waiting');
    installed.resolve();
    await published;
    expect(await isPending(undefined)).toBe(false);
    expect(log).toEqual([]);
    notifier.verify();
  });

  it('refuses a callback that sleeps where nobody can wait for it', async () => {
    const { notifier, subscribe } = setUp();
    const called = Promise.withResolvers<void>();
    let calls = 0;
    subscribe({ invalidate: () => called.promise });
    subscribe({ invalidate: () => void calls++ });
    expect(await codeFrom(() => notifier.tryInvalidateRangeStart(page))).toBe('MMN_CALLBACK_ASYNC');
    called.resolve();
    await isPending(undefined);
    expect(calls).toBe(1);
    expect(() => notifier.invalidateRangeStartSync(page)).toThrow('to return at once');
    expect(calls).toBe(2); // when it throws, not later
  });

  it.each([false, true])(
    '[L1] that releases tells everybody in order (one fails: %s)',
    async (isFailing) => {
      const { notifier, subscribe } = setUp();
      const log: string[] = [];
      subscribe({
        invalidate: ({ event, end }) => void log.push(`${event} ${end}`),
        finish: ({ event }) => void log.push(`finish ${event}`),
        release: async () => void log.push('release'),
      });
      subscribe({
        invalidate() {
          if (isFailing) throw new Error('first');
        },
        release: () => void log.push('release too'),
      });
      const released = Promise.resolve(notifier.release()).then(
        () => undefined,
        (error: unknown) => codeOf(error),
      );
      expect(await released).toBe(isFailing ? 'MMN_CALLBACK_FAILED' : undefined);
      const end = Number.MAX_SAFE_INTEGER;
      expect(log).toEqual([`RELEASE ${end}`, 'finish RELEASE', 'release', 'release too']);
    },
  );
});

describe('a scheme', () => {
  it('has a part of its own in tearing down, and may give up more than the section’s range', async () => {
    const { notifier, subscribe } = setUp();
    const seen: [number, number][] = [];
    const invalidate: SubscriptionOps['invalidate'] = ({ start, end }) =>
      void seen.push([start, end]);
    const window = subscribe({ invalidate }, wholeCookie);
    subscribe({ invalidate });
    await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart({ start: 1, end: 2 }));
    expect(seen).toEqual([
      [0, 4096],
      [1, 2],
    ]);
    expect(window.log).toEqual(['tears down, locked: true']);
  });

  it('asks whether the running task is being killed; nobody is unless somebody says so', () => {
    const asked: boolean[] = [];
    const strategy = defineDriverStrategy({
      traits: [traitsOfWindows],
      listVariants: { only: 'fixed' },
      createDriver(mm, { defer, isBeingKilled }) {
        asked.push(isBeingKilled());
        return new Windows(mm, defer);
      },
    });
    strategy.create();
    strategy.create({ isBeingKilled: () => true });
    expect(asked).toEqual([false, true]);
  });

  it('[R1] whose fault waits refuses it if the registration was closed or released meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<Seq>();
    class Waiting extends Window {
      protected override begin(): MaybePromise<Seq> {
        return promise;
      }
    }
    class Slow extends Windows {
      override createSubscription(init: SubscriptionInit): Window {
        return new Waiting(init, this);
      }
    }
    const strategy = defineDriverStrategy<Window>({
      traits: [traitsOfWindows],
      listVariants: { only: 'fixed' },
      createDriver: (mm, { defer }) => new Slow(mm, defer),
    });
    const [notifier, gone] = [strategy.create(), strategy.create()];
    const [open, closed] = [0, 1].map(() => notifier.subscribeSync(page, { invalidate() {} }));
    const released = gone.subscribeSync(page, { invalidate() {} });
    const reads = [open, closed, released].map((each) => each!.readBegin());
    const codes = [reads[1], reads[2]].map((read) => codeFrom(() => read));
    await closed!.close();
    await gone.release();
    resolve(7 as Seq);
    expect(await reads[0]).toBe(7);
    expect(await Promise.all(codes)).toEqual(['MMN_CLOSED', 'MMN_RELEASED']);
  });

  it('[L1] that is released refuses who was on the way into it', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const detached = Promise.withResolvers<void>();
    class Slow extends Windows {
      override *attach(window: Window): Steps<void> {
        yield promise;
        yield* super.attach(window);
      }
      override *detach(window: Window): Steps<void> {
        yield detached.promise;
        void super.detach(window);
      }
    }
    const strategy = defineDriverStrategy<Window>({
      traits: [traitsOfWindows],
      listVariants: { only: 'fixed' },
      createDriver: (mm, { defer }) => new Slow(mm, defer),
    });
    const notifier = strategy.create();
    const subscribed = codeFrom(() => notifier.subscribe(page, { invalidate() {} }));
    await notifier.release();
    resolve();
    expect(await isPending(subscribed)).toBe(true); // until nothing is left of him
    detached.resolve();
    expect(await subscribed).toBe('MMN_RELEASED');
  });
});

describe('two drivers on one list', () => {
  it('are both told of a section that is raised through either', async () => {
    const first = windows.create();
    const second = windows.create({ beside: first });
    let calls = 0;
    const ops = { invalidate: () => void calls++ };
    first.subscribeSync(page, ops);
    second.subscribeSync(page, ops);
    for (const notifier of [first, second]) {
      await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(page));
    }
    expect(calls).toBe(4);
    await first.release();
    expect(await codeFrom(() => second.subscribe(page, ops))).toBe('MMN_RELEASED');
  });

  it('wait for open sections when the second one joins', async () => {
    const first = windows.create();
    const section = await first.invalidateRangeStart(page);
    const second = windows.create({ beside: first });
    let calls = 0;
    const subscribed = second.subscribe(page, { invalidate: () => void calls++ });
    expect(await isPending(subscribed)).toBe(true);
    await first.invalidateRangeEnd(section);
    await subscribed;
    await first.invalidateRangeEnd(await first.invalidateRangeStart(page));
    expect(calls).toBe(1);
  });
});

describe('a strategy made of a driver', () => {
  it('finds its notifier by the memory it was given, and no other', async () => {
    const memory = new ArrayBuffer(windows.byteLength(16));
    const notifier = windows.create({ memory });
    expect(windows.attach(memory)).toBe(notifier);
    expect(await codeFrom(() => windows.attach(new ArrayBuffer(4096)))).toBe('MMN_MEMORY');
  });

  it('verifies its list, too', () => {
    const memory = new ArrayBuffer(windows.byteLength(16));
    const notifier = windows.create({ memory });
    notifier.verify();
    new Int32Array(memory)[mmAt + Mm.open] = -1;
    expect(() => notifier.verify()).toThrow('open sections: expected at least 0, got -1');
  });

  it('[T1] has frozen traits, and refuses what it does not have', async () => {
    expect(Object.isFrozen(windows.traits().knownRaces[0])).toBe(true);
    expect(windows.takesIndex).toBe(false);
    expect(await codeFrom(() => windows.create({ variant: 'other' }))).toBe('MMN_OPTION');
    const memory = new SharedArrayBuffer(1 << 16);
    expect(await codeFrom(() => windows.create({ memory }))).toBe('MMN_OPTION');
    const ops = { invalidate: () => {} };
    const subscribe = () => windows.create().subscribe(page, ops, { cookie: 0.5 });
    expect(await codeFrom(subscribe)).toBe('MMN_OPTION');
    expect(await codeFrom(() => windows.create().subscribe(page, 3))).toBe('MMN_OPS_UNKNOWN');
  });

  it('takes ops that were registered under an id', async () => {
    const notifier = windows.create();
    let cookies = 0;
    notifier.registerOps(3, { invalidate: (_range, cookie) => void (cookies += cookie) });
    notifier.subscribeSync(page, 3, { cookie: 40 });
    notifier.subscribeSync(page, 3, { cookie: 2 });
    await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(page));
    expect(cookies).toBe(42);
  });
});
