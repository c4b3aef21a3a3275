/** What callers get wrong. Each mistake has its code and leaves the notifier usable. */
import type { Invalidation, SubscriptionOps } from '@mmu-notifier/core';
import { Region } from '@mmu-notifier/sync';
import { describe, expect, it } from 'vitest';
import {
  attachSrcuDomain,
  createSrcuDomain,
  hlistSrcu,
  srcuDomainByteLength,
  type HlistNotifier,
  type LegacyOps,
} from '../src/index.ts';
import { codeFrom, counting, memories, now, page, setUp } from './support.ts';

const nothing = (): void => {};
/** What untyped callers pass. */
const wrong = <T>(value: unknown): T => value as T;

function create(memory: unknown, capacity?: number): HlistNotifier {
  return hlistSrcu.create({
    memory: wrong<ArrayBuffer>(memory),
    ...(capacity === undefined ? {} : { capacity }),
  });
}

describe.each(memories)('mistakes in an %s', (kind) => {
  it('an end without a start, a second end, an end of nonsense', async () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const section = now(notifier.invalidateRangeStart(page));
    now(notifier.invalidateRangeEnd(section));
    for (const invalidation of [section, 0, -1, 12_345, 1.5, Number.NaN, undefined, 'x']) {
      const handle = wrong<Invalidation>(invalidation);
      expect(await codeFrom(() => notifier.invalidateRangeEnd(handle))).toBe('MMN_NOT_OPEN');
      expect(await codeFrom(() => notifier.invalidateRangeEndSync(handle))).toBe('MMN_NOT_OPEN');
    }
    expect(now(subscription.publish(now(subscription.readBegin()), nothing))).toBe(true);
    notifier.verify();
  });

  it('an unknown event', async () => {
    const { notifier } = setUp(kind);
    const range = { ...page, event: wrong<'CLEAR'>('EXPLODE') };
    expect(await codeFrom(() => notifier.invalidateRangeStart(range))).toBe('MMN_EVENT');
    notifier.verify();
  });

  it('the use of a closed subscription', async () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const seq = now(subscription.readBegin());
    now(subscription.close());
    const acts = [
      () => subscription.readBegin(),
      () => subscription.readBeginSync(),
      () => subscription.publish(seq, nothing),
      () => subscription.publishSync(seq, nothing),
    ];
    for (const act of acts) expect(await codeFrom(act)).toBe('MMN_CLOSED');
    now(subscription.close());
    subscription.closeSync();
    expect(subscription.checkRetry(seq)).toBe(true);
    notifier.verify();
  });

  it('a publication that waited for the lock while its subscription was closed', async () => {
    const { notifier, subscribe } = setUp(kind);
    const gate = Promise.withResolvers<void>();
    const subscription = subscribe(counting());
    const seq = now(subscription.readBegin());
    const first = subscription.publish(seq, () => gate.promise);
    let isInstalled = false;
    const second = codeFrom(() => subscription.publish(seq, () => void (isInstalled = true)));
    const closing = subscription.close();
    // Who comes now need not wait for the lock to hear of it.
    expect(() => subscription.publish(seq, nothing)).toThrow('expected an open subscription');
    expect(() => subscription.publishSync(seq, nothing)).toThrow('expected an open subscription');
    gate.resolve();
    expect(await first).toBe(true);
    await closing;
    expect(await second).toBe('MMN_CLOSED');
    expect(isInstalled).toBe(false);
    notifier.verify();
  });

  it('an install that throws, or is asynchronous where nobody waits', async () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const seq = now(subscription.readBegin());
    const broken = new TypeError('broken install');
    const fail = (): never => {
      throw broken;
    };
    expect(() => subscription.publish(seq, fail)).toThrow(broken);
    expect(() => subscription.publishSync(seq, fail)).toThrow(broken);
    await expect(subscription.publish(seq, async () => fail())).rejects.toBe(broken);
    const install = wrong<() => void>(async () => fail());
    expect(await codeFrom(() => subscription.publishSync(seq, install))).toBe('MMN_CALLBACK_ASYNC');
    await subscription.publish(seq, nothing);
    expect(now(subscription.publish(seq, nothing))).toBe(true);
    notifier.verify();
  });

  it('ops that are none', async () => {
    const { notifier, subscribe } = setUp(kind);
    for (const ops of [null, undefined, {}, 'ops', 41]) {
      expect(await codeFrom(() => notifier.subscribe(page, wrong<SubscriptionOps>(ops)))).toBe(
        'MMN_OPS_UNKNOWN',
      );
    }
    for (const ops of [null, undefined, 'ops', 41]) {
      expect(await codeFrom(() => notifier.register(wrong<LegacyOps>(ops)))).toBe(
        'MMN_OPS_UNKNOWN',
      );
      expect(await codeFrom(() => notifier.get(wrong<LegacyOps>(ops)))).toBe('MMN_OPS_UNKNOWN');
    }
    expect(subscribe(counting()).isOpen).toBe(true);
    notifier.verify();
  });

  it('functions in shared memory, which other agents do not have', async () => {
    const { notifier } = setUp(kind);
    const expected = kind === 'ArrayBuffer' ? undefined : 'MMN_OPS_UNKNOWN';
    expect(await codeFrom(() => notifier.subscribe(page, counting()))).toBe(expected);
    expect(await codeFrom(() => notifier.register({}))).toBe(expected);
    expect(await codeFrom(() => notifier.get({}))).toBe(expected);
    notifier.verify();
  });

  it.each([-1, 1.5, 65_536, Number.NaN])('the ops id %d', async (id) => {
    const { notifier } = setUp(kind);
    expect(await codeFrom(() => notifier.registerOps(id, counting()))).toBe('MMN_OPTION');
    expect(await codeFrom(() => notifier.registerOps(id, { release: nothing }))).toBe('MMN_OPTION');
  });

  it.each([0.5, 2 ** 31, Number.NaN])('the cookie %d', async (cookie) => {
    const { notifier } = setUp(kind);
    notifier.registerOps(1, counting());
    notifier.registerOps(2, {});
    expect(await codeFrom(() => notifier.subscribe(page, 1, { cookie }))).toBe('MMN_OPTION');
    expect(await codeFrom(() => notifier.register(2, { cookie }))).toBe('MMN_OPTION');
    notifier.verify();
  });

  it('the id of the other kind of ops', async () => {
    const { notifier } = setUp(kind);
    notifier.registerOps(1, counting());
    notifier.registerOps(2, { release: nothing });
    expect(await codeFrom(() => notifier.subscribe(page, 2))).toBe('MMN_OPS_UNKNOWN');
    expect(await codeFrom(() => notifier.register(1))).toBe('MMN_OPS_UNKNOWN');
  });

  it('a callback that never answers: abort, close it, and the others go on', async () => {
    const { notifier, subscribe } = setUp(kind);
    const ops = counting();
    const other = subscribe(ops);
    const stuck = subscribe({ invalidate: () => new Promise<void>(() => {}) });
    const controller = new AbortController();
    const { signal } = controller;
    const starting = notifier.invalidateRangeStart(page, signal);
    controller.abort();
    await expect(starting).rejects.toBe(signal.reason);
    expect(notifier.tryInvalidateRangeStart(page)).toBeUndefined();
    await expect(notifier.invalidateRangeStart(page, signal)).rejects.toBe(signal.reason);
    await expect(stuck.close(signal)).rejects.toBe(signal.reason);
    const { calls } = ops;
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(ops.calls).toBe(calls + 1);
    expect(now(other.publish(now(other.readBegin()), nothing))).toBe(true);
    notifier.verify();
  });
});

describe('memory', () => {
  it.each([ArrayBuffer, SharedArrayBuffer])('that is full (%s)', async (Memory) => {
    const notifier = create(new Memory(hlistSrcu.byteLength(2)));
    notifier.registerOps(1, counting());
    notifier.registerOps(2, {});
    const subscriptions = [now(notifier.subscribe(page, 1)), now(notifier.subscribe(page, 1))];
    expect(await codeFrom(() => notifier.subscribe(page, 1))).toBe('MMN_OUT_OF_CAPACITY');
    expect(await codeFrom(() => notifier.register(2))).toBe('MMN_OUT_OF_CAPACITY');
    expect(await codeFrom(() => notifier.get(2))).toBe('MMN_OUT_OF_CAPACITY');
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    now(subscriptions[0]!.close());
    expect(now(notifier.subscribe(page, 1)).isOpen).toBe(true);
    notifier.verify();
  });

  it.each([ArrayBuffer, SharedArrayBuffer])('that is full and was copied (%s)', async (Memory) => {
    const { memory } = create(new Memory(hlistSrcu.byteLength(1)));
    const other = hlistSrcu.attach(memory.slice(0));
    other.registerOps(1, counting());
    now(other.subscribe(page, 1));
    expect(await codeFrom(() => other.subscribe(page, 1))).toBe('MMN_OUT_OF_CAPACITY');
    other.verify();
  });

  it('that is too small, in use, of another kind, or no memory', async () => {
    const needed = hlistSrcu.byteLength(4);
    expect(await codeFrom(() => create(new ArrayBuffer(needed - 8), 4))).toBe('MMN_MEMORY');
    expect(await codeFrom(() => create(new ArrayBuffer(16)))).toBe('MMN_MEMORY');
    expect(await codeFrom(() => create({}))).toBe('MMN_MEMORY');
    const used = new ArrayBuffer(needed);
    create(used);
    expect(await codeFrom(() => create(used))).toBe('MMN_MEMORY');
    const foreign = new ArrayBuffer(needed);
    Region.create({ kind: 'interval', capacity: 4, byteLength: needed }, foreign);
    expect(await codeFrom(() => hlistSrcu.attach(foreign))).toBe('MMN_MEMORY');
    expect(await codeFrom(() => hlistSrcu.attach(new ArrayBuffer(needed)))).toBe('MMN_MEMORY');
  });

  it('takes as many as fit when no capacity is given', () => {
    const notifier = create(new ArrayBuffer(hlistSrcu.byteLength(5) + 12));
    expect(new Int32Array(notifier.memory)[2]).toBe(5);
  });
});

describe('options', () => {
  it.each([0, -1, 1.5, Number.NaN, 2 ** 24 + 1])('the capacity %d', async (capacity) => {
    expect(await codeFrom(() => hlistSrcu.create({ capacity }))).toBe('MMN_OPTION');
  });

  it('an unknown variant, an unknown SRCU domain', async () => {
    expect(await codeFrom(() => hlistSrcu.create({ variant: 'v9' }))).toBe('MMN_OPTION');
    expect(await codeFrom(() => hlistSrcu.traits('v9'))).toBe('MMN_OPTION');
    expect(await codeFrom(() => hlistSrcu.create({ srcu: wrong('both') }))).toBe('MMN_OPTION');
    expect(await codeFrom(() => hlistSrcu.create({ srcu: wrong(null) }))).toBe('MMN_OPTION');
  });

  it('a domain that other agents cannot see, and a domain that an attaching agent forgot', async () => {
    const memory = new SharedArrayBuffer(hlistSrcu.byteLength(2));
    expect(await codeFrom(() => hlistSrcu.create({ memory, srcu: 'global' }))).toBe('MMN_OPTION');
    const local = createSrcuDomain();
    expect(await codeFrom(() => hlistSrcu.create({ memory, srcu: local }))).toBe('MMN_OPTION');
    const domainMemory = new SharedArrayBuffer(srcuDomainByteLength);
    hlistSrcu.create({ memory, srcu: createSrcuDomain(domainMemory) });
    expect(await codeFrom(() => hlistSrcu.attach(memory))).toBe('MMN_OPTION');
    const srcu = attachSrcuDomain(domainMemory);
    expect(hlistSrcu.attach(memory, { srcu }).hasSubscribers).toBe(false);
    expect(await codeFrom(() => attachSrcuDomain(memory))).toBe('MMN_MEMORY');
  });
});
