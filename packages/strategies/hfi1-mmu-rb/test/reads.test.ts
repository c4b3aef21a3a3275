/** What a set-up, a registration and the end of an address space promise. */
import { describe, expect, it } from 'vitest';
import { hfi1MmuRb } from '../src/index.ts';
import { begin, codeFrom, isPending, kinds, map, now, publish, settled, World } from './world.ts';

const fixed = kinds.filter(({ variant }) => variant.startsWith('fixed'));

describe.each(kinds)('a set-up, $variant with $index', (kind) => {
  it('[R3] publishes when no section came in between, or only elsewhere', () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    world.invalidate(10, 20);
    expect(subscription.checkRetry(seq)).toBe(false);
    expect(publish(subscription, seq)).toBe(true);
    expect(publish(subscription, seq)).toBe(true); // two set-ups of one buffer
    expect(world.mmuRb.pinned).toBe(1);
    world.notifier.verify();
  });

  it('is not in the way of others while its pages are being programmed', async () => {
    const world = new World(kind);
    const [first, second] = [world.recorder(0, 10), world.recorder(20, 30)];
    const programmed = Promise.withResolvers<void>();
    const published = first.subscription.publish(
      begin(first.subscription),
      () => programmed.promise,
    );
    map(second.subscription);
    world.invalidate(20, 30);
    programmed.resolve();
    expect(await published).toBe(true);
  });
});

describe.each(fixed)('a set-up, $variant with $index', (kind) => {
  it('[R1] waits in readBegin while a section that hits the buffer is open, and not for others', async () => {
    const world = new World(kind);
    const [hit, other] = [world.recorder(0, 10), world.recorder(20, 30)];
    const end = world.start(0, 10);
    const read = hit.subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    map(other.subscription);
    end();
    expect(publish(hit.subscription, await read)).toBe(true);
  });

  it('[R2] [S5] is refused when a section opened since, and while it is open', () => {
    const world = new World(kind);
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
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    end();
    const endAgain = world.start(0, 10);
    expect(publish(subscription, await read)).toBe(false);
    endAgain();
  });

  it('of a buffer that is registered inside of a section waits for its end', async () => {
    const world = new World(kind);
    const end = world.start(0, 10);
    const { subscription, calls } = world.recorder(0, 10);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
    expect(calls).toEqual([]);
  });
});

describe.each(kinds)('a registration, $variant with $index', (kind) => {
  it('[U1] may end inside of a section; then nobody is called, and its pages are unpinned', async () => {
    const world = new World(kind);
    const buffers = [
      await world.mapped(0, 10),
      await world.mapped(0, 10),
      await world.mapped(0, 10),
    ];
    const end = world.start(50, 60);
    now(buffers[0]!.subscription.close());
    now(buffers[2]!.subscription.close());
    world.invalidate(0, 10);
    end();
    await settled();
    expect(buffers.map(({ calls }) => calls.length)).toEqual([0, 1, 0]);
    expect(world.mmuRb.pinned).toBe(0);
    expect(await codeFrom(() => buffers[0]!.subscription.readBegin())).toBe('MMN_CLOSED');
    now(buffers[0]!.subscription.close());
    world.notifier.verify();
    await world.notifier.release();
    expect(buffers.map(({ ops }) => ops.releases)).toEqual([0, 1, 0]);
  });

  it('[U1] that ends during a set-up is not put back by it', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    const installed = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => installed.promise);
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    installed.resolve();
    await published;
    await closed;
    await settled();
    expect(world.mmuRb.pinned).toBe(0);
    world.notifier.verify();
  });

  it('may end and begin again many times, in the same words', async () => {
    const world = new World(kind);
    const { byteLength } = world.mmuRb.memory;
    for (let round = 0; round < 40; round++) {
      const { subscription, calls } = world.recorder(0, 10);
      map(subscription);
      await settled();
      world.invalidate(0, 10);
      await settled();
      expect(calls).toHaveLength(1);
      now(subscription.close());
    }
    await settled();
    expect(world.mmuRb.pinned).toBe(0);
    expect(world.mmuRb.memory.byteLength).toBe(byteLength);
    world.notifier.verify();
  });

  it('[L1] [HFI-3] is torn down once by a release, busy or not, and can be closed after it', async () => {
    const world = new World(kind);
    const { subscription, calls, ops } = world.recorder(0, 10);
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
    expect(world.mmuRb.pinned).toBe(0);
    now(subscription.close());
    world.notifier.verify();
  });
});

describe.each(fixed)('a release, $variant with $index', (kind) => {
  it('[L1] wakes a set-up that waits for a section', async () => {
    const world = new World(kind);
    const { subscription } = world.recorder(0, 10);
    world.start(0, 10);
    const read = subscription.readBegin();
    await world.notifier.release();
    expect(await codeFrom(() => read)).toBe('MMN_RELEASED');
  });
});

describe('v5.3', () => {
  it('[L1] the library has nothing to free after a release', async () => {
    const world = new World({ variant: 'v5.3' });
    const { subscription, calls } = world.recorder(0, 10);
    map(subscription);
    world.invalidate(0, 10);
    await world.notifier.release();
    await settled();
    expect(calls.map(({ event }) => event)).toEqual(['RELEASE']);
  });
});

function idsOf(variant: string): string[] {
  return hfi1MmuRb.traits(variant).knownRaces.map(({ id }) => id);
}

describe('the strategy', () => {
  it('[T1] tells every defect by its id, and has none left when fixed', () => {
    expect(idsOf('v5.3')).toEqual(['HFI-1', 'HFI-3', 'HFI-4']);
    expect(idsOf('v5.3-sdma')).toEqual(['HFI-1', 'HFI-2', 'HFI-3']);
    expect([...idsOf('fixed'), ...idsOf('fixed-sdma')]).toEqual([]);
    expect(hfi1MmuRb.variants.map((variant) => hfi1MmuRb.traits(variant).correct)).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect(hfi1MmuRb.takesIndex).toBe(true);
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
