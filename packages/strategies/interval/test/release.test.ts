/** The address space dies. */
import { addressMax } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { rejectionOf, thrownBy } from './thrown.ts';
import {
  begin,
  eventLoopTurns,
  gate,
  isPending,
  kinds,
  places,
  now,
  publish,
  Recorder,
  World,
} from './world.ts';

const range = { start: 0, end: 10 };
const whole = { start: 0, end: addressMax, event: 'RELEASE', blockable: true };

const never = (): Promise<void> => new Promise(() => {});

describe.each(places)('release in %s', (kind) => {
  it('[L1] [K-S5] tells every subscription once, blockable, over the whole space', async () => {
    const world = new World(kind);
    const recorders = [
      world.recorder(0, 1),
      world.recorder(5, 50, { cookie: 9 }),
      world.recorder(addressMax - 1, addressMax),
    ];
    await world.notifier.release();
    for (const [i, { calls }] of recorders.entries()) {
      expect(calls).toEqual([{ ...whole, cookie: i === 1 ? 9 : 0 }]);
    }
    world.verify();
  });

  it('[L1] runs invalidate of all, then finish and release of each', async () => {
    const world = new World(kind);
    const order: string[] = [];
    for (const name of ['a', 'b']) {
      world.subscribe(0, 10, {
        invalidate: () => void order.push(`invalidate ${name}`),
        finish: () => void order.push(`finish ${name}`),
        release: () => void order.push(`release ${name}`),
      });
    }
    await world.notifier.release();
    expect(order).toEqual([
      'invalidate a',
      'invalidate b',
      'finish a',
      'release a',
      'finish b',
      'release b',
    ]);
  });

  it('[L1] then every call that needs a living address space throws; closing does not', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const prepared = world.notifier.prepare(world.opsFor(new Recorder()));
    const seq = begin(subscription);
    await world.notifier.release();
    for (const act of [
      () => world.subscribe(0, 10),
      () => prepared.insert({ start: 0, end: 10 }),
      () => subscription.readBegin(),
      () => subscription.readBeginSync(),
      () => subscription.publish(seq, () => expect.unreachable()),
      () => subscription.publishSync(seq, () => expect.unreachable()),
      () => world.notifier.releaseSync(),
    ]) {
      expect(thrownBy(act)).toMatchObject({
        code: 'MMN_RELEASED',
        message: 'expected an address space in use, got a released one',
      });
    }
    expect((await rejectionOf(() => world.notifier.release())).code).toBe('MMN_RELEASED');
    expect(subscription.checkRetry(seq)).toBe(true);
    now(subscription.close());
    now(prepared.close());
    world.verify();
  });

  it('[L1] sections stay legal afterwards and still call, but make nothing readable again', async () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    await world.notifier.release();
    world.start(0, addressMax, 'UNMAP')();
    now(
      world.notifier.invalidateRangeEnd(
        world.notifier.tryInvalidateRangeStart({ start: 0, end: 5 })!,
      ),
    );
    expect(calls.map(({ event }) => event)).toEqual(['RELEASE', 'UNMAP', 'CLEAR']);
    expect(thrownBy(() => subscription.readBegin()).code).toBe('MMN_RELEASED');
    now(subscription.close());
    world.invalidate(0, 10);
    expect(calls).toHaveLength(3);
    world.verify();
  });

  it('[L1] a section of a caller’s own with the event RELEASE releases nothing', () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    world.start(0, 10, 'RELEASE')();
    expect(calls).toHaveLength(1);
    expect(publish(subscription, seq)).toBe(false);
    expect(publish(subscription, begin(subscription))).toBe(true);
    expect(world.subscribe(0, 10).isOpen).toBe(true);
  });

  it('[L1] a read that began before it is not published after it, nor one that waits through it', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(0, 10);
    const waiting = subscription.readBegin();
    const released = world.notifier.release();
    expect(thrownBy(() => subscription.publish(seq, () => {})).code).toBe('MMN_RELEASED');
    const late = rejectionOf(async () => subscription.publish(await waiting, () => {}));
    end();
    await released;
    expect((await late).code).toBe('MMN_RELEASED');
  });

  it('[L1] [U1] closing while it runs waits for it', async () => {
    const world = new World(kind);
    const opened = gate();
    const { ops, calls } = world.recorder(0, 10);
    ops.act = () => opened.promise;
    const behind = world.recorder(0, 30);
    const end = world.start(20, 30);
    const inserting = world.recorder(0, 10);
    const released = world.notifier.release();
    const closed = [behind.subscription.close(), inserting.subscription.close()];
    expect(await isPending(closed[0])).toBe(true);
    expect(await isPending(closed[1])).toBe(true);
    opened.open();
    await released;
    end();
    await Promise.all(closed);
    expect(calls).toMatchObject([whole]);
    expect(behind.calls.map(({ event }) => event)).toEqual(['CLEAR', 'RELEASE']);
    expect(inserting.calls).toMatchObject([whole]);
    world.verify();
  });

  it('[U2] in a callback is refused', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    const codes: unknown[] = [];
    ops.act = async () => {
      codes.push(thrownBy(() => world.notifier.releaseSync()).code);
      codes.push((await rejectionOf(() => world.notifier.release())).code);
    };
    now(world.notifier.invalidateRangeEnd(await world.notifier.invalidateRangeStart(range)));
    expect(codes).toEqual(['MMN_IN_CALLBACK', 'MMN_IN_CALLBACK']);
    expect(publish(subscription, begin(subscription))).toBe(true);
  });

  it('[E1] goes on when callbacks throw, reject and refuse, and tells the first', async () => {
    const world = new World(kind);
    const reason = new Error('broken');
    const acts = [
      () => Promise.reject(reason),
      () => {
        throw new Error('not the first');
      },
      () => false,
      () => undefined,
    ];
    const recorders = acts.map((act) => {
      const recorder = world.recorder(0, 10);
      recorder.ops.act = act;
      return recorder;
    });
    let releases = 0;
    world.subscribe(0, 10, {
      invalidate: () => {},
      finish: () => {
        throw new Error('not the first');
      },
      release: () => {
        releases++;
        return Promise.reject(new Error('not the first'));
      },
    });
    const failed = await rejectionOf(() => world.notifier.release());
    expect(failed).toMatchObject({ code: 'MMN_CALLBACK_FAILED', cause: reason });
    expect(recorders.map(({ calls }) => calls.length)).toEqual([1, 1, 1, 1]);
    expect(releases).toBe(1);
    expect(world.active).toBe(0);
    for (const { subscription } of recorders) {
      expect(thrownBy(() => subscription.readBegin()).code).toBe('MMN_RELEASED');
      now(subscription.close());
    }
    world.verify();
  });

  it.each(['invalidate', 'finish', 'release'] as const)(
    'aborted over an %s that never settles still releases, and calls whom it can',
    async (pass) => {
      const world = new World(kind);
      const controller = new AbortController();
      const reason = new Error('enough');
      const stuck = world.subscribe(0, 10, { invalidate: () => {}, [pass]: never });
      const { calls, subscription } = world.recorder(0, 10);
      const released = world.notifier.release(controller.signal);
      expect(await isPending(released)).toBe(true);
      controller.abort(reason);
      await expect(released).rejects.toBe(reason);
      expect(calls).toHaveLength(1);
      for (const one of [stuck, subscription]) {
        expect(thrownBy(() => one.readBegin()).code).toBe('MMN_RELEASED');
      }
      expect(world.active).toBe(0);
      world.invalidate(20, 30);
      now(subscription.close());
      world.verify();
    },
  );

  it('[E1] fails when a callback refuses it, and releases all the same', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = () => false;
    expect((await rejectionOf(() => world.notifier.release())).code).toBe('MMN_CALLBACK_REFUSED');
    expect(thrownBy(() => subscription.readBegin()).code).toBe('MMN_RELEASED');
  });

  it('[L1] refused, since it was before, it gives its handle of a section back', () => {
    const world = new World(kind);
    world.notifier.releaseSync();
    for (let open = 1; open < 2 ** 15; open++) world.start(20, 30);
    expect(thrownBy(() => world.notifier.releaseSync()).code).toBe('MMN_RELEASED');
    world.invalidate(0, 10);
    world.verify();
  });

  it('releaseSync does the same at once', () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    world.notifier.releaseSync();
    expect(calls).toMatchObject([whole]);
    expect(thrownBy(() => subscription.readBegin()).code).toBe('MMN_RELEASED');
    world.verify();
  });

  it('refused for want of a section’s slot it leaves the address space alive', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const ends: (() => void)[] = [];
    for (;;) {
      try {
        ends.push(world.start(20, 30));
      } catch {
        break;
      }
    }
    expect(ends).toHaveLength(2 ** 15);
    expect((await rejectionOf(() => world.notifier.release())).code).toBe('MMN_OUT_OF_CAPACITY');
    for (const end of ends) end();
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.verify();
    await world.notifier.release();
    await eventLoopTurns();
    world.verify();
  });
});

describe.each(kinds)('release in %s', (kind) => {
  it('[L1] tells those too that are deferred: inserting ones, and closing ones until they have closed', async () => {
    const world = new World(kind);
    const closing = world.recorder(0, 10);
    const end = world.start(0, 10);
    const inserting = world.recorder(0, 10);
    const cancelled = world.recorder(0, 10);
    const closed = closing.subscription.close();
    now(cancelled.subscription.close());
    await world.notifier.release();
    expect(closing.calls.map(({ event }) => event)).toEqual(['CLEAR', 'RELEASE']);
    expect(inserting.calls.map(({ event }) => event)).toEqual(['RELEASE']);
    expect(cancelled.calls).toEqual([]);
    world.verify();
    end();
    await closed;
    expect(thrownBy(() => inserting.subscription.readBegin()).code).toBe('MMN_RELEASED');
    world.verify();
  });

  it('[L1] whom it has told begins no read and publishes nothing, while it tells the others', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const { promise, open } = gate();
    world.recorder(0, 10).ops.act = () => promise;
    const seq = begin(subscription);
    const released = world.notifier.release();
    for (const act of [
      () => subscription.readBegin(),
      () => subscription.publish(seq, () => {}),
      () => subscription.publishSync(seq, () => {}),
    ]) {
      expect(thrownBy(act).code).toBe('MMN_RELEASED');
    }
    open();
    await released;
    world.verify();
  });
});
