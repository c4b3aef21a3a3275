/** Subscribing and closing, while sections are open. */
import { describe, expect, it } from 'vitest';
import {
  begin,
  codeOfCall,
  errorOf,
  eventLoopTurns,
  isPending,
  kinds,
  now,
  publish,
  strategy,
  World,
} from './world.ts';

describe.each(kinds)('closing in %s', (kind) => {
  it('[U1] is over at once when nothing of it runs; no callback comes, and again is harmless', () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    const end = world.start(20, 30);
    now(subscription.close());
    expect(subscription.isOpen).toBe(false);
    now(subscription.close());
    subscription.closeSync();
    end();
    world.invalidate(0, 10);
    expect(calls).toEqual([]);
  });

  it.each(['invalidate', 'finish'] as const)('[U1] waits for its %s that sleeps', async (pass) => {
    const world = new World(kind);
    const { promise, resolve } = Promise.withResolvers<void>();
    const subscription = world.subscribe(0, 10, { invalidate: () => {}, [pass]: () => promise });
    const started = world.startLater(0, 10);
    const closed = [subscription.close(), subscription.close()];
    for (const each of closed) expect(await isPending(each)).toBe(true);
    resolve();
    (await started)();
    await Promise.all(closed);
    now(subscription.close());
    world.notifier.verify();
  });

  it('[U1] [K-S8] waits for what was to call it before, and is not called by what comes after', async () => {
    const world = new World(kind);
    const { promise, resolve } = Promise.withResolvers<void>();
    world.subscribe(0, 5, { invalidate: () => promise });
    const { calls, subscription } = world.recorder(0, 10);
    const started = world.startLater(0, 10);
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    const late = world.recorder(0, 10);
    const missing = await world.startLater(5, 10);
    expect(calls).toEqual([]);
    missing();
    resolve();
    const end = await started;
    await closed; // the section is still open, but has called
    end();
    expect([calls.length, late.calls.length]).toEqual([1, 1]);
  });

  it.each(['invalidate', 'finish'] as const)(
    '[U1] waits for its %s whose start was given up',
    async (pass) => {
      const world = new World(kind);
      const { promise, resolve } = Promise.withResolvers<void>();
      const controller = new AbortController();
      const subscription = world.subscribe(0, 10, { invalidate: () => {}, [pass]: () => promise });
      const started = world.startLater(0, 10, controller.signal);
      controller.abort();
      await expect(started).rejects.toBe(controller.signal.reason);
      const closed = subscription.close();
      expect(await isPending(closed)).toBe(true);
      resolve();
      await closed;
      world.notifier.verify();
    },
  );

  it('[U1] waits for a publication on its way, and refuses one that waits for the lock', async () => {
    const world = new World(kind, 1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const first = subscription.publish(seq, () => promise);
    const second = subscription.publish(seq, () => expect.unreachable());
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    resolve();
    expect(await first).toBe(true);
    expect((await errorOf(() => second)).code).toBe('MMN_CLOSED');
    await closed;
    world.expectUsable(); // in the same record
  });

  it('[U1] aborted goes on by itself', async () => {
    const world = new World(kind, 1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = () => promise;
    const started = world.startLater(0, 10);
    const controller = new AbortController();
    const closed = subscription.close(controller.signal);
    controller.abort();
    await expect(closed).rejects.toBe(controller.signal.reason);
    expect(await isPending(subscription.close())).toBe(true);
    resolve();
    (await started)();
    await eventLoopTurns();
    world.expectUsable(); // there is room again
    now(subscription.close());
  });

  it('[U1] a read that waits goes on when its subscription has closed', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    now(subscription.close());
    end();
    const seq = await read;
    expect(codeOfCall(() => subscription.publish(seq, () => {}))).toBe('MMN_CLOSED');
  });

  it('[U2] in a callback is refused, in both forms and both passes, and the section goes on', () => {
    const world = new World(kind);
    const codes: unknown[] = [];
    const closeIt = (): void => {
      codes.push(codeOfCall(() => subscription.close()));
      codes.push(codeOfCall(() => subscription.closeSync()));
    };
    const subscription = world.subscribe(0, 10, { invalidate: closeIt, finish: closeIt });
    world.invalidate(0, 10);
    expect(codes).toEqual(Array.from({ length: 4 }, () => 'MMN_IN_CALLBACK'));
    expect(subscription.isOpen).toBe(true);
    now(subscription.close());
  });

  it('in the …Sync form that would have to wait in one event loop says so, and closes all the same', async () => {
    if (kind === 'shared-memory') return; // there it blocks, and only another agent could wake it
    const world = new World(kind, 1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = () => promise;
    const started = world.startLater(0, 10);
    expect(codeOfCall(() => subscription.closeSync())).toBe('MMN_WOULD_BLOCK');
    expect(subscription.isOpen).toBe(false);
    resolve();
    (await started)();
    await eventLoopTurns();
    world.expectUsable(); // there is room again
    now(subscription.close());
  });

  it('leaves nothing to a subscription that uses its record again', () => {
    const world = new World(kind, 1);
    const first = world.recorder(0, 10);
    const seq = begin(first.subscription);
    now(first.subscription.close());
    const second = world.recorder(0, 10);
    expect(codeOfCall(() => first.subscription.publish(seq, () => {}))).toBe('MMN_CLOSED');
    expect(first.subscription.checkRetry(seq)).toBe(true);
    expect(publish(second.subscription, seq)).toBe(false);
    now(first.subscription.close());
    world.invalidate(0, 10);
    expect([first.calls.length, second.calls.length]).toEqual([0, 1]);
  });
});

describe('room', () => {
  it.each(kinds)(
    'ends in memory that was given, with its code, and closing makes some: %s',
    (kind) => {
      const world = new World(kind, 2);
      const subscriptions = [world.subscribe(0, 10), world.subscribe(0, 10)];
      expect(codeOfCall(() => world.subscribe(0, 10))).toBe('MMN_OUT_OF_CAPACITY');
      for (const subscription of subscriptions) now(subscription.close());
      world.expectUsable();
    },
  );

  it('grows in one event loop, also under sections, callbacks and reads that wait', async () => {
    const world = new World('event-loop', 1, { grows: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = world.recorder(0, 10);
    const end = world.start(0, 10);
    first.ops.act = () => promise;
    const started = world.startLater(0, 10);
    const read = first.subscription.readBegin();
    const others = Array.from({ length: 100 }, () => world.recorder(0, 10));
    resolve();
    (await started)();
    end();
    expect(publish(first.subscription, await read)).toBe(true);
    first.ops.act = () => undefined;
    world.invalidate(0, 1);
    expect(first.calls).toHaveLength(3);
    expect(others.every(({ calls }) => calls.length === 1)).toBe(true);
  });

  it('is linear in subscriptions', () => {
    const [one, two, three] = [1, 2, 3].map((capacity) => strategy.byteLength(capacity));
    expect(two! - one!).toBe(three! - two!);
  });
});
