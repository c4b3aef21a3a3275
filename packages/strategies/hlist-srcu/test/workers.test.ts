/** The essentials with real worker threads over a SharedArrayBuffer. */
import { describe, expect, it } from 'vitest';
import { hlistSrcu } from '../src/index.ts';
import { Mm, mmAt, Node, nodeAt } from '../src/layout.ts';
import {
  At,
  createShared,
  go,
  opsIds,
  pageSize,
  startJob,
  untilAtLeast,
  untilSet,
} from './jobs.ts';
import { codeFrom, counting, isPending, now } from './support.ts';

const nothing = (): void => {};
const page = { start: 0, end: pageSize } as const;
/** How many wait for a moment without an open section: the second word of the queue. */
const sleepersAt = mmAt + 2 * Mm.idleQueue + 1;

describe('worker threads', { timeout: 60_000 }, () => {
  it('[S5] [R2] [U1] never see a page mapped in a section, nor a callback after close', async () => {
    const shared = createShared();
    const notifier = hlistSrcu.create({ memory: shared.memory });
    await Promise.all([
      startJob(shared, 'invalidate', { worker: 0, operations: 6_000 }),
      startJob(shared, 'invalidate', { worker: 1, operations: 6_000 }),
      startJob(shared, 'fault', { worker: 0, operations: 3_000 }),
      startJob(shared, 'fault', { worker: 1, operations: 3_000 }),
    ]);
    const { words } = shared;
    expect(words[At.mappedInSection]).toBe(0);
    expect(words[At.calledAfterClose]).toBe(0);
    expect(words[At.published]).toBeGreaterThan(0);
    expect(words[At.published]! + words[At.refused]!).toBe(6_000);
    notifier.verify();
    expect(notifier.hasSubscribers).toBe(false);
  });

  it('[R1] a reader on the main thread waits for a section that a worker has open', async () => {
    const shared = createShared();
    const notifier = hlistSrcu.create({ memory: shared.memory });
    notifier.registerOps(opsIds.device, counting());
    const subscription = now(notifier.subscribe(page, opsIds.device));
    const section = startJob(shared, 'section');
    await untilAtLeast(shared.words, At.ready, 1);
    const reading = subscription.readBegin();
    expect(await isPending(reading)).toBe(true);
    go(shared.words);
    await section;
    expect(now(subscription.publish(await reading, nothing))).toBe(true);
    notifier.verify();
  });

  it('[L-4] a subscription waits for it too', async () => {
    const shared = createShared();
    const notifier = hlistSrcu.create({ memory: shared.memory });
    notifier.registerOps(opsIds.device, counting());
    const section = startJob(shared, 'section');
    await untilAtLeast(shared.words, At.ready, 1);
    const subscribing = notifier.subscribe(page, opsIds.device);
    expect(await isPending(subscribing)).toBe(true);
    go(shared.words);
    await section;
    expect((await subscribing).isOpen).toBe(true);
    notifier.verify();
  });

  it('[L-4] a worker that has no section open any more waits for one of the main thread', async () => {
    const shared = createShared();
    const notifier = hlistSrcu.create({ memory: shared.memory });
    const section = now(notifier.invalidateRangeStart(page));
    const subscribed = startJob(shared, 'subscribe');
    await untilSet(new Int32Array(shared.memory), sleepersAt, subscribed);
    now(notifier.invalidateRangeEnd(section));
    expect(await subscribed).toBe(true);
    notifier.verify();
  });

  it('[L1] a blocked reader learns of the release', async () => {
    const shared = createShared();
    const notifier = hlistSrcu.create({ memory: shared.memory });
    notifier.registerOps(opsIds.device, counting());
    const read = startJob(shared, 'read');
    await untilAtLeast(shared.words, At.ready, 1);
    const section = now(notifier.invalidateRangeStart(page));
    go(shared.words);
    await untilSet(new Int32Array(shared.memory), nodeAt(1) + Node.readers, read);
    await notifier.release();
    expect(await read).toBe('MMN_RELEASED');
    now(notifier.invalidateRangeEnd(section));
    notifier.verify();
  });

  it('[U1] close waits for a callback that a worker runs', async () => {
    const shared = createShared();
    const notifier = hlistSrcu.create({ memory: shared.memory });
    notifier.registerOps(opsIds.gated, counting());
    const subscription = now(notifier.subscribe(page, opsIds.gated));
    const starting = startJob(shared, 'start');
    await untilAtLeast(shared.words, At.ready, 1);
    const closing = subscription.close();
    expect(await isPending(closing)).toBe(true);
    expect(notifier.tryInvalidateRangeStart(page)).not.toBeUndefined();
    go(shared.words);
    await closing;
    expect(await starting).toBe('ended');
    notifier.verify();
  });

  it('[N2] a non-blockable start does not wait for a lock that a worker holds', async () => {
    const shared = createShared();
    const notifier = hlistSrcu.create({ memory: shared.memory });
    notifier.registerOps(opsIds.gated, counting());
    const subscription = now(notifier.subscribe(page, opsIds.gated));
    const starting = startJob(shared, 'start');
    await untilAtLeast(shared.words, At.ready, 1);
    expect(notifier.tryInvalidateRangeStart(page)).toBeUndefined();
    go(shared.words);
    expect(await starting).toBe('ended');
    expect(now(subscription.publish(now(subscription.readBegin()), nothing))).toBe(true);
    notifier.verify();
  });

  it('an agent that did not register the ops fails to start, and the notifier stays usable', async () => {
    const shared = createShared();
    const notifier = hlistSrcu.create({ memory: shared.memory });
    const ops = counting();
    notifier.registerOps(opsIds.unknown, ops);
    notifier.registerOps(opsIds.device, ops);
    const subscriptions = [
      now(notifier.subscribe(page, opsIds.device, { cookie: 1 })),
      now(notifier.subscribe(page, opsIds.unknown)),
      now(notifier.subscribe(page, opsIds.device, { cookie: 2 })),
    ];
    expect(await startJob(shared, 'start')).toBe('MMN_OPS_UNKNOWN');
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(ops.calls).toBe(3);
    for (const subscription of subscriptions) {
      expect(now(subscription.publish(now(subscription.readBegin()), nothing))).toBe(true);
    }
    notifier.verify();
  });

  it('[L1] a release by a worker is one for all', async () => {
    const shared = createShared();
    const notifier = hlistSrcu.create({ memory: shared.memory });
    notifier.registerOps(opsIds.device, counting());
    const subscription = now(notifier.subscribe(page, opsIds.device, { cookie: 1 }));
    const seq = now(subscription.readBegin());
    await startJob(shared, 'release');
    expect(await codeFrom(() => subscription.publish(seq, nothing))).toBe('MMN_RELEASED');
    expect(await codeFrom(() => notifier.subscribe(page, opsIds.device))).toBe('MMN_RELEASED');
    await subscription.close();
    notifier.verify();
  });

  it('get finds what another agent got', async () => {
    const shared = createShared();
    const notifier = hlistSrcu.create({ memory: shared.memory });
    const freed: number[] = [];
    notifier.registerOps(opsIds.legacy, {
      alloc: () => 5,
      free: (cookie) => void freed.push(cookie),
    });
    expect(await startJob(shared, 'get', { worker: 3 })).toBe(73);
    const registration = await notifier.get(opsIds.legacy);
    expect(registration.cookie).toBe(73);
    notifier.put(registration);
    await notifier.synchronize();
    expect(freed).toEqual([]);
    expect(notifier.hasSubscribers).toBe(true);
  });
});
