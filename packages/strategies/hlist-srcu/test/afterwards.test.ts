/** What holds when something is over that took its time: second passes, installs, callbacks that were left behind. */
import { describe, expect, it } from 'vitest';
import {
  attachSrcuDomain,
  createSrcuDomain,
  hlistSrcu,
  type HlistNotifier,
  srcuDomainByteLength,
} from '../src/index.ts';
import { Mm, mmAt } from '../src/layout.ts';
import { codeFrom, counting, isPending, memories, now, page, setUp } from './support.ts';
import { windows } from './driver-scheme.ts';

describe.each(memories)('afterwards, in an %s', (kind) => {
  it('[L1] release is told to a subscriber when its finish is over, also one that takes its time', async () => {
    const { notifier, subscribe } = setUp(kind);
    const log: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    subscribe({
      invalidate: () => void log.push('invalidate'),
      finish: () => promise.then(() => void log.push('finish')),
      release: () => void log.push('release'),
    });
    const released = notifier.release();
    expect(await isPending(released)).toBe(true);
    expect(log).toEqual(['invalidate']);
    resolve();
    await released;
    expect(log).toEqual(['invalidate', 'finish', 'release']);
  });

  it('[U1] closing need not wait for an asynchronous install that is over', async () => {
    const { subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    expect(await subscription.publish(now(subscription.readBegin()), async () => {})).toBe(true);
    expect(() => subscription.closeSync()).not.toThrow();
  });

  it('a callback that an aborted start left behind is no longer counted when it is over', async () => {
    const { notifier, subscribe, words } = setUp(kind);
    const { promise, resolve } = Promise.withResolvers<void>();
    subscribe({ invalidate: () => promise });
    const controller = new AbortController();
    const starting = notifier.invalidateRangeStart(page, controller.signal);
    controller.abort();
    await expect(starting).rejects.toBe(controller.signal.reason);
    expect(words()[mmAt + Mm.leftBehind]).toBe(1);
    resolve();
    expect(await isPending(promise)).toBe(false);
    expect(words()[mmAt + Mm.leftBehind]).toBe(0);
    notifier.verify();
  });

  it('get needs nobody’s signal to wait for alloc', async () => {
    const { notifier } = setUp(kind);
    notifier.registerOps(1, { alloc: async () => 7 });
    const registration = await notifier.get(1);
    expect(registration.cookie).toBe(7);
    expect(await isPending(notifier.get(1, new AbortController().signal))).toBe(false);
  });
});

/** Whether `first`, unregistering while `other`'s start is in a callback, waits for that callback. */
async function unregisterWaits(first: HlistNotifier, other: HlistNotifier): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const each of [first, other]) {
    each.registerOps(1, { invalidateRangeStart: () => promise });
  }
  const registration = now(first.register(1));
  const starting = other.invalidateRangeStart(page);
  const unregistering = first.unregister(registration);
  const waits = await isPending(unregistering);
  resolve();
  const section = await starting;
  await unregistering;
  await other.invalidateRangeEnd(section);
  return waits;
}

describe('afterwards', () => {
  it('an agent that attached with a domain reads in that domain: who unregisters waits for its callbacks', async () => {
    const memory = new SharedArrayBuffer(hlistSrcu.byteLength(2));
    const domainMemory = new SharedArrayBuffer(srcuDomainByteLength);
    const first = hlistSrcu.create({ memory, srcu: createSrcuDomain(domainMemory) });
    const other = hlistSrcu.attach(memory, { srcu: attachSrcuDomain(domainMemory) });
    expect(await unregisterWaits(first, other)).toBe(true);
  });

  it('an agent that attached with a domain to a notifier that has its own reads in that', async () => {
    const memory = new SharedArrayBuffer(hlistSrcu.byteLength(2));
    const first = hlistSrcu.create({ memory });
    const other = hlistSrcu.attach(memory, { srcu: createSrcuDomain() });
    expect(await unregisterWaits(first, other)).toBe(true);
  });

  it.each([0, 1])('get finds what another agent got by the id %d', (id) => {
    const first = hlistSrcu.create({ memory: new SharedArrayBuffer(hlistSrcu.byteLength(2)) });
    const other = hlistSrcu.attach(first.memory);
    first.registerOps(id, { alloc: () => 7 });
    other.registerOps(id, { alloc: () => 8 });
    expect([first, other].map((each) => each.getSync(id).cookie)).toEqual([7, 7]);
  });

  it('an agent that does not know a subscriber’s ops opens no section without it', async () => {
    const first = hlistSrcu.create({ memory: new SharedArrayBuffer(hlistSrcu.byteLength(2)) });
    const other = hlistSrcu.attach(first.memory);
    first.registerOps(1, {});
    now(first.register(1));
    expect(await codeFrom(() => other.invalidateRangeStart(page))).toBe('MMN_OPS_UNKNOWN');
    now(first.invalidateRangeEnd(now(first.invalidateRangeStart(page))));
    first.verify();
  });

  it('[U1] closing a driver’s subscription need not wait for an asynchronous install that is over', async () => {
    const subscription = windows.create().subscribeSync(page, { invalidate: () => {} });
    expect(await subscription.publish(await subscription.readBegin(), async () => {})).toBe(true);
    expect(() => subscription.closeSync()).not.toThrow();
  });

  it('a driver’s list lives in the memory that it was given', async () => {
    const memory = new ArrayBuffer(windows.byteLength(16));
    const { list } = windows.create({ memory });
    expect(hlistSrcu.attach(memory)).toBe(list);
    expect(await codeFrom(() => windows.create({ memory: new SharedArrayBuffer(1 << 16) }))).toBe(
      'MMN_OPTION',
    );
  });
});
