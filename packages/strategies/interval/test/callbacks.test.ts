/** Callbacks that misbehave: in a section, whoever is to blame, the notifier stays usable and its invalidator hears of it. */
import { describe, expect, it } from 'vitest';
import { rejectionOf, thrownBy } from './thrown.ts';
import { begin, eventLoopTurns, gate, isPending, places, now, publish, World } from './world.ts';

const range = { start: 0, end: 10 };

/** A callback that takes a while. */
const slow = async (): Promise<void> => eventLoopTurns(1);

describe.each(places)('a callback in %s', (kind) => {
  it('[E1] that throws is told on with its reason, the others run, and the section is ended', () => {
    const world = new World(kind);
    const [before, throwing, after] = [0, 1, 2].map((start) => world.recorder(start, 10));
    const reason = new TypeError('broken');
    throwing!.ops.act = () => {
      throw reason;
    };
    for (const form of [
      () => world.notifier.invalidateRangeStart(range),
      () => world.notifier.invalidateRangeStartSync(range),
      () => world.notifier.tryInvalidateRangeStart(range),
    ]) {
      expect(thrownBy(form)).toEqual({
        code: 'MMN_CALLBACK_FAILED',
        message: 'expected the callback to return, got TypeError: broken',
        cause: reason,
      });
      expect(world.active).toBe(0);
    }
    expect([before, throwing, after].map((one) => one!.calls.length)).toEqual([3, 3, 3]);
    for (const one of [before, throwing, after]) {
      expect(publish(one!.subscription, begin(one!.subscription))).toBe(true);
    }
    now(throwing!.subscription.close());
    world.invalidate(0, 10);
    world.verify();
  });

  it('[E1] that rejects, the same; the first of several reasons is the cause', async () => {
    const world = new World(kind);
    const reasons = [new Error('first'), new Error('second'), new Error('third')];
    const recorders = reasons.map((reason, i) => {
      const recorder = world.recorder(i, 10);
      recorder.ops.act = async () => {
        await undefined;
        throw reason;
      };
      return recorder;
    });
    const failed = await rejectionOf(() => world.notifier.invalidateRangeStart(range));
    expect(failed).toMatchObject({ code: 'MMN_CALLBACK_FAILED', cause: reasons[0] });
    expect(recorders.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
    expect(world.active).toBe(0);
    world.verify();
  });

  it('[E1] that throws after one that slept, and one that sleeps after one that threw', async () => {
    const world = new World(kind);
    const reason = new Error('broken');
    const failing = (): never => {
      throw reason;
    };
    for (const acts of [
      [slow, failing, slow],
      [failing, slow, failing],
      [slow, slow, failing],
    ]) {
      const recorders = acts.map((act, i) => {
        const recorder = world.recorder(i, 10);
        recorder.ops.act = act;
        return recorder;
      });
      expect((await rejectionOf(() => world.notifier.invalidateRangeStart(range))).cause).toBe(
        reason,
      );
      expect(recorders.map(({ calls }) => calls.length)).toEqual([1, 1, 1]);
      for (const { subscription } of recorders) now(subscription.close());
      world.verify();
    }
  });

  it.each([undefined, null, 0, 'text', { plain: 'object' }])(
    '[E1] may throw %s, which is no error, too',
    (thrown) => {
      const world = new World(kind);
      const { ops } = world.recorder(0, 10);
      ops.act = () => {
        throw thrown;
      };
      expect(thrownBy(() => world.start(0, 10))).toMatchObject({
        code: 'MMN_CALLBACK_FAILED',
        message: `expected the callback to return, got ${String(thrown)}`,
        cause: thrown,
      });
      world.verify();
    },
  );

  it('that never settles keeps its start waiting until the signal aborts; everybody else goes on', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    const after = world.recorder(5, 10);
    const other = world.recorder(100, 200);
    ops.act = () => new Promise(() => {});
    const controller = new AbortController();
    const reason = new Error('enough');
    const started = world.notifier.invalidateRangeStart(range, controller.signal);
    expect(await isPending(started)).toBe(true);
    world.invalidate(100, 200);
    const read = other.subscription.readBegin();
    // In words, the epoch is one for the whole address space.
    expect(read instanceof Promise && (await isPending(read))).toBe(kind !== 'objects');
    controller.abort(reason);
    await expect(started).rejects.toBe(reason);
    expect(publish(other.subscription, await read)).toBe(true);
    expect(after.calls).toEqual([]);
    expect(world.active).toBe(0);
    world.verify();
    // Its own lock is held for ever: non-blockable sections say so, others and closing wait as long as they like.
    expect(world.notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    const again = new AbortController();
    const stuck = [
      world.notifier.invalidateRangeStart({ start: 0, end: 1 }, again.signal),
      subscription.publish(begin(other.subscription), () => {}, again.signal),
    ];
    again.abort(reason);
    for (const one of stuck) await expect(one).rejects.toBe(reason);
    await expect(subscription.close(again.signal)).rejects.toBe(reason);
    world.invalidate(100, 200);
    now(after.subscription.close());
    now(other.subscription.close());
    world.verify();
  });

  it('that settles after its start was given up lets go of its lock then', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    for (const settle of ['open', 'fail'] as const) {
      const callback = gate();
      ops.act = () => callback.promise;
      const controller = new AbortController();
      const started = world.notifier.invalidateRangeStart(range, controller.signal);
      controller.abort(new Error('enough'));
      await expect(started).rejects.toThrow('enough');
      const published = subscription.publish(begin(subscription), () => {});
      expect(await isPending(published)).toBe(true);
      if (settle === 'open') callback.open();
      else callback.fail(new Error('nobody hears this'));
      expect(await published).toBe(true);
      world.verify();
    }
  });

  it('of a start whose signal has aborted already is called if nothing has to be waited for', async () => {
    const world = new World(kind);
    const { calls, ops } = world.recorder(0, 10);
    const signal = AbortSignal.abort(new Error('before'));
    const invalidation = now(world.notifier.invalidateRangeStart(range, signal));
    expect(calls).toHaveLength(1);
    now(world.notifier.invalidateRangeEnd(invalidation));
    ops.act = () => eventLoopTurns(1);
    await expect(world.notifier.invalidateRangeStart(range, signal)).rejects.toThrow('before');
    await eventLoopTurns();
    world.verify();
  });

  it('that returns a promise in a …Sync section is refused, the others run, and its lock is let go', () => {
    const world = new World(kind);
    const [asynchronous, after] = [world.recorder(0, 10), world.recorder(5, 10)];
    asynchronous.ops.act = async () => {};
    expect(thrownBy(() => world.notifier.invalidateRangeStartSync(range))).toMatchObject({
      code: 'MMN_CALLBACK_ASYNC',
    });
    expect(after.calls).toHaveLength(1);
    expect(asynchronous.subscription.lock.tryLock()).toBe(true);
    asynchronous.subscription.lock.unlock();
    world.verify();
  });

  it.each([0, null, 'text', new Map()])(
    'that returns %s, which is no promise, is over',
    (value) => {
      const world = new World(kind);
      const { calls, ops } = world.recorder(0, 10);
      ops.act = () => value as never;
      const { notifier } = world;
      world.invalidate(0, 10);
      notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(range));
      notifier.invalidateRangeEndSync(notifier.tryInvalidateRangeStart(range)!);
      expect(calls).toHaveLength(3);
      world.verify();
    },
  );

  it('may open and close sections of its own, elsewhere', () => {
    const world = new World(kind);
    const inner = world.recorder(100, 200);
    const { ops } = world.recorder(0, 10);
    ops.act = () => world.invalidate(150, 160);
    world.invalidate(0, 10);
    expect(inner.calls).toHaveLength(1);
    world.verify();
  });

  it('is called with its ops as `this`', () => {
    const world = new World(kind);
    const seen: unknown[] = [];
    const ops = {
      invalidate() {
        seen.push(this);
      },
      finish() {
        seen.push(this);
      },
    };
    world.subscribe(0, 10, ops);
    world.invalidate(0, 10);
    expect(seen).toEqual([ops, ops]);
  });
});
