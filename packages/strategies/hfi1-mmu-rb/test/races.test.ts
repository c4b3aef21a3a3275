/** The defects, each shown in the variants that have it and absent in the others. HFI-3 cannot be shown: see the README. */
import { describe, expect, it } from 'vitest';
import { begin, codeFrom, isPending, map, now, publish, settled, World } from './world.ts';

const receive = [
  { variant: 'v5.3', isFaithful: true },
  { variant: 'fixed', isFaithful: false },
] as const;
const sdma = [
  { variant: 'v5.3-sdma', isFaithful: true },
  { variant: 'fixed-sdma', isFaithful: false },
] as const;

describe.each([...receive, ...sdma])('$variant', ({ variant, isFaithful }) => {
  it(`[HFI-1] ${isFaithful ? 'publishes' : 'refuses'} what was pinned before a section that found nothing`, async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const seq = begin(subscription); // and pins
    world.invalidate(0, 10);
    expect(subscription.checkRetry(seq)).toBe(!isFaithful);
    expect(publish(subscription, seq)).toBe(isFaithful);
    await settled();
    expect(calls.length).toBe(isFaithful ? 0 : 1);
  });

  it(`[HFI-1] ${isFaithful ? 'publishes' : 'refuses'} what was pinned inside of a section`, () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    const end = world.start(0, 10);
    expect(publish(subscription, seq)).toBe(isFaithful);
    end();
    expect(publish(subscription, seq)).toBe(isFaithful);
  });

  it(`[HFI-1] a section ${isFaithful ? 'misses' : 'waits for'} a buffer that is being programmed`, async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const programmed = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), () => programmed.promise);
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(started instanceof Promise && (await isPending(started))).toBe(!isFaithful);
    expect(calls).toEqual([]);
    programmed.resolve();
    expect(await published).toBe(true);
    now(world.notifier.invalidateRangeEnd(await started));
    expect(calls.length).toBe(isFaithful ? 0 : 1);
    await settled();
    world.notifier.verify();
  });
});

describe.each(sdma)('$variant', ({ variant, isFaithful }) => {
  it(`[HFI-2] a section ${isFaithful ? 'keeps' : 'drops'} a buffer whose packet is on its way`, async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    map(subscription);
    expect(subscription.packets).toBe(1);
    world.invalidate(0, 10); // munmap, and something else is mapped there
    expect(calls.length).toBe(isFaithful ? 0 : 1);
    expect(subscription.isPinned).toBe(isFaithful); // the next request finds it
    await settled();
    expect(subscription.packets).toBe(0);
    expect(subscription.isPinned).toBe(isFaithful); // for good
    world.invalidate(0, 10);
    await settled();
    expect(subscription.isPinned).toBe(false);
    expect(world.mmuRb.pinned).toBe(0);
    world.notifier.verify();
  });

  it('[HFI-2] one packet of several keeps it busy; pages stay pinned until the last is gone', async () => {
    const runs: (() => unknown)[] = [];
    const world = new World({ variant, defer: (run) => void runs.push(run) });
    const { subscription, calls } = world.recorder(0, 10);
    map(subscription);
    map(subscription);
    expect(subscription.packets).toBe(2);
    world.invalidate(0, 10);
    expect(calls.length).toBe(isFaithful ? 0 : 1);
    const removal = runs.length > 1 ? runs[1]!() : undefined;
    await settled();
    expect(world.mmuRb.pinned).toBe(1);
    await runs[0]!(); // the engine
    await removal;
    expect(subscription.packets).toBe(0);
    expect(world.mmuRb.pinned).toBe(isFaithful ? 1 : 0);
  });
});

describe.each(receive)('$variant', ({ variant, isFaithful }) => {
  it(`[HFI-4] a section ${isFaithful ? 'waits for no library: the entry stays programmed until that comes' : 'takes the entry from the hardware'}`, async () => {
    const library: (() => unknown)[] = [];
    const world = new World({ variant, defer: (run) => void library.push(run) });
    const { subscription, calls } = world.recorder(0, 10);
    map(subscription);
    for (let round = 0; round < 3; round++) world.invalidate(0, 10); // munmap, and others
    await settled();
    expect(calls.length).toBe(isFaithful ? 0 : 3);
    expect(subscription.isPinned).toBe(isFaithful);
    for (const run of library) await run();
    for (const run of library.splice(1)) await run(); // and the worker, which the library's freeing woke
    expect(calls.length).toBe(isFaithful ? 1 : 3); // told once
    expect(subscription.isPinned).toBe(false);
    expect(subscription.isFreed).toBe(false);
    world.notifier.verify();
  });
});

describe('v5.3', () => {
  it('[HFI-4] the library frees nothing that is closed when it comes', async () => {
    const world = new World({ variant: 'v5.3' });
    const { subscription, calls } = world.recorder(0, 10);
    const other = world.recorder(0, 10);
    map(subscription);
    map(other.subscription);
    world.invalidate(0, 10);
    now(subscription.close());
    await settled();
    expect(calls).toEqual([]);
    expect(other.calls.map(({ event }) => event)).toEqual(['CLEAR']);
    expect(world.mmuRb.pinned).toBe(0);
    world.notifier.verify();
  });

  it('[HFI-4] what is published for an entry that waits for the library is freed with it', async () => {
    const world = new World({ variant: 'v5.3' });
    const { subscription, calls } = world.recorder(0, 10);
    map(subscription);
    world.invalidate(0, 10);
    map(subscription);
    await settled();
    expect(calls).toHaveLength(1);
    expect(subscription.isPinned).toBe(false);
    expect(world.mmuRb.pinned).toBe(0);
  });

  it('[N5] [HFI-4] a subscriber that would not let the library free an entry is told on', async () => {
    const library: (() => unknown)[] = [];
    const world = new World({ variant: 'v5.3', defer: (run) => void library.push(run) });
    const { subscription, ops } = world.recorder(0, 10);
    ops.act = () => false;
    map(subscription);
    world.invalidate(0, 10);
    expect(await codeFrom(() => library[0]!())).toBe('MMN_CALLBACK_REFUSED');
    expect(subscription.isPinned).toBe(true);
  });

  it('[N1] [HFI-4] a start neither waits nor is refused, whatever its subscriber does', async () => {
    const world = new World({ variant: 'v5.3' });
    const opened = Promise.withResolvers<void>();
    const { ops, calls } = await world.mapped(0, 10);
    ops.act = ({ blockable }) => (blockable ? opened.promise : false);
    const section = world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 });
    now(world.notifier.invalidateRangeEnd(section!));
    world.invalidate(0, 10);
    await settled();
    expect(calls).toHaveLength(1);
    expect(world.mmuRb.pinned).toBe(1);
    opened.resolve();
    await settled();
    expect(world.mmuRb.pinned).toBe(0);
  });
});
