/** Real agents: worker threads over one SharedArrayBuffer. Bounded by counts of operations, not by time. */
import { describe, expect, it } from 'vitest';
import { thrownBy } from './thrown.ts';
import {
  At,
  createShared,
  devices,
  installedEntries,
  pages,
  startAgent,
  untilReady,
  wrongEntries,
} from './shared-jobs.ts';
import { begin, isPending, now, publish } from './world.ts';

/** Devices with a shadow of the whole memory; a device's number is its subscription's, and its cookie. */
function subscribeDevices(shared: ReturnType<typeof createShared>, count = devices) {
  return Array.from({ length: count }, (_, cookie) => {
    const subscription = shared.notifier.subscribe({ start: 0, end: pages }, 0, { cookie });
    expect(subscription.id).toBe(cookie);
    return subscription;
  });
}

describe.each(['landed', 'scoped'])('agents on %s', { timeout: 60_000 }, (variant) => {
  it('[S1] the agent that invalidates runs the callback, of a subscription that another made', async () => {
    const shared = createShared(4, variant);
    const [subscription] = subscribeDevices(shared, 1);
    const seq = begin(subscription!);
    expect(await startAgent('invalidate', shared, { operations: 1 })).toBe(1);
    expect(shared.board.load(At.callbacks)).toBe(1);
    expect(publish(subscription!, seq)).toBe(false);
    shared.notifier.verify();
  });

  it('[S1] [S5] [R2] [R3] no entry is ever stale: two invalidate, two fault', async () => {
    const shared = createShared(devices, variant);
    const subscriptions = subscribeDevices(shared);
    const sizes = { agents: 4, operations: 2_000 };
    const [a, b, c, d] = await Promise.all([
      startAgent('invalidate', shared, { ...sizes, agent: 0 }),
      startAgent('invalidate', shared, { ...sizes, agent: 1 }),
      startAgent('fault', shared, { ...sizes, agent: 2, id: 0 }),
      startAgent('fault', shared, { ...sizes, agent: 3, id: 1 }),
    ]);
    expect([a, b]).toEqual([2_000, 2_000]);
    expect(c! + d!).toBeGreaterThan(0);
    expect(wrongEntries(shared.board)).toBe(0);
    expect(shared.board.load(At.callbacks)).toBe(4_000 * devices);
    shared.notifier.verify();
    for (const subscription of subscriptions) now(subscription.close());
    shared.notifier.verify();
  });

  it('[N1] [N2] [R2] non-blockable sections of one, faults of another, on the same device', async () => {
    const shared = createShared(devices, variant);
    subscribeDevices(shared);
    const sizes = { agents: 3, operations: 3_000 };
    const [tried, other] = await Promise.all([
      startAgent('tryInvalidate', shared, { ...sizes, agent: 0 }),
      startAgent('tryInvalidate', shared, { ...sizes, agent: 1 }),
      startAgent('fault', shared, { ...sizes, agent: 2, id: 0 }),
    ]);
    expect(tried + other).toBeGreaterThan(0);
    expect(wrongEntries(shared.board)).toBe(0);
    shared.notifier.verify();
  });

  it('[D1] [D3] [U1] [S6] subscribing and closing while others invalidate and fault', async () => {
    const shared = createShared(devices + 16, variant);
    const subscriptions = subscribeDevices(shared);
    const sizes = { agents: 4, operations: 2_000 };
    await Promise.all([
      startAgent('invalidate', shared, { ...sizes, agent: 0 }),
      startAgent('churn', shared, { ...sizes, agent: 1 }),
      startAgent('churn', shared, { ...sizes, agent: 2 }),
      startAgent('fault', shared, { ...sizes, agent: 3, id: 0 }),
    ]);
    expect(wrongEntries(shared.board)).toBe(0);
    shared.notifier.verify();
    for (const subscription of subscriptions) now(subscription.close());
    shared.notifier.verify();
    expect(shared.notifier.state.tree.size).toBe(0);
  });

  it('a full region: agents fight for the last records, and none is lost', async () => {
    const shared = createShared(6, variant);
    const sizes = { agents: 2, operations: 3_000 };
    const full = await Promise.all([
      startAgent('churn', shared, { ...sizes, agent: 0 }),
      startAgent('churn', shared, { ...sizes, agent: 1 }),
    ]);
    expect(full[0]! + full[1]!).toBeGreaterThan(0);
    shared.notifier.verify();
    for (let i = 0; i < 6; i++) shared.notifier.subscribe({ start: 0, end: 1 }, 0);
    expect(thrownBy(() => shared.notifier.subscribe({ start: 0, end: 1 }, 0)).code).toBe(
      'MMN_OUT_OF_CAPACITY',
    );
    shared.notifier.verify();
  });

  it('[R1] a worker that blocks in readBeginSync is woken by the main thread’s end', async () => {
    const shared = createShared(4, variant);
    const [subscription] = subscribeDevices(shared, 1);
    const invalidation = now(shared.notifier.invalidateRangeStart({ start: 0, end: 1 }));
    const read = startAgent('readOnce', shared, { agents: 1 });
    await untilReady(shared.board, 1);
    expect(await isPending(read)).toBe(true);
    now(shared.notifier.invalidateRangeEnd(invalidation));
    const seq = (await read) as ReturnType<typeof begin>;
    expect(publish(subscription!, seq)).toBe(true);
  });

  it('[L1] nothing is published after a release, by whoever was on its way', async () => {
    const shared = createShared(devices, variant);
    subscribeDevices(shared);
    const agents = [
      startAgent('faultUntilReleased', shared, { agents: 2, agent: 0, id: 0 }),
      startAgent('faultUntilReleased', shared, { agents: 2, agent: 1, id: 1 }),
    ];
    await untilReady(shared.board, 2);
    for (let i = 0; i < 50; i++) {
      const invalidation = await shared.notifier.invalidateRangeStart({ start: 0, end: 3 });
      now(shared.notifier.invalidateRangeEnd(invalidation));
    }
    await shared.notifier.release();
    // An agent learns of the release before its device is told, so only now are all shadows empty, and stay so.
    await Promise.all(agents);
    expect(installedEntries(shared.board)).toBe(0);
    shared.notifier.verify();
  });
});

// In `scoped` a closer does not wait for sections.
describe.each(['landed'])('agents on %s', { timeout: 60_000 }, (variant) => {
  it('[R1] plain reads and a plain close of the main thread are woken by a worker’s end', async () => {
    const shared = createShared(devices, variant);
    const [first, second] = subscribeDevices(shared);
    const agent = startAgent('sectionUntilStop', shared);
    await untilReady(shared.board, 2);
    const reads = [first!.readBegin(), first!.readBegin()];
    const closed = second!.close();
    for (const waiting of [...reads, closed]) expect(await isPending(waiting)).toBe(true);
    shared.board.store(At.stop, 1);
    for (const read of reads) expect(publish(first!, await read)).toBe(true);
    await closed;
    await agent;
    shared.notifier.verify();
  });

  it('[U1] a worker that blocks in closeSync returns when the epoch is over', async () => {
    const shared = createShared(4, variant);
    subscribeDevices(shared, 1);
    const invalidation = now(shared.notifier.invalidateRangeStart({ start: 0, end: 1 }));
    const closed = startAgent('closeOnce', shared, { agents: 1 });
    await untilReady(shared.board, 1);
    expect(await isPending(closed)).toBe(true);
    now(shared.notifier.invalidateRangeEnd(invalidation));
    await closed;
    shared.notifier.verify();
    const callbacks = shared.board.load(At.callbacks);
    now(
      shared.notifier.invalidateRangeEnd(
        now(shared.notifier.invalidateRangeStart({ start: 0, end: 1 })),
      ),
    );
    expect(shared.board.load(At.callbacks)).toBe(callbacks);
  });
});
