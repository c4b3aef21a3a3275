/** The kernel's interface: every operation of the ops table, register, unregister, get, put, release. */
import { describe, expect, it } from 'vitest';
import { hlistSrcu, type LegacyOps, type Registration } from '../src/index.ts';
import { mmAt, Mm, Node, nodeAt } from '../src/layout.ts';
import {
  codeFrom,
  counting,
  isPending,
  memories,
  now,
  page,
  setUp,
  thrownFrom,
  turn,
  type MemoryKind,
  type Setup,
} from './support.ts';

interface LegacySetup extends Setup {
  register(ops: LegacyOps, cookie?: number): Registration;
  /** What `register` and `get` take in this kind of memory. */
  table(ops: LegacyOps): LegacyOps | number;
}

function setUpLegacy(kind: MemoryKind, options = {}): LegacySetup {
  const setup = setUp(kind, options);
  const { notifier } = setup;
  let ids = 100;
  const table = (ops: LegacyOps): LegacyOps | number => {
    if (kind === 'ArrayBuffer') return ops;
    notifier.registerOps(ids, ops);
    return ids++;
  };
  const register = (ops: LegacyOps, cookie = 0): Registration =>
    notifier.registerSync(table(ops), { cookie });
  return { ...setup, table, register };
}

/** Counts its starts and ends. */
const pairs = (): LegacyOps & { started: number; ended: number } => {
  const ops = {
    started: 0,
    ended: 0,
    invalidateRangeStart: (): void => void ops.started++,
    invalidateRangeEnd: (): void => void ops.ended++,
  };
  return ops;
};

/** Made by get, and says what happens to it. */
const refcounted = (): LegacyOps & { log: string[] } => {
  let cookies = 10;
  const ops = {
    log: [] as string[],
    alloc(): number {
      ops.log.push(`alloc ${cookies}`);
      return cookies++;
    },
    free: (cookie: number): void => void ops.log.push(`free ${cookie}`),
    release: (): void => void ops.log.push('release'),
  };
  return ops;
};

/** Sleeps until the gate opens. */
const sleeper = (gate: Promise<void>): LegacyOps => ({ invalidateRangeStart: () => gate });

const failing = (): never => {
  throw new Error('no memory');
};

describe.each(memories)('the operations in an %s', (kind) => {
  it('start and end reach every subscriber, newest first, with range, cookie and form', () => {
    const { notifier, register } = setUpLegacy(kind);
    const log: unknown[] = [];
    const ops: LegacyOps = {
      invalidateRangeStart: (range, cookie, { isSync }) =>
        void log.push(['start', range.event, range.blockable, cookie, isSync]),
      invalidateRangeEnd: (range, cookie, { isSync }) =>
        void log.push(['end', range.event, range.blockable, cookie, isSync]),
    };
    register(ops, 1);
    register(ops, 2);
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(log.splice(0)).toEqual([
      ['start', 'CLEAR', true, 2, false],
      ['start', 'CLEAR', true, 1, false],
      ['end', 'CLEAR', true, 2, false],
      ['end', 'CLEAR', true, 1, false],
    ]);
    const section = notifier.invalidateRangeStartSync({ ...page, event: 'UNMAP' });
    notifier.invalidateRangeEndSync(section);
    expect(log.splice(0, 2)).toEqual([
      ['start', 'UNMAP', true, 2, true],
      ['start', 'UNMAP', true, 1, true],
    ]);
    log.length = 0;
    notifier.invalidateRangeOnlyEndSync(notifier.tryInvalidateRangeStart(page)!);
    expect(log[0]).toEqual(['start', 'CLEAR', false, 2, true]);
    expect(log[2]).toEqual(['end', 'CLEAR', false, 2, true]);
    notifier.verify();
  });

  it('end calls invalidateRange first, only-end does not', () => {
    const { notifier, register } = setUpLegacy(kind);
    const log: unknown[] = [];
    register({
      invalidateRange: (start, end, cookie) => void log.push(['range', start, end, cookie]),
      invalidateRangeEnd: () => void log.push('end'),
    });
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(log.splice(0)).toEqual([['range', 0, 4096, 0], 'end']);
    const section = now(notifier.invalidateRangeStart(page));
    notifier.invalidateRange({ start: 512, end: 1024 });
    now(notifier.invalidateRangeOnlyEnd(section));
    expect(log).toEqual([['range', 512, 1024, 0], 'end']);
  });

  it('end walks no list when nobody has an end', () => {
    const { notifier, register, words } = setUpLegacy(kind);
    register({ invalidateRangeStart: () => undefined });
    const section = now(notifier.invalidateRangeStart(page));
    expect(words()[mmAt + Mm.ends]).toBe(0);
    words()[nodeAt(1) + Node.next] = 7_777; // whoever walked now would fall
    now(notifier.invalidateRangeEnd(section));
    words()[nodeAt(1) + Node.next] = 0;
    notifier.verify();
  });

  it('clearFlushYoung and clearYoung ask everybody and say whether anybody was young', () => {
    const { notifier, register } = setUpLegacy(kind);
    expect(notifier.clearFlushYoung(page)).toBe(false);
    const log: unknown[] = [];
    const young: LegacyOps = {
      clearFlushYoung: (...args) => (log.push(['flush', ...args]), true),
      clearYoung: (...args) => (log.push(['clear', ...args]), true),
    };
    const old: LegacyOps = {
      clearFlushYoung: (...args) => (log.push(['flush', ...args]), false),
      clearYoung: (...args) => (log.push(['clear', ...args]), false),
    };
    register(old, 1);
    expect(notifier.clearFlushYoung(page)).toBe(false);
    expect(notifier.clearYoung(page)).toBe(false);
    register(young, 2);
    register({});
    log.length = 0;
    expect(notifier.clearFlushYoung(page)).toBe(true);
    expect(notifier.clearYoung({ start: 1, end: 2 })).toBe(true);
    expect(log).toEqual([
      ['flush', 0, 4096, 2],
      ['flush', 0, 4096, 1],
      ['clear', 1, 2, 2],
      ['clear', 1, 2, 1],
    ]);
  });

  it('testYoung stops at the first who is young', () => {
    const { notifier, register } = setUpLegacy(kind);
    const asked: unknown[] = [];
    const answer =
      (isYoung: boolean): LegacyOps['testYoung'] =>
      (...args) => (asked.push(args), isYoung);
    register({ testYoung: answer(false)! }, 1);
    register({ testYoung: answer(true)! }, 2);
    register({ testYoung: answer(false)! }, 3);
    expect(notifier.testYoung(4096)).toBe(true);
    expect(asked).toEqual([
      [4096, 3],
      [4096, 2],
    ]);
  });

  it('changePte reaches everybody', () => {
    const { notifier, register } = setUpLegacy(kind);
    const seen: unknown[] = [];
    register({ changePte: (...args) => void seen.push(args) }, 5);
    register({ changePte: (...args) => void seen.push(args) }, 6);
    notifier.changePte(4096, 99);
    expect(seen).toEqual([
      [4096, 99, 6],
      [4096, 99, 5],
    ]);
  });

  it('the operations under a page-table lock report a promise and an exception, when all ran', async () => {
    const { notifier, register } = setUpLegacy(kind);
    let calls = 0;
    register({ clearYoung: () => (calls++, true) });
    register({
      clearYoung: (() => Promise.reject(new Error('late'))) as unknown as () => boolean,
      testYoung() {
        throw new Error('broken');
      },
    });
    register({ clearYoung: () => (calls++, true) });
    expect(await codeFrom(() => notifier.clearYoung(page))).toBe('MMN_CALLBACK_ASYNC');
    expect(calls).toBe(2);
    expect(await codeFrom(() => notifier.testYoung(0))).toBe('MMN_CALLBACK_FAILED');
    expect(await codeFrom(() => notifier.testYoung(-1))).toBe('MMN_ADDRESS');
    expect(await codeFrom(() => notifier.changePte(1.5, 0))).toBe('MMN_ADDRESS');
    const registration = register({});
    await notifier.unregister(registration);
  });

  it('an end reports an invalidateRange that returns a promise, when all have run', async () => {
    const { notifier, register } = setUpLegacy(kind);
    let ended = 0;
    register({
      invalidateRange: (() => Promise.reject(new Error('late'))) as unknown as () => void,
      invalidateRangeEnd: () => void ended++,
    });
    const section = now(notifier.invalidateRangeStart(page));
    expect(await codeFrom(() => notifier.invalidateRangeEnd(section))).toBe('MMN_CALLBACK_ASYNC');
    expect(ended).toBe(1);
    notifier.verify();
  });

  it('an end that throws is reported when all have run, and the section is over', async () => {
    const { notifier, register } = setUpLegacy(kind);
    let ended = 0;
    register({ invalidateRangeEnd: () => void ended++ });
    register({
      invalidateRange() {
        throw new Error('broken');
      },
      invalidateRangeEnd: () => void ended++,
    });
    const section = now(notifier.invalidateRangeStart(page));
    expect(await codeFrom(() => notifier.invalidateRangeEnd(section))).toBe('MMN_CALLBACK_FAILED');
    expect(ended).toBe(2);
    expect(await codeFrom(() => notifier.invalidateRangeEnd(section))).toBe('MMN_NOT_OPEN');
    notifier.verify();
    expect(register({}).isOpen).toBe(true);
  });

  it('an end that waits keeps its section: no second end, no registration meanwhile', async () => {
    const { notifier, register, table } = setUpLegacy(kind);
    const gate = Promise.withResolvers<void>();
    register({ invalidateRangeEnd: () => gate.promise });
    const section = now(notifier.invalidateRangeStart(page));
    const ending = notifier.invalidateRangeEnd(section);
    expect(await codeFrom(() => notifier.invalidateRangeEnd(section))).toBe('MMN_NOT_OPEN');
    const registering = notifier.register(table({}));
    expect(await isPending(registering)).toBe(true);
    gate.resolve();
    await ending;
    expect((await registering).isOpen).toBe(true);
    notifier.verify();
  });
});

describe.each(memories)('starts that fail in an %s', (kind) => {
  it('[L-2] a refusal does not stop the walk, and whoever had been told is told of the end', () => {
    const { notifier, register } = setUpLegacy(kind);
    const [before, after] = [pairs(), pairs()];
    let refuserEnded = 0;
    register(after);
    register({
      invalidateRangeStart: ({ blockable }) => blockable,
      invalidateRangeEnd: () => void refuserEnded++,
    });
    register(before);
    expect(notifier.tryInvalidateRangeStart(page)).toBeUndefined();
    for (const { started, ended } of [before, after]) expect([started, ended]).toEqual([1, 1]);
    expect(refuserEnded).toBe(0);
    notifier.verify();
  });

  it('[L-2] in v5.3 nobody is, and the counts of subscriptions stay up', async () => {
    const { notifier, register, subscribe } = setUpLegacy(kind, { variant: 'v5.3' });
    const ops = pairs();
    register(ops);
    const subscription = subscribe(counting());
    register({ invalidateRangeStart: ({ blockable }) => blockable });
    expect(notifier.tryInvalidateRangeStart(page)).toBeUndefined();
    expect([ops.started, ops.ended]).toEqual([1, 0]);
    const reading = subscription.readBegin();
    expect(await isPending(reading)).toBe(true);
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(await isPending(reading)).toBe(true);
    notifier.verify();
    const code = codeFrom(() => reading);
    now(subscription.close());
    expect(await code).toBe('MMN_CLOSED');
  });

  it('an abort ends the waiting: the section is not open, others were told of its end', async () => {
    const { notifier, register } = setUpLegacy(kind);
    const [told, never] = [pairs(), pairs()];
    const gate = Promise.withResolvers<boolean>();
    let stuckEnded = 0;
    register(never);
    const stuck = register({
      invalidateRangeStart: () => gate.promise,
      invalidateRangeEnd: () => void stuckEnded++,
    });
    register(told);
    const controller = new AbortController();
    const starting = notifier.invalidateRangeStart(page, controller.signal);
    expect(await isPending(starting)).toBe(true);
    controller.abort(new Error('enough'));
    expect(await thrownFrom(() => starting)).toBe(controller.signal.reason);
    expect([told.started, told.ended]).toEqual([1, 1]);
    expect([never.started, never.ended]).toEqual([0, 0]);
    expect(stuckEnded).toBe(0);
    notifier.verify();
    // The one who never answered is still listed; others can come, and it can go, though not be waited for.
    expect(register({}).isOpen).toBe(true);
    const unregistering = notifier.unregister(stuck, controller.signal);
    expect(await thrownFrom(() => unregistering)).toBe(controller.signal.reason);
    expect(stuck.isOpen).toBe(false);
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect([told.started, told.ended]).toEqual([2, 2]);
    // If it answers after all, it is told of the end, and then it is gone.
    gate.resolve(true);
    await turn();
    expect(stuckEnded).toBe(1);
    await notifier.unregister(stuck);
    notifier.verify();
  });

  it('a signal that was aborted before hinders nobody who need not wait', () => {
    const { notifier, register } = setUpLegacy(kind);
    const ops = pairs();
    register(ops);
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page, AbortSignal.abort()))));
    expect([ops.started, ops.ended]).toEqual([1, 1]);
  });

  it('[N1] a promise in a …Sync or non-blockable section is refused; it is told of the end later', async () => {
    const { notifier, register } = setUpLegacy(kind);
    const ops = pairs();
    const gate = Promise.withResolvers<void>();
    const late = { ended: 0 };
    register(ops);
    const registration = register({
      invalidateRangeStart: () => gate.promise,
      invalidateRangeEnd: () => void late.ended++,
    });
    const acts = [
      () => notifier.invalidateRangeStartSync(page),
      () => notifier.tryInvalidateRangeStart(page),
    ];
    for (const act of acts) expect(await codeFrom(act)).toBe('MMN_CALLBACK_ASYNC');
    expect([ops.started, ops.ended]).toEqual([2, 2]);
    expect(late.ended).toBe(0);
    const unregistering = notifier.unregister(registration);
    expect(await isPending(unregistering)).toBe(true);
    gate.resolve();
    await unregistering;
    expect(late.ended).toBe(2);
    notifier.verify();
  });

  it('a finish runs for those who had been told, before they are told of the end', () => {
    const { notifier, register } = setUpLegacy(kind);
    const log: string[] = [];
    register({
      invalidateRangeStart: () => void log.push('start'),
      invalidateRangeFinish: () => void log.push('finish'),
      invalidateRangeEnd: () => void log.push('end'),
    });
    register({
      invalidateRangeStart: () => false,
      invalidateRangeFinish: () => void log.push('finish of the refuser'),
    });
    expect(notifier.tryInvalidateRangeStart(page)).toBeUndefined();
    expect(log).toEqual(['start', 'finish', 'end']);
  });
});

describe.each(memories)('coming and going in an %s', (kind) => {
  it('unregister calls release, waits for callbacks that run, and may be repeated', async () => {
    const { notifier, register } = setUpLegacy(kind);
    const gate = Promise.withResolvers<void>();
    let released = 0;
    const registration = register(
      { invalidateRangeStart: () => gate.promise, release: (cookie) => void (released += cookie) },
      3,
    );
    const starting = notifier.invalidateRangeStart(page);
    const unregistering = notifier.unregister(registration);
    const again = notifier.unregister(registration);
    expect(released).toBe(3);
    expect(notifier.hasSubscribers).toBe(false);
    expect(await isPending(unregistering)).toBe(true);
    expect(await isPending(again)).toBe(true);
    gate.resolve();
    await unregistering;
    await again;
    now(notifier.invalidateRangeEnd(await starting));
    now(notifier.unregister(registration));
    expect(released).toBe(3);
    notifier.verify();
  });

  it('[U1] a second unregister waits while the first one has release called', async () => {
    const { notifier, register } = setUpLegacy(kind);
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    const registration = register({
      release: () => gate.promise,
      invalidateRangeStart: () => void calls++,
    });
    const first = notifier.unregister(registration);
    const second = notifier.unregister(registration);
    const aborted = notifier.unregister(registration, AbortSignal.abort());
    expect((await thrownFrom(() => aborted)) as Error).toMatchObject({ name: 'AbortError' });
    expect(await codeFrom(() => notifier.unregisterSync(registration))).toBe('MMN_WOULD_BLOCK');
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(calls).toBe(1); // until it has torn down, sections call it
    expect(await isPending(second)).toBe(true);
    gate.resolve();
    await Promise.all([second, first]);
    notifier.verify();
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(calls).toBe(1);
    expect(() => notifier.unregisterSync(registration)).not.toThrow(); // nothing is on its way any more
  });

  it('unregisterSync and registerSync do the same', () => {
    const { notifier, register } = setUpLegacy(kind);
    let released = 0;
    const registration = register({ release: () => void released++ });
    notifier.unregisterSync(registration);
    notifier.unregisterSync(registration);
    expect(released).toBe(1);
    expect(notifier.hasSubscribers).toBe(false);
    notifier.verify();
  });

  it('unregister calls release of nobody else', async () => {
    const { notifier, register } = setUpLegacy(kind);
    const released: number[] = [];
    const release = (cookie: number): void => void released.push(cookie);
    const [first, second, third] = [1, 2, 3].map((cookie) => register({ release }, cookie));
    await notifier.unregister(second!);
    expect(released).toEqual([2]);
    notifier.unregisterSync(third!);
    notifier.unregisterSync(first!);
    expect(released).toEqual([2, 3, 1]);
    notifier.verify();
  });

  it('a release that throws is reported when the subscriber is gone', async () => {
    const { notifier, register } = setUpLegacy(kind);
    const registration = register({
      release() {
        throw new Error('broken');
      },
    });
    expect(await codeFrom(() => notifier.unregister(registration))).toBe('MMN_CALLBACK_FAILED');
    expect(notifier.hasSubscribers).toBe(false);
    notifier.verify();
  });

  it('is refused in a callback', async () => {
    const { notifier, register } = setUpLegacy(kind);
    const codes: Promise<unknown>[] = [];
    const other = register({});
    register({
      invalidateRangeStart: () =>
        void codes.push(
          codeFrom(() => notifier.unregister(other)),
          codeFrom(() => notifier.unregisterSync(other)),
        ),
      clearYoung: () => (codes.push(codeFrom(() => notifier.unregister(other))), false),
    });
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    notifier.clearYoung(page);
    expect(await Promise.all(codes)).toEqual([
      'MMN_IN_CALLBACK',
      'MMN_IN_CALLBACK',
      'MMN_IN_CALLBACK',
    ]);
    await notifier.unregister(other);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])(
    '[L-1] an exit and an unregister may both call release; both wait for both: %d, %d',
    async (...order) => {
      const { notifier, register } = setUpLegacy(kind);
      const [first, second] = order;
      const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let calls = 0;
      const registration = register({ release: () => gates[calls++]!.promise });
      const unregistering = notifier.unregister(registration);
      const releasing = notifier.release();
      expect(calls).toBe(2);
      gates[first]!.resolve();
      expect(await isPending(unregistering)).toBe(true);
      expect(await isPending(releasing)).toBe(true);
      gates[second]!.resolve();
      await Promise.all([unregistering, releasing]);
      notifier.verify();
    },
  );

  it('[L1] a close that meets an exit does not make a subscription hear of it twice', async () => {
    const { notifier, subscribe } = setUpLegacy(kind);
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    const subscription = subscribe({
      invalidate() {
        calls++;
        return gate.promise;
      },
      release: () => void calls++,
    });
    const releasing = notifier.release();
    const closing = subscription.close();
    expect(await isPending(closing)).toBe(true);
    gate.resolve();
    await Promise.all([releasing, closing]);
    expect(calls).toBe(2);
    notifier.verify();
  });

  it('[L1] an aborted release calls everybody all the same', async () => {
    const { notifier, register } = setUpLegacy(kind);
    const gate = Promise.withResolvers<void>();
    let released = 0;
    register({ release: () => void released++ });
    const stuck = register({ release: () => gate.promise });
    const controller = new AbortController();
    const releasing = notifier.release(controller.signal);
    controller.abort();
    expect(await thrownFrom(() => releasing)).toBe(controller.signal.reason);
    expect(released).toBe(1);
    expect(notifier.hasSubscribers).toBe(false);
    expect(await codeFrom(() => notifier.release())).toBe('MMN_RELEASED');
    gate.resolve();
    await notifier.unregister(stuck);
    notifier.verify();
  });

  it('after an exit, unregister calls release no more', async () => {
    const { notifier, register } = setUpLegacy(kind);
    let released = 0;
    const registration = register({ release: () => void released++ });
    await notifier.release();
    await notifier.unregister(registration);
    expect(released).toBe(1);
    expect(await codeFrom(() => register({}))).toBe('MMN_RELEASED');
    notifier.verify();
  });

  it('[L-3] an aborted registration changes nothing and can be tried again', async () => {
    const { notifier, table } = setUpLegacy(kind);
    const ops = table({});
    const section = now(notifier.invalidateRangeStart(page));
    for (let attempt = 0; attempt < 20; attempt++) {
      const controller = new AbortController();
      const registering = notifier.register(ops, { signal: controller.signal });
      controller.abort();
      expect(await thrownFrom(() => registering)).toBe(controller.signal.reason);
      notifier.verify();
    }
    now(notifier.invalidateRangeEnd(section));
    expect(now(notifier.register(ops)).isOpen).toBe(true);
    notifier.verify();
  });
});

describe.each(memories)('get and put in an %s', (kind) => {
  it('get finds the subscriber with the same ops; the last put frees it after a grace period', async () => {
    const { notifier, table } = setUpLegacy(kind);
    const ops = refcounted();
    const handle = table(ops);
    const first = await notifier.get(handle);
    const second = notifier.getSync(handle);
    expect(second).toBe(first);
    expect(first.cookie).toBe(10);
    const other = await notifier.get(table(refcounted()));
    expect(other).not.toBe(first);
    notifier.put(first);
    expect(first.isOpen).toBe(true);
    expect(await notifier.get(handle)).toBe(first);
    notifier.put(first);
    expect(first.isOpen).toBe(true);
    notifier.put(first);
    expect(first.isOpen).toBe(false);
    expect(ops.log).toEqual(['alloc 10']);
    await notifier.synchronize();
    expect(ops.log).toEqual(['alloc 10', 'free 10']);
    expect(await codeFrom(() => notifier.put(first))).toBe('MMN_CLOSED');
    const third = await notifier.get(handle);
    expect(third.cookie).toBe(11);
    notifier.verify();
  });

  it('get makes a subscriber with the cookie 0 where nobody allocates one', async () => {
    const { notifier, table } = setUpLegacy(kind);
    expect((await notifier.get(table({}))).cookie).toBe(0);
  });

  it('put may be called in a callback, and does not free while one runs', async () => {
    const { notifier, table } = setUpLegacy(kind);
    const ops = refcounted();
    const gate = Promise.withResolvers<void>();
    const withStart: LegacyOps = {
      ...ops,
      invalidateRangeStart() {
        notifier.put(registration);
        return gate.promise;
      },
    };
    const registration = await notifier.get(table(withStart));
    const starting = notifier.invalidateRangeStart(page);
    expect(notifier.hasSubscribers).toBe(false);
    await turn();
    expect(ops.log).toEqual(['alloc 10']);
    gate.resolve();
    now(notifier.invalidateRangeEnd(await starting));
    await notifier.synchronize();
    expect(ops.log).toEqual(['alloc 10', 'free 10']);
    notifier.verify();
  });

  it('put after the exit frees too, without release', async () => {
    const { notifier, table } = setUpLegacy(kind);
    const ops = refcounted();
    const registration = await notifier.get(table(ops));
    await notifier.release();
    notifier.put(registration);
    await notifier.synchronize();
    expect(ops.log).toEqual(['alloc 10', 'release', 'free 10']);
    notifier.verify();
  });

  it('two gets at once make one subscriber; what the other allocated is freed', async () => {
    const { notifier, table } = setUpLegacy(kind);
    const ops = refcounted();
    const handle = table(ops);
    const section = now(notifier.invalidateRangeStart(page));
    const getting = [notifier.get(handle), notifier.get(handle)];
    now(notifier.invalidateRangeEnd(section));
    const [first, second] = await Promise.all(getting);
    expect(second).toBe(first);
    expect(ops.log).toEqual(['alloc 10', 'alloc 11', expect.stringMatching(/^free 1[01]$/)]);
    notifier.put(first!);
    expect(notifier.hasSubscribers).toBe(true);
    notifier.put(first!);
    expect(notifier.hasSubscribers).toBe(false);
    await notifier.synchronize();
    notifier.verify();
  });

  it('a get that came second gives its node back', async () => {
    const { notifier, table, words } = setUpLegacy(kind);
    const handle = table(refcounted());
    for (let round = 0; round < 3; round++) {
      const section = now(notifier.invalidateRangeStart(page));
      const getting = [notifier.get(handle), notifier.get(handle)];
      now(notifier.invalidateRangeEnd(section));
      for (const registration of await Promise.all(getting)) notifier.put(registration);
      await notifier.synchronize();
    }
    expect(words()[mmAt + Mm.bump]).toBe(2);
    notifier.verify();
  });

  it('an aborted get frees what it allocated', async () => {
    const { notifier, table } = setUpLegacy(kind);
    const ops = refcounted();
    const section = now(notifier.invalidateRangeStart(page));
    const controller = new AbortController();
    const getting = notifier.get(table(ops), controller.signal);
    controller.abort();
    expect(await thrownFrom(() => getting)).toBe(controller.signal.reason);
    expect(ops.log).toEqual(['alloc 10', 'free 10']);
    const slow = Promise.withResolvers<number>();
    const freed: number[] = [];
    const slowOps = {
      alloc: () => slow.promise,
      free: (cookie: number) => void freed.push(cookie),
    };
    const signal = AbortSignal.abort();
    expect(await thrownFrom(() => notifier.get(table(slowOps), signal))).toBe(signal.reason);
    slow.resolve(4);
    await turn();
    expect(freed).toEqual([4]);
    now(notifier.invalidateRangeEnd(section));
    notifier.verify();
  });

  it('reports an alloc that fails, and what is no 32-bit integer', async () => {
    const { notifier, table } = setUpLegacy(kind);
    expect(await codeFrom(() => notifier.get(table({ alloc: failing })))).toBe(
      'MMN_CALLBACK_FAILED',
    );
    const odd = table({ alloc: () => 0.5 });
    expect(await codeFrom(() => notifier.get(odd))).toBe('MMN_OPTION');
    expect(await codeFrom(() => notifier.getSync(table({ alloc: async () => 1 })))).toBe(
      'MMN_CALLBACK_ASYNC',
    );
    notifier.verify();
  });

  it('refuses more references than the word holds', async () => {
    const { notifier, table, words } = setUpLegacy(kind);
    const ops = table(refcounted());
    await notifier.get(ops);
    words()[nodeAt(1) + Node.users] = 2 ** 31 - 1;
    expect(await codeFrom(() => notifier.get(ops))).toBe('MMN_OUT_OF_CAPACITY');
  });

  it('register and get do not mix', async () => {
    const { notifier, table, register } = setUpLegacy(kind);
    const ops = refcounted();
    const handle = table(ops);
    const registered = notifier.registerSync(handle);
    const got = await notifier.get(handle);
    expect(got).not.toBe(registered);
    expect(ops.log).toEqual(['alloc 10']);
    expect(await codeFrom(() => notifier.put(registered))).toBe('MMN_OPTION');
    expect(await codeFrom(() => notifier.unregister(got))).toBe('MMN_OPTION');
    expect(register(ops)).not.toBe(got);
    notifier.verify();
  });
});

describe('the SRCU domain', () => {
  it('of its own: a callback that sleeps in one address space delays nobody in another', async () => {
    const gate = Promise.withResolvers<void>();
    const [a, b] = [hlistSrcu.create(), hlistSrcu.create()];
    now(a.register(sleeper(gate.promise)));
    const starting = a.invalidateRangeStart(page);
    now(b.unregister(now(b.register({}))));
    gate.resolve();
    now(a.invalidateRangeEnd(await starting));
    expect(a.hasSubscribers).toBe(true);
  });

  it('the global one: it delays every unregister, and one in a callback is refused', async () => {
    const gate = Promise.withResolvers<void>();
    const [a, b] = [hlistSrcu.create({ srcu: 'global' }), hlistSrcu.create({ srcu: 'global' })];
    const other = now(b.register({}));
    let code: unknown;
    now(
      a.register({
        async invalidateRangeStart() {
          code = await codeFrom(() => b.unregister(other));
          await gate.promise;
        },
      }),
    );
    const starting = a.invalidateRangeStart(page);
    await turn();
    expect(code).toBe('MMN_IN_CALLBACK');
    const unregistering = b.unregister(other);
    expect(await isPending(unregistering)).toBe(true);
    gate.resolve();
    await unregistering;
    now(a.invalidateRangeEnd(await starting));
  });
});
