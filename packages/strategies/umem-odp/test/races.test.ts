/**
 * The defects, each shown in the variant that has it and absent in the other. ODP-3, ODP-4 and the rest of ODP-6 lie
 * outside of what is modelled here: see the README.
 */
import { describe, expect, it } from 'vitest';
import { begin, codeFrom, isPending, now, publish, Recorder, World } from './world.ts';

const both = [
  { variant: 'v5.3', hangs: true },
  { variant: 'fixed', hangs: false },
] as const;

describe.each(both)('$variant', ({ variant, hangs }) => {
  it(`[ODP-1] ${hangs ? 'deadlocks' : 'goes on'} when a start nests while a region is deregistered`, async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    world.recorder(20, 30);
    world.start(0, 10); // a munmap, which must split a huge page before it can end
    const closed = subscription.close();
    expect(await isPending(closed)).toBe(true);
    const split = world.notifier.invalidateRangeStart({ start: 0, end: 4 });
    expect(split instanceof Promise && (await isPending(split))).toBe(hangs);
  });

  it(`[ODP-1] ${hangs ? 'deadlocks' : 'goes on'} when it nests while one is registered`, async () => {
    const world = new World({ variant });
    world.recorder(0, 10);
    world.start(0, 10);
    const subscribed = world.notifier.subscribe({ start: 20, end: 30 }, new Recorder());
    expect(await isPending(subscribed)).toBe(true);
    const split = world.notifier.invalidateRangeStart({ start: 0, end: 4 });
    expect(split instanceof Promise && (await isPending(split))).toBe(hangs);
  });

  it(`[ODP-2] ${hangs ? 'hangs' : 'goes on'} after another subscriber refused a start`, async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    world.recorder(20, 30);
    world.addRefusingPartner();
    expect(world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 })).toBe(undefined);
    expect(publish(subscription, begin(subscription))).toBe(true); // faults elsewhere do not notice
    const closed = subscription.close();
    expect(closed instanceof Promise && (await isPending(closed))).toBe(hangs);
  });

  it('[ODP-3] [ODP-5] a region is neither found by a section before it is registered nor left by one before its end', async () => {
    const world = new World({ variant });
    const first = world.recorder(0, 10);
    const end = world.start(0, 10);
    const ops = new Recorder();
    const subscribed = world.notifier.subscribe({ start: 0, end: 10 }, ops);
    const closed = first.subscription.close(); // the last region, between start and end
    expect(await isPending(subscribed)).toBe(true);
    expect(await isPending(closed)).toBe(true);
    end();
    await closed;
    const second = await subscribed;
    expect(ops.calls).toEqual([]);
    world.invalidate(0, 10);
    expect(ops.calls).toHaveLength(1);
    expect(first.calls).toHaveLength(1);
    now(second.close());
    world.notifier.verify();
  });

  it(`[ODP-5] ${hangs ? 'hangs' : 'goes on'} after a section whose end never came, since the address space was released`, async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    world.start(50, 60);
    await world.notifier.release();
    const closed = subscription.close();
    expect(closed instanceof Promise && (await isPending(closed))).toBe(hangs);
  });

  it('[ODP-5] a start that found the last region going lets go, and nothing is left to end', async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const endFirst = world.start(50, 60);
    const closed = subscription.close();
    const second = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    endFirst();
    now(world.notifier.invalidateRangeEnd(await second));
    await closed;
    expect(calls.length).toBe(hangs ? 0 : 1); // held back behind the dereg, or not
    const next = world.recorder(0, 10);
    world.invalidate(0, 10);
    expect(next.calls).toHaveLength(1);
    world.notifier.verify();
  });

  it('[ODP-6] gives the semaphore back when it refuses a start', () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    now(subscription.close());
  });

  it('[N1] refuses a non-blockable start while a registration waits for the semaphore', async () => {
    const world = new World({ variant });
    world.recorder(0, 10);
    const end = world.start(50, 60);
    const subscribed = world.notifier.subscribe({ start: 20, end: 30 }, new Recorder());
    const tried = world.notifier.tryInvalidateRangeStart({ start: 70, end: 80 });
    expect(tried === undefined).toBe(hangs);
    if (tried !== undefined) now(world.notifier.invalidateRangeEnd(tried));
    end();
    expect((await subscribed).isOpen).toBe(true);
    world.notifier.verify();
  });
});

describe('fixed', () => {
  it('[ODP-1] registers and deregisters at the end of the outermost section', async () => {
    const world = new World({ variant: 'fixed' });
    const { subscription } = world.recorder(0, 10);
    const munmap = world.start(0, 10);
    const closed = subscription.close();
    const subscribed = world.notifier.subscribe({ start: 20, end: 30 }, new Recorder());
    world.invalidate(0, 4);
    expect(await isPending(closed)).toBe(true);
    expect(await isPending(subscribed)).toBe(true);
    munmap();
    await closed;
    expect((await subscribed).isOpen).toBe(true);
    world.notifier.verify();
  });

  it('[L1] refuses a registration that was waiting when the address space went', async () => {
    const world = new World({ variant: 'fixed' });
    world.recorder(0, 10);
    world.start(0, 10);
    const ops = new Recorder();
    const subscribed = world.notifier.subscribe({ start: 20, end: 30 }, ops);
    expect(await isPending(subscribed)).toBe(true);
    await world.notifier.release();
    expect(await codeFrom(() => subscribed)).toBe('MMN_RELEASED');
    expect(ops.calls).toEqual([]);
  });
});
