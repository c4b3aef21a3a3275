/** The defects, each shown in the variant that has it and absent in the other. */
import { describe, expect, it } from 'vitest';
import { begin, codeFrom, isPending, now, publish, Recorder, World } from './world.ts';

const both = [
  { variant: 'v5.3', has: true },
  { variant: 'fixed', has: false },
] as const;

/** A page that a map writes to, and the writeback that cleans it. */
function mappedPage(world: World) {
  const page = { isDirty: false, memory: 'old', disk: 'old' };
  const setPageDirty = (): void => void (page.isDirty = true);
  const clean = (): void => {
    page.disk = page.memory;
    page.isDirty = false;
  };
  const area = world.subscribe(0, 10, Object.assign(new Recorder(), { setPageDirty }));
  expect(publish(area, begin(area))).toBe(true);
  return { page, area, clean };
}

describe.each(both)('$variant', ({ variant, has }) => {
  it(`[VH-1] a section that ends where an area begins ${has ? 'tears it down' : 'leaves it alone'}`, () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(10, 20);
    const seq = begin(subscription);
    world.invalidate(0, 10);
    expect(calls).toHaveLength(has ? 1 : 0);
    expect(publish(subscription, seq)).toBe(!has);
  });

  it(`[VH-2] what a worker writes after the page was marked dirty and cleaned is ${has ? 'lost' : 'kept'}`, async () => {
    const world = new World({ variant });
    const { page, area, clean } = mappedPage(world);
    const preempted = Promise.withResolvers<void>();
    const used = area.access(async () => {
      await preempted.promise;
      page.memory = 'new';
    });
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(started)).toBe(true);
    if (page.isDirty) clean(); // writeback comes by
    preempted.resolve();
    await used;
    now(world.notifier.invalidateRangeEnd(await started));
    if (page.isDirty) clean(); // the page is reclaimed: what is not dirty is dropped
    expect(page.disk).toBe(has ? 'old' : 'new');
  });

  it(`[VH-2] a second section ${has ? 'returns while' : 'waits until nobody'} uses the map`, async () => {
    const world = new World({ variant });
    const { area } = mappedPage(world);
    const used = Promise.withResolvers<void>();
    void area.access(() => used.promise);
    const first = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    const second = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(await isPending(first)).toBe(true);
    expect(second instanceof Promise && (await isPending(second))).toBe(!has);
    used.resolve();
    for (const section of [await first, await second]) {
      now(world.notifier.invalidateRangeEnd(section));
    }
    world.notifier.verify();
  });

  it(`[VH-2] closing ${has ? 'does not mark' : 'marks'} what the map wrote dirty`, () => {
    const world = new World({ variant });
    const { page, area } = mappedPage(world);
    now(area.close());
    expect(page.isDirty).toBe(!has);
  });

  it(`[VH-3] an address that changes between start and end ${has ? 'keeps the virtqueue from ever being mapped' : 'loses no end'}`, async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    const changed = world.notifier.subscribe({ start: 20, end: 30 }, new Recorder());
    await isPending(Promise.resolve(changed)); // lets it get as far as it can
    end();
    await changed;
    world.invalidate(0, 10);
    expect(world.virtqueue.invalidateCount).toBe(has ? 1 : 0);
    expect(publish(subscription, begin(subscription))).toBe(!has);
    world.notifier.verify();
  });

  it(`[VH-3] maps of other areas are ${has ? 'not told' : 'told'} of sections while an address changes`, async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const end = world.start(500, 600); // the registration waits for its end
    const changed = world.notifier.subscribe({ start: 20, end: 30 }, new Recorder());
    await isPending(Promise.resolve(changed));
    const seq = begin(subscription);
    world.invalidate(0, 10);
    expect(publish(subscription, seq)).toBe(has); // what was read before
    expect(calls).toHaveLength(has ? 0 : 1);
    end();
    await changed;
    world.invalidate(0, 10);
    expect(calls).toHaveLength(has ? 1 : 2);
  });

  it(`[VH-3] an area that is set in an open section ${has ? 'waits for its end' : 'raises what the section would have raised'}`, async () => {
    const world = new World({ variant });
    world.recorder(500, 600);
    const end = world.start(0, 10);
    const ops = new Recorder();
    const subscribed = world.notifier.subscribe({ start: 5, end: 15 }, ops);
    expect(subscribed instanceof Promise && (await isPending(subscribed))).toBe(has);
    expect(world.virtqueue.invalidateCount).toBe(has ? 0 : 1);
    end();
    const area = await subscribed;
    expect(world.virtqueue.invalidateCount).toBe(0);
    expect(publish(area, begin(area))).toBe(true);
    expect(ops.calls).toEqual([]);
    world.notifier.verify();
  });

  it(`[VH-4] a section ${has ? 'waits for the users of maps' : 'does not wait for users of a virtqueue'} that it does not hit`, async () => {
    const world = new World({ variant });
    const areas = [0, 100, 200, 300].map((start) => world.subscribe(start, start + 10));
    for (const area of areas) expect(publish(area, begin(area))).toBe(true);
    const used = Promise.withResolvers<void>();
    void areas[3]!.access(() => used.promise); // the next virtqueue's
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(started instanceof Promise && (await isPending(started))).toBe(has);
    used.resolve();
    now(world.notifier.invalidateRangeEnd(await started));
  });

  it(`[VH-5] an interrupted registration ${has ? 'goes unnoticed, and nothing is torn down' : 'cannot be: there is one only'}`, async () => {
    const world = new World({ variant });
    world.recorder(500, 600);
    const end = world.start(700, 800);
    const signal = new AbortController();
    const ops = new Recorder();
    const span = { start: 0, end: 10 };
    const subscribed = world.notifier.subscribe(span, ops, { signal: signal.signal });
    await isPending(Promise.resolve(subscribed));
    signal.abort(new Error('a signal is pending'));
    const area = await subscribed;
    end();
    const seq = begin(area);
    world.invalidate(0, 10);
    expect(ops.calls).toHaveLength(has ? 0 : 1);
    expect(publish(area, seq)).toBe(has);
    const next = world.recorder(20, 30); // the next change of an address registers again
    world.invalidate(0, 30);
    expect(ops.calls).toHaveLength(has ? 1 : 2);
    expect(next.calls).toHaveLength(1);
  });

  it(`[VH-5] a non-blockable start is refused ${has ? 'wherever it is' : 'only if it hits an area'}`, async () => {
    const world = new World({ variant });
    const start = () => world.notifier.tryInvalidateRangeStart({ start: 50, end: 60 });
    now(world.notifier.invalidateRangeEnd(start()!));
    const { subscription } = world.recorder(0, 10);
    const section = start();
    expect(section === undefined).toBe(has);
    if (section !== undefined) now(world.notifier.invalidateRangeEnd(section));
    now(subscription.close());
    now(world.notifier.invalidateRangeEnd(start()!));
    world.notifier.verify();
  });
});

describe('v5.3', () => {
  it('[VH-5] a …Sync form that would have to wait says so, and leaves no area', async () => {
    const world = new World({ variant: 'v5.3' });
    world.recorder(0, 10);
    const end = world.start(500, 600);
    const ops = new Recorder();
    const subscribe = (): unknown => world.notifier.subscribeSync({ start: 0, end: 10 }, ops);
    expect(await codeFrom(subscribe)).toBe('MMN_WOULD_BLOCK');
    end();
    const next = world.recorder(0, 10);
    world.invalidate(0, 10);
    expect(ops.calls).toEqual([]);
    expect(next.calls).toHaveLength(1);
    world.notifier.verify();
  });
});
