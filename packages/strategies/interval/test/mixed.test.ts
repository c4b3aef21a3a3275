/** Both notifiers in one address space: the interval tree, and a legacy list that it carries. */
import { describe, expect, it } from 'vitest';
import { interval } from '../src/variants.ts';
import { Mm, mmAt } from '../src/layout.ts';
import { createMixed } from './fake-list.ts';
import { rejectionOf, thrownBy } from './thrown.ts';
import { begin, eventLoopTurns, gate, isPending, now, publish } from './world.ts';

const range = { start: 0, end: 10 };

function activeIn(notifier: ReturnType<typeof createMixed>['notifier']): number {
  return notifier.state.region.words[mmAt + Mm.active]!;
}

describe('mixed mode', () => {
  it('the tree, both passes, comes before the list in start, and before it in end', async () => {
    const { notifier, list, log } = createMixed();
    notifier.subscribe(range, {
      invalidate: () => void log.push('tree invalidate'),
      finish: () => void log.push('tree finish'),
    });
    now(
      list.register({
        start: () => void log.push('list callback'),
        end: () => {
          log.push(`list callback at end, seq ${notifier.state.isFull ? 'odd' : 'even'}`);
        },
      }),
    );
    await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(range));
    expect(log).toEqual([
      'tree invalidate',
      'tree finish',
      'list start',
      'list callback',
      'list end',
      'list callback at end, seq even',
    ]);
    notifier.verify();
  });

  it('the list is called for what hits nobody in the tree, in every form', async () => {
    const { notifier, list, log } = createMixed();
    now(list.register({}));
    await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(range));
    notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(range));
    await notifier.invalidateRangeEnd(notifier.tryInvalidateRangeStart(range)!);
    expect(log).toEqual([
      'list start',
      'list end',
      'list start',
      'list end',
      'list try',
      'list end',
    ]);
    expect(activeIn(notifier)).toBe(0);
  });

  it('nothing of the list is called for a section while it has no subscribers', () => {
    const { notifier, log } = createMixed();
    const subscription = notifier.subscribe(range, { invalidate: () => {} });
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(range))));
    notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(range));
    now(notifier.invalidateRangeEnd(notifier.tryInvalidateRangeStart(range)!));
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart({ start: 50, end: 60 }))));
    now(subscription.close());
    expect(log).toEqual([]);
  });

  it('[N4] [K-S7] a list that would block undoes the tree’s part (U-7)', async () => {
    const { notifier, list, log } = createMixed();
    const calls: string[] = [];
    const subscription = notifier.subscribe(range, {
      invalidate: () => void calls.push('invalidate'),
      finish: () => void calls.push('finish'),
    });
    now(list.register({ start: ({ blockable }) => blockable }));
    expect(notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    expect(calls).toEqual(['invalidate', 'finish']);
    expect(log).toEqual(['list try']);
    expect(activeIn(notifier)).toBe(0);
    notifier.verify();
    // A later section closes, and its readers and closers go on.
    const invalidation = await notifier.invalidateRangeStart(range);
    const read = subscription.readBegin();
    await notifier.invalidateRangeEnd(invalidation);
    expect(publish(subscription, await read)).toBe(true);
    now(subscription.close());
    notifier.verify();
  });

  it('[N4] and whoever waits to register meanwhile goes on', async () => {
    const { notifier, list } = createMixed();
    const registered: unknown[] = [];
    const refuse = (): false => {
      registered.push(list.register({}));
      return false;
    };
    now(list.register({ start: refuse }));
    expect(notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    await registered[0];
    expect(list.subscribers).toHaveLength(2);
  });

  it('[N3] a tree that would block never calls the list', () => {
    const { notifier, list, log } = createMixed();
    notifier.subscribe(range, { invalidate: () => false });
    now(list.register({}));
    expect(notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    expect(log).toEqual([]);
    expect(activeIn(notifier)).toBe(0);
    notifier.verify();
  });

  it('[E1] a list whose start throws undoes the tree’s part, in every form', async () => {
    const { notifier, list } = createMixed();
    const subscription = notifier.subscribe(range, { invalidate: () => {} });
    const reason = new Error('broken list');
    now(
      list.register({
        start: () => {
          throw reason;
        },
      }),
    );
    await expect(notifier.invalidateRangeStart(range)).rejects.toBe(reason);
    expect(() => notifier.invalidateRangeStartSync(range)).toThrow(reason);
    expect(() => notifier.tryInvalidateRangeStart(range)).toThrow(reason);
    expect(activeIn(notifier)).toBe(0);
    expect(publish(subscription, begin(subscription))).toBe(true);
    notifier.verify();
  });

  it('[E1] a list whose end throws leaves nothing open', async () => {
    const { notifier, list } = createMixed();
    const reason = new Error('broken list');
    now(
      list.register({
        end: () => {
          throw reason;
        },
      }),
    );
    await expect(
      notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(range)),
    ).rejects.toBe(reason);
    expect(() => notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(range))).toThrow(
      reason,
    );
    expect(activeIn(notifier)).toBe(0);
    expect(list.register({})).toBe(undefined);
    notifier.verify();
  });

  it('a list start that is given up undoes the tree’s part', async () => {
    const { notifier, list } = createMixed();
    notifier.subscribe(range, { invalidate: () => new Promise(() => {}) });
    now(list.register({}));
    const controller = new AbortController();
    const started = notifier.invalidateRangeStart(range, controller.signal);
    controller.abort(new Error('enough'));
    await expect(started).rejects.toThrow('enough');
    expect(activeIn(notifier)).toBe(0);
    notifier.verify();
  });

  it('registering waits until no section is open, whether or not it hits the tree', async () => {
    const { notifier, list } = createMixed();
    for (const hits of [false, true]) {
      const before = list.subscribers.length;
      if (hits) notifier.subscribe(range, { invalidate: () => {} });
      const first = await notifier.invalidateRangeStart(range);
      const registered = list.register({});
      const second = await notifier.invalidateRangeStart(range);
      expect(await isPending(registered)).toBe(true);
      await notifier.invalidateRangeEnd(first);
      expect(await isPending(registered)).toBe(true);
      await notifier.invalidateRangeEnd(second);
      await registered;
      expect(list.subscribers).toHaveLength(before + 1);
    }
    notifier.verify();
  });

  it('registering waits for the list’s part of an end too: nobody sees an end without its start', async () => {
    const { notifier, list } = createMixed();
    const ending = gate();
    now(list.register({ end: () => ending.promise }));
    let ends = 0;
    const invalidation = await notifier.invalidateRangeStart(range);
    const ended = notifier.invalidateRangeEnd(invalidation);
    expect(activeIn(notifier)).toBe(0);
    const registered = list.register({ end: () => void ends++ });
    expect(await isPending(registered)).toBe(true);
    ending.open();
    await ended;
    await registered;
    expect(ends).toBe(0);
    expect(list.subscribers).toHaveLength(2);
  });

  it('registering gives up when the signal aborts, and is not registered then', async () => {
    const { notifier, list } = createMixed();
    const controller = new AbortController();
    const invalidation = await notifier.invalidateRangeStart(range);
    const registered = list.register({}, controller.signal);
    controller.abort(new Error('enough'));
    await expect(registered).rejects.toThrow('enough');
    await notifier.invalidateRangeEnd(invalidation);
    expect(list.subscribers).toHaveLength(0);
    expect(thrownBy(() => list.subscribe()).code).toBe('MMN_OPTION');
  });

  it('registering in the …Sync form refuses to wait in one event loop', async () => {
    const { notifier, list } = createMixed();
    list.registerSync({});
    const invalidation = await notifier.invalidateRangeStart(range);
    expect(thrownBy(() => list.registerSync({})).code).toBe('MMN_WOULD_BLOCK');
    await notifier.invalidateRangeEnd(invalidation);
    expect(list.subscribers).toHaveLength(1);
  });

  it('release comes to the tree first, once, and to the list even if nobody is registered there', async () => {
    for (const isUsed of [true, false]) {
      const { notifier, list, log } = createMixed();
      notifier.subscribe(range, { invalidate: ({ event }) => void log.push(`tree ${event}`) });
      if (isUsed) now(list.register({}));
      await notifier.release();
      expect(log).toEqual(['tree RELEASE', 'list release']);
    }
  });

  it('a release waits for that of the list, and in the …Sync form asks for that one', async () => {
    for (const isSync of [true, false]) {
      const { notifier, list, log } = createMixed();
      const releasing = gate();
      list.release = async () => {
        await releasing.promise;
        log.push('list release later');
      };
      if (isSync) notifier.releaseSync();
      const released = isSync ? undefined : notifier.release();
      if (released !== undefined) await eventLoopTurns();
      log.push('opened');
      releasing.open();
      await released;
      expect(log).toEqual(isSync ? ['list release', 'opened'] : ['opened', 'list release later']);
    }
  });

  it('a failed release of the tree still releases the list', async () => {
    const { notifier, log } = createMixed();
    notifier.subscribe(range, { invalidate: () => Promise.reject(new Error('broken')) });
    expect((await rejectionOf(() => notifier.release())).code).toBe('MMN_CALLBACK_FAILED');
    expect(log).toEqual(['list release']);
  });

  it('verify looks into both', () => {
    const { notifier, log } = createMixed();
    notifier.verify();
    expect(log).toEqual(['list verify']);
  });

  it('is refused in shared memory, before the memory is laid out', () => {
    const memory = new SharedArrayBuffer(interval.byteLength(4));
    const legacy = { create: () => expect.unreachable() } as never;
    expect(thrownBy(() => interval.create({ memory, capacity: 4, legacy })).code).toBe(
      'MMN_OPTION',
    );
    interval.create({ memory, capacity: 4 }).verify();
  });
});
