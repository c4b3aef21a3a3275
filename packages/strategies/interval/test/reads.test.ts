/** What the collision-retry sequence promises to whoever reads. */
import { addressMax, collisionCounters, collisionRetry } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { thrownBy } from './thrown.ts';
import {
  begin,
  eventLoopTurns,
  gate,
  isPending,
  kinds,
  places,
  now,
  publish,
  World,
} from './world.ts';

describe.each(places)('a read in %s', (kind) => {
  it('[R1] [K-L1] begun in an open section that collides waits until that closes, then no longer', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    const seq = await read;
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
    expect(begin(subscription)).toBe(seq);
  });

  it('[R1] does not wait for a section that missed its subscription', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const other = world.recorder(20, 30);
    const end = world.start(20, 30);
    expect(other.calls).toHaveLength(1);
    expect(publish(subscription, begin(subscription))).toBe(true);
    end();
  });

  it('[R1] gives up when the signal aborts, and leaves the queue in order', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const controller = new AbortController();
    const reason = new Error('enough');
    const read = subscription.readBegin(controller.signal);
    const other = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    controller.abort(reason);
    await expect(read).rejects.toBe(reason);
    expect(await isPending(other)).toBe(true);
    end();
    expect(publish(subscription, await other)).toBe(true);
    world.verify();
  });

  it('[R2] refuses to publish what was read before an overlapping section, open or over', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    let installed = 0;
    const install = (): void => void installed++;
    const seq = begin(subscription);
    const end = world.start(9, 20);
    expect(publish(subscription, seq, install)).toBe(false);
    end();
    expect(publish(subscription, seq, install)).toBe(false);
    world.invalidate(100, 200);
    expect(publish(subscription, seq, install)).toBe(false);
    expect(installed).toBe(0);
  });

  it('[R2] refuses when the section began between readBegin and its first address', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const shadow = new Map<string, number>();
    let memory = 1;
    const seq = begin(subscription);
    const read = memory;
    const end = world.start(0, 1);
    memory = 2;
    end();
    expect(publish(subscription, seq, () => void shadow.set('memory', read))).toBe(false);
    expect(shadow.size).toBe(0);
    const again = await subscription.readBegin();
    const value = memory;
    expect(publish(subscription, again, () => void shadow.set('memory', value))).toBe(true);
    expect(shadow.get('memory')).toBe(memory);
  });

  it('[R3] publishes when nothing overlapped in between, however much happened elsewhere', async () => {
    const world = new World(kind, { capacity: 64 });
    const { subscription } = world.recorder(100, 200);
    const seq = begin(subscription);
    world.invalidate(0, 100);
    world.invalidate(200, 300);
    const other = world.recorder(0, 50);
    world.invalidate(0, 50);
    await other.subscription.close();
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(true);
  });

  it('[R4] a true checkRetry is borne out by readRetry and publish; a false one says nothing', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    expect([subscription.checkRetry(seq), subscription.readRetry(seq)]).toEqual([false, false]);
    const end = world.start(0, 10);
    expect([subscription.checkRetry(seq), subscription.readRetry(seq)]).toEqual([true, true]);
    end();
    expect([subscription.checkRetry(seq), subscription.readRetry(seq)]).toEqual([true, true]);
    expect(publish(subscription, seq)).toBe(false);
    const again = begin(subscription);
    expect(subscription.checkRetry(again)).toBe(false);
    world.invalidate(0, 10);
    expect(publish(subscription, again)).toBe(false);
  });

  it('[R5] returns after one closing even if another section has opened, and publish says so', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    const endOfNext = world.start(0, 10);
    const seq = await read;
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
    endOfNext();
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('[K-S1] a section that comes while the read waits for its driver’s lock is not missed', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const installing = gate();
    const seq = begin(subscription);
    const first = subscription.publish(seq, () => installing.promise);
    const second = subscription.publish(seq, () => {});
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    installing.open();
    expect(await first).toBe(true);
    const wasPublished = await second;
    now(world.notifier.invalidateRangeEnd(await started));
    // Either it came before the callback, which tears it down, or it was refused.
    expect([true, false]).toContain(wasPublished);
    expect(publish(subscription, seq)).toBe(false);
    world.verify();
  });

  it('[K-L2] a retry loop publishes at once when the sections stop', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const counters = collisionCounters();
    let sections = 5;
    const value = await collisionRetry(subscription, {
      read: () => {
        if (sections-- > 0) world.invalidate(0, 10);
        return sections;
      },
      install: () => {},
      counters,
    });
    expect(value).toBe(-1);
    expect(counters).toMatchObject({ published: 1, longestRun: 5 });
  });

  it('[K-L2] the last resort of the retry loop ends against a writer that collides with every attempt', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const counters = collisionCounters();
    const over = new AbortController();
    const writer = (async () => {
      while (!over.signal.aborted) {
        const invalidation = await world.notifier.invalidateRangeStart({ start: 0, end: 10 });
        now(world.notifier.invalidateRangeEnd(invalidation));
        await eventLoopTurns(1);
      }
    })();
    await collisionRetry(subscription, {
      read: () => eventLoopTurns(3),
      install: () => {},
      attemptsMax: 3,
      counters,
    });
    over.abort();
    await writer;
    expect(counters).toMatchObject({ published: 1, underLock: 1 });
    world.verify();
  });

  it('in the …Sync form refuses to wait where nobody else runs', () => {
    const world = new World('event-loop');
    const { subscription } = world.recorder(0, 10);
    expect(subscription.readBeginSync()).toBe(begin(subscription));
    expect(subscription.publishSync(begin(subscription), () => {})).toBe(true);
    const end = world.start(0, 10);
    expect(thrownBy(() => subscription.readBeginSync()).code).toBe('MMN_WOULD_BLOCK');
    end();
    world.verify();
    const endSync = world.notifier.invalidateRangeStartSync({ start: 0, end: addressMax });
    world.notifier.invalidateRangeEndSync(endSync);
    expect(subscription.readBeginSync()).toBe(begin(subscription));
  });
});

describe.each(kinds)('a read in %s', (kind) => {
  it('[K-L4] overlapping sections that never let the epoch end are what a reader can starve of', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    let end = world.start(0, 10);
    const read = subscription.readBegin();
    for (let i = 0; i < 20; i++) {
      const endOfNext = world.start(100 + i, 200);
      end();
      end = endOfNext;
      expect(await isPending(read)).toBe(true);
    }
    end();
    expect(publish(subscription, await read)).toBe(true);
  });
});
