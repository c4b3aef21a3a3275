/** The address space dies. */
import { addressMax, type Invalidation } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { begin, codeOfCall, errorOf, isPending, kinds, now, publish, World } from './world.ts';

/** A callback that throws. */
function fail(text: string): () => never {
  return () => {
    throw new Error(text);
  };
}

const never = (): Promise<void> => new Promise(() => {});

describe.each(kinds)('release in %s', (kind) => {
  it('[L1] [K-S5] tells every subscription once, blockable, over the whole space', async () => {
    const world = new World(kind);
    const spans = [
      [0, 1],
      [5, 50],
      [addressMax - 1, addressMax],
    ] as const;
    const recorders = spans.map(([start, end], cookie) => world.recorder(start, end, { cookie }));
    await world.notifier.release();
    const whole = { start: 0, end: addressMax, event: 'RELEASE', blockable: true };
    for (const [cookie, { calls }] of recorders.entries()) {
      expect(calls).toEqual([{ ...whole, owner: undefined, cookie }]);
    }
    world.notifier.verify();
  });

  it('[L1] runs every invalidate, then every finish, then every release, in either form', () => {
    const world = new World(kind);
    const order: string[] = [];
    for (const name of ['a', 'b']) {
      world.subscribe(0, 10, {
        invalidate: () => void order.push(`invalidate ${name}`),
        finish: () => void order.push(`finish ${name}`),
        release: () => void order.push(`release ${name}`),
      });
    }
    world.notifier.releaseSync();
    const passes = ['invalidate', 'finish', 'release'];
    expect(order).toEqual(passes.flatMap((pass) => [`${pass} a`, `${pass} b`]));
  });

  it('[L1] then every call that needs a living address space throws; closing does not', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    await world.notifier.release();
    const forms = [
      () => world.subscribe(0, 10),
      () => subscription.readBegin(),
      () => subscription.readBeginSync(),
      () => subscription.publish(seq, () => expect.unreachable()),
      () => subscription.publishSync(seq, () => expect.unreachable()),
      () => world.notifier.release(),
      () => world.notifier.releaseSync(),
    ];
    // Twice: the first refusal must not keep the driver's lock.
    for (const form of [...forms, ...forms]) {
      expect(await errorOf(form)).toMatchObject({
        code: 'MMN_RELEASED',
        message: 'expected an address space in use, got a released one',
      });
    }
    expect(subscription.checkRetry(seq)).toBe(true);
    now(subscription.close());
  });

  it('[L1] sections stay legal afterwards and still call, but make nothing readable', async () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    await world.notifier.release();
    world.start(0, addressMax, { event: 'UNMAP' })();
    world.tryStart(0, 5)!();
    expect(calls.map(({ event }) => event)).toEqual(['RELEASE', 'UNMAP', 'CLEAR']);
    expect(codeOfCall(() => subscription.readBegin())).toBe('MMN_RELEASED');
    now(subscription.close());
    world.invalidate(0, 10);
    expect(calls).toHaveLength(3);
  });

  it('[L1] a section of a caller’s own with the event RELEASE releases nothing', () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    world.start(0, 10, { event: 'RELEASE' })();
    expect(calls).toHaveLength(1);
    world.expectUsable(subscription);
  });

  it('[L1] a read that waits through it is told, and none from before is published', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    const released = world.notifier.release();
    expect(codeOfCall(() => subscription.publish(seq, () => {}))).toBe('MMN_RELEASED');
    end();
    await released;
    expect((await errorOf(() => read)).code).toBe('MMN_RELEASED');
  });

  it.each(['invalidate', 'finish', 'release'] as const)(
    '[L1] [U1] closing while its %s sleeps waits for it',
    async (pass) => {
      const world = new World(kind);
      const { promise, resolve } = Promise.withResolvers<void>();
      world.subscribe(0, 10, { invalidate: () => {}, [pass]: () => promise });
      let releases = 0;
      const behind = world.subscribe(0, 10, {
        invalidate: () => {},
        release: () => void releases++,
      });
      const released = world.notifier.release();
      const closed = behind.close();
      expect(await isPending(closed)).toBe(true);
      expect(releases).toBe(0);
      resolve();
      await closed;
      expect(releases).toBe(1);
      await released;
      world.notifier.verify();
    },
  );

  it('[U2] in a callback is refused', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    const codes: unknown[] = [];
    ops.act = async () => {
      codes.push(codeOfCall(() => world.notifier.releaseSync()));
      codes.push((await errorOf(() => world.notifier.release())).code);
    };
    (await world.startLater(0, 10))();
    expect(codes[0]).toBe('MMN_IN_CALLBACK');
    ops.act = () => undefined;
    world.expectUsable(subscription);
  });

  it('[E1] goes on when callbacks throw, reject and refuse, and tells the first', async () => {
    const world = new World(kind);
    const reason = new Error('broken');
    const acts = [() => Promise.reject(reason), fail('second'), () => false, () => undefined];
    const recorders = acts.map((act) => {
      const recorder = world.recorder(0, 10);
      recorder.ops.act = act;
      return recorder;
    });
    let releases = 0;
    const release = (): Promise<void> => {
      releases++;
      return Promise.reject(new Error('and this'));
    };
    world.subscribe(0, 10, { invalidate: () => {}, finish: fail('third'), release });
    const error = await errorOf(() => world.notifier.release());
    expect(error).toMatchObject({ code: 'MMN_CALLBACK_FAILED', cause: reason });
    expect([...recorders.map(({ calls }) => calls.length), releases]).toEqual([1, 1, 1, 1, 1]);
    for (const { subscription } of recorders) {
      expect(codeOfCall(() => subscription.readBegin())).toBe('MMN_RELEASED');
      now(subscription.close());
    }
    world.notifier.verify();
  });

  it('[N5] tells of a callback that refused', async () => {
    const world = new World(kind);
    world.subscribe(0, 10, { invalidate: () => false });
    expect((await errorOf(() => world.notifier.release())).code).toBe('MMN_CALLBACK_REFUSED');
  });

  it.each(['invalidate', 'finish', 'release'] as const)(
    'aborted over one’s %s that never settles still releases, and calls whom it can',
    async (pass) => {
      const world = new World(kind);
      const controller = new AbortController();
      const stuck = world.subscribe(0, 10, { invalidate: () => {}, [pass]: never });
      const { calls, subscription } = world.recorder(0, 10);
      const released = world.notifier.release(controller.signal);
      expect(await isPending(released)).toBe(true);
      controller.abort();
      await expect(released).rejects.toBe(controller.signal.reason);
      expect(calls).toHaveLength(1);
      for (const each of [stuck, subscription]) {
        expect(codeOfCall(() => each.readBegin())).toBe('MMN_RELEASED');
      }
      world.invalidate(20, 30);
      now(subscription.close());
    },
  );

  it('refused for want of a section’s slot leaves the address space alive', async () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    const { notifier } = world;
    const open: Invalidation[] = [];
    const start = (): number =>
      open.push(now(notifier.invalidateRangeStart({ start: 20, end: 30 })));
    while (codeOfCall(start) === undefined);
    expect((await errorOf(() => notifier.release())).code).toBe('MMN_OUT_OF_CAPACITY');
    for (const section of open) now(notifier.invalidateRangeEnd(section));
    expect(calls).toEqual([]);
    expect(publish(subscription, begin(subscription))).toBe(true);
    await world.notifier.release();
    expect(calls).toHaveLength(1);
  });
});
