/** How a reader learns that it collided, and the lock under which it publishes. */
import { collisionCounters, collisionRetry } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { begin, codeOfCall, errorOf, isPending, kinds, publish, World } from './world.ts';

describe.each(kinds)('a read in %s', (kind) => {
  it('[R1] [K-L1] begun in a colliding section waits until that ends, then no longer', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const reads = [subscription.readBegin(), subscription.readBegin()];
    for (const read of reads) expect(await isPending(read)).toBe(true);
    end();
    for (const read of reads) expect(publish(subscription, await read)).toBe(true);
  });

  it('[R1] a section that begins meanwhile does not end the wait for the first', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    world.invalidate(0, 10);
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
  });

  it('[R1] gives up when the signal aborts, and others wait on', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const controller = new AbortController();
    const [aborted, other] = [subscription.readBegin(controller.signal), subscription.readBegin()];
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    expect(await isPending(other)).toBe(true);
    end();
    expect(publish(subscription, await other)).toBe(true);
  });

  it('[R2] is refused after an overlapping section, open or over, wherever it hit', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    for (const [start, end] of [
      [0, 1],
      [9, 10],
      [3, 4],
      [0, 100],
    ] as const) {
      const seq = begin(subscription);
      const endSection = world.start(start, end);
      expect(publish(subscription, seq, () => expect.unreachable())).toBe(false);
      endSection();
      expect(publish(subscription, seq, () => expect.unreachable())).toBe(false);
    }
  });

  it('[R2] is refused when the section came while it waited for the driver’s lock', async () => {
    const world = new World(kind);
    const { promise, resolve } = Promise.withResolvers<void>();
    const { ops, subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    ops.act = () => promise;
    const started = world.startLater(0, 10);
    const published = subscription.publish(seq, () => expect.unreachable());
    expect(await isPending(published)).toBe(true);
    resolve();
    expect(await published).toBe(false);
    (await started)();
  });

  it('[R3] is published, also twice, when nothing overlapped in between', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    for (let i = 0; i < 10; i++) world.invalidate(10, 20);
    let installed = 0;
    for (let i = 0; i < 2; i++)
      expect(publish(subscription, seq, () => void installed++)).toBe(true);
    expect(installed).toBe(2);
  });

  it('[R4] a true checkRetry is borne out by publish; a false one says nothing', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    expect(subscription.checkRetry(seq)).toBe(false);
    const end = world.start(0, 10);
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
    end();
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
  });

  it('[R5] returns after one closing even if another section has opened, and is refused', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const first = world.start(0, 10);
    const read = subscription.readBegin();
    const second = world.start(0, 10);
    first();
    expect(await isPending(read)).toBe(false);
    const seq = await read;
    expect(publish(subscription, seq, () => expect.unreachable())).toBe(false);
    second();
    expect(publish(subscription, seq, () => expect.unreachable())).toBe(false);
  });

  it('[Q2] never gets a number again that an older read may hold', () => {
    const world = new World(kind);
    const seen = new Set<number>();
    const { subscription } = world.recorder(0, 10);
    for (let i = 0; i < 100; i++) {
      seen.add(begin(subscription));
      world.invalidate(0, 10);
    }
    expect(seen.size).toBe(100);
  });

  it('[K-L2] the retry loop of core publishes when the writer pauses, and counts', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const counters = collisionCounters();
    let reads = 0;
    const value = await collisionRetry(subscription, {
      counters,
      read: () => {
        if (++reads <= 3) world.invalidate(0, 10);
        return reads;
      },
      install: () => {},
    });
    expect([value, counters.published, counters.longestRun]).toEqual([4, 1, 3]);
  });

  it('in the …Sync form refuses to wait where nobody else runs', () => {
    if (kind === 'shared-memory') return; // there another agent could end the section
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    expect(codeOfCall(() => subscription.readBeginSync())).toBe('MMN_WOULD_BLOCK');
    end();
    expect(subscription.publishSync(subscription.readBeginSync(), () => {})).toBe(true);
  });
});

describe.each(kinds)('a publication in %s', (kind) => {
  const reason = new Error('broken');

  it.each([
    [
      'throws',
      () => {
        throw reason;
      },
    ],
    ['rejects', () => Promise.reject(reason)],
  ] as const)('whose install %s tells so and lets the lock go', async (_, install) => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const publishIt = async (): Promise<boolean> =>
      subscription.publish(begin(subscription), install);
    await expect(publishIt()).rejects.toBe(reason);
    world.expectUsable(subscription);
  });

  it('whose install is asynchronous keeps others out until it is over', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const { promise, resolve } = Promise.withResolvers<void>();
    const seq = begin(subscription);
    const first = subscription.publish(seq, () => promise);
    const second = subscription.publish(seq, () => {});
    expect(await isPending(second)).toBe(true);
    resolve();
    expect(await Promise.all([first, second])).toEqual([true, true]);
    world.expectUsable(subscription);
  });

  it('needs no promise for an install that returns something else', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const list: number[] = [];
    const install = (): void => list.push(1) as never;
    expect(publish(subscription, begin(subscription), install)).toBe(true);
    world.expectUsable(subscription);
  });

  it('in the …Sync form refuses an asynchronous install, and keeps the lock until that is over', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const { promise, resolve } = Promise.withResolvers<void>();
    const seq = begin(subscription);
    expect(codeOfCall(() => subscription.publishSync(seq, () => promise as never))).toBe(
      'MMN_CALLBACK_ASYNC',
    );
    expect(world.tryStart(0, 10)).toBeUndefined();
    resolve();
    await subscription.close();
    world.expectUsable();
  });

  it('gives up waiting for the lock when the signal aborts', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    const { promise, resolve } = Promise.withResolvers<void>();
    ops.act = () => promise;
    const seq = begin(subscription);
    const started = world.startLater(0, 10);
    const controller = new AbortController();
    const published = subscription.publish(seq, () => expect.unreachable(), controller.signal);
    controller.abort(reason);
    expect((await errorOf(() => published)).message).toBe(reason.message);
    resolve();
    (await started)();
    ops.act = () => undefined;
    world.expectUsable(subscription);
  });
});
