/** What a copy, a registration and the end of an address space promise. */
import { describe, expect, it } from 'vitest';
import { scifDma } from '../src/index.ts';
import { cachePagesMax } from '../src/endpoint.ts';
import { begin, codeFrom, copy, isPending, large, now, publish, settled, World } from './world.ts';

const half = (cachePagesMax * 4096) / 2;

describe.each(scifDma.variants)('a copy, %s', (variant) => {
  it('[R3] is made when no section came in between, or only elsewhere', () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    world.invalidate(10, 20);
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(true);
    world.notifier.verify();
  });

  it('holds up the others of its endpoint, but no section', async () => {
    const world = new World({ variant });
    const [first, second] = [world.recorder(0, 10), world.recorder(20, 30)];
    const sent = Promise.withResolvers<void>();
    const published = first.subscription.publish(begin(first.subscription), () => sent.promise);
    const behind = second.subscription.publish(begin(second.subscription), () => {});
    expect(await isPending(behind)).toBe(true);
    world.invalidate(20, 30);
    sent.resolve();
    expect(await published).toBe(true);
    expect(await behind).toBe(variant !== 'fixed');
  });
});

describe('a copy, fixed', () => {
  const variant = 'fixed';

  it('[R1] waits in readBegin while a section that hits the buffer is open, and not for others', async () => {
    const world = new World({ variant });
    const [hit, other] = [world.recorder(0, 10), world.recorder(20, 30)];
    const end = world.start(0, 10);
    const read = hit.subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    copy(other.subscription);
    end();
    expect(publish(hit.subscription, await read)).toBe(true);
  });

  it('[R2] [S5] is refused when a section opened since, and while it is open', () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(9, 10);
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
    end();
    expect(subscription.checkRetry(seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(false);
  });

  it('[R5] returns after one closing, even if another section opened', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    end();
    const endAgain = world.start(0, 10);
    expect(publish(subscription, await read)).toBe(false);
    endAgain();
  });

  it('of a buffer that is registered inside of a section waits for its end', async () => {
    const world = new World({ variant });
    const end = world.start(0, 10);
    const { subscription, calls } = world.recorder(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
    expect(calls).toEqual([]);
  });

  it('that is not cached is torn down by the worker, each time', async () => {
    const world = new World({ variant });
    const { calls, subscription } = world.copied(0, large);
    for (let round = 1; round <= 3; round++) {
      await settled();
      expect(calls).toHaveLength(round);
      copy(subscription);
    }
  });

  it('that is not cached may be hit by a section until the worker comes, and is torn down by either', async () => {
    const world = new World({ variant });
    const { calls } = world.copied(0, large);
    expect(world.endpoint.cachedPages).toBe(0);
    world.start(0, 1, 'UNMAP')();
    expect(calls.map(({ event }) => event)).toEqual(['UNMAP']);
    await settled();
    expect(calls.map(({ event }) => event)).toEqual(['UNMAP', 'CLEAR']);
    world.notifier.verify();
  });
});

describe.each(['fixed', 'cached'])('a full cache, %s', (variant) => {
  it('makes room for a copy by giving up what others have in it', async () => {
    const world = new World({ variant });
    const [first, second] = [world.copied(0, half), world.copied(2 * half, 3 * half)];
    const idle = world.recorder(6 * half, 7 * half);
    await settled();
    expect(first.calls).toEqual([]); // there is room for both
    expect(world.endpoint.cachedPages).toBe(cachePagesMax);
    copy(second.subscription); // has its place already, and no room is left for another
    const third = world.copied(4 * half, 4 * half + 4096);
    await settled();
    expect([first, second, third, idle].map(({ calls }) => calls.length)).toEqual([1, 1, 0, 0]);
    expect(world.endpoint.cachedPages).toBe(1);
    copy(first.subscription);
    await settled();
    expect(third.calls).toEqual([]);
    expect(world.endpoint.cachedPages).toBe(cachePagesMax / 2 + 1);
    world.notifier.verify();
  });

  it('spares the window that the copy itself goes through', async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.copied(0, half + 4096);
    copy(subscription);
    await settled();
    expect(calls).toEqual([]);
  });

  it('is found by sections until it is given up', async () => {
    const world = new World({ variant });
    const { calls } = world.copied(0, 2 * half);
    world.copied(4 * half, 4 * half + 4096);
    world.start(0, 1, 'UNMAP')();
    expect(calls.map(({ event }) => event)).toEqual(['UNMAP']);
    await settled();
    expect(world.endpoint.cachedPages).toBe(1);
    world.notifier.verify();
  });

  it('[N5] a subscriber that would not give up its own is told on', async () => {
    const runs: (() => unknown)[] = [];
    const world = new World({ variant, defer: (run) => void runs.push(run) });
    const { ops } = world.copied(0, 2 * half);
    ops.act = () => false;
    world.copied(4 * half, 4 * half + 4096);
    expect(await codeFrom(() => runs[0]!())).toBe('MMN_CALLBACK_REFUSED');
    expect(world.endpoint.rmaLock.isLocked).toBe(false);
  });
});

describe.each(scifDma.variants)('a registration, %s', (variant) => {
  const unit = variant === 'v5.3' ? large : 4096;

  it('[U1] may end inside of a section; then nobody is called', async () => {
    const world = new World({ variant });
    const buffers = [0, 2, 4].map((at) => world.copied(at * unit, (at + 1) * unit));
    const end = world.start(50 * unit, 60 * unit);
    now(buffers[0]!.subscription.close());
    now(buffers[2]!.subscription.close());
    world.invalidate(0, 10 * unit);
    end();
    await settled();
    expect(buffers.map(({ calls }) => calls.length)).toEqual([0, 1, 0]);
    expect(world.endpoint.cachedPages).toBe(0);
    expect(await codeFrom(() => buffers[0]!.subscription.readBegin())).toBe('MMN_CLOSED');
    now(buffers[0]!.subscription.close());
    world.notifier.verify();
    await world.notifier.release();
    expect(buffers.map(({ ops }) => ops.releases)).toEqual([0, 1, 0]);
  });

  it('[U1] may end while the worker is about to tear it down', async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.copied(0, variant === 'v5.3' ? 4096 : large);
    now(subscription.close());
    await settled();
    expect(calls).toEqual([]);
  });

  it('[U1] that ends during a copy is not put back by it', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, unit);
    const installed = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => installed.promise);
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    installed.resolve();
    await published;
    await closed;
    await settled();
    expect(world.endpoint.cachedPages).toBe(0);
    world.notifier.verify();
  });

  it('[U1] that ends waits for its copies that wait for others, and refuses them', async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, unit);
    const other = world.recorder(2 * unit, 3 * unit);
    const sent = Promise.withResolvers<void>();
    const first = other.subscription.publish(begin(other.subscription), () => sent.promise);
    const behind = codeFrom(() => subscription.publish(begin(subscription), () => {}));
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    sent.resolve();
    expect(await first).toBe(true);
    expect(await behind).toBe('MMN_CLOSED');
    await closed;
    expect(world.endpoint.rmaLock.isLocked).toBe(false);
    world.notifier.verify();
  });

  it('may end and begin again many times, in the same words', async () => {
    const world = new World({ variant });
    const { byteLength } = world.endpoint.memory;
    for (let round = 0; round < 40; round++) {
      const { subscription, calls } = world.copied(0, unit);
      world.invalidate(0, unit);
      expect(calls).toHaveLength(1);
      now(subscription.close());
    }
    await settled();
    expect(world.endpoint.cachedPages).toBe(0);
    expect(world.endpoint.memory.byteLength).toBe(byteLength);
    expect(world.endpoint.list.all).toEqual([]);
    world.notifier.verify();
  });

  it.each([4096, large])(
    '[L1] of %i bytes is torn down once by a release, and can be closed after it',
    async (bytes) => {
      const world = new World({ variant });
      const { subscription, calls, ops } = world.recorder(0, bytes);
      const seq = begin(subscription);
      expect(publish(subscription, seq)).toBe(true);
      now(await world.notifier.release());
      expect(calls.map(({ event }) => event)).toEqual(['RELEASE']);
      expect(ops.releases).toBe(1);
      for (const act of [
        () => subscription.readBegin(),
        () => subscription.publish(seq, () => {}),
        () => world.notifier.subscribe({ start: 0, end: 1 }, ops),
        () => world.notifier.release(),
      ]) {
        expect(await codeFrom(act)).toBe('MMN_RELEASED');
      }
      world.invalidate(0, 10);
      await settled();
      expect(calls).toHaveLength(1);
      now(subscription.close());
      world.notifier.verify();
    },
  );
});

describe('a release, fixed', () => {
  it('[L1] wakes a copy that waits for a section', async () => {
    const world = new World({ variant: 'fixed' });
    const { subscription } = world.recorder(0, 10);
    world.start(0, 10);
    const read = subscription.readBegin();
    await world.notifier.release();
    expect(await codeFrom(() => read)).toBe('MMN_RELEASED');
  });
});

function idsOf(variant: string): string[] {
  return scifDma.traits(variant).knownRaces.map(({ id }) => id);
}

describe('the strategy', () => {
  it('[T1] tells every defect by its id, and has none left when fixed', () => {
    expect(idsOf('v5.3')).toEqual(['SCIF-1', 'SCIF-2', 'SCIF-3', 'SCIF-4', 'SCIF-5']);
    expect(idsOf('cached')).toEqual(['SCIF-1', 'SCIF-3', 'SCIF-4', 'SCIF-5']);
    expect(idsOf('fixed')).toEqual([]);
    expect(scifDma.variants.map((variant) => scifDma.traits(variant).correct)).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('refuses what it does not have', async () => {
    expect(await codeFrom(() => new World({ variant: 'v1' }))).toBe('MMN_OPTION');
    const memory = new SharedArrayBuffer(1 << 16);
    expect(await codeFrom(() => new World({ memory }))).toBe('MMN_OPTION');
  });

  it('blocks nobody in a …Sync form: it says that it would', async () => {
    const world = new World({ variant: 'fixed' });
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    expect(await codeFrom(() => subscription.readBeginSync())).toBe('MMN_WOULD_BLOCK');
    end();
    expect(subscription.publishSync(subscription.readBeginSync(), () => {})).toBe(true);
    subscription.closeSync();
  });
});
