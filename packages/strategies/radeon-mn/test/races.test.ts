/** The defects, each shown in v5.3 and absent in `fixed`. RAD-4 lies outside of what is modelled: see the README. */
import { describe, expect, it } from 'vitest';
import { begin, isPending, now, publish, World } from './world.ts';

const both = [
  { variant: 'v5.3', has: true },
  { variant: 'fixed', has: false },
] as const;

describe.each(both)('$variant', ({ variant, has }) => {
  it(`[RAD-1] a section between reading and binding is ${has ? 'missed' : 'noticed'}`, () => {
    const world = new World({ variant });
    const { subscription, calls } = world.recorder(0, 10);
    const seq = begin(subscription); // reads the page
    world.invalidate(0, 10); // which is another now
    expect(calls).toHaveLength(has ? 0 : 1);
    expect(publish(subscription, seq)).toBe(has);
  });

  it(`[RAD-2] what is read inside of a section is ${has ? 'bound' : 'not bound'}`, async () => {
    const world = new World({ variant });
    const { subscription } = world.bound(0, 10);
    const end = world.start(0, 10);
    const read = subscription.readBegin();
    expect(read instanceof Promise && (await isPending(read))).toBe(!has);
    const isBound = has && publish(subscription, await read); // the old page, which is still there
    end(); // it was replaced
    expect(isBound).toBe(has);
    expect(has || publish(subscription, await read)).toBe(true);
  });

  it(`[RAD-3] ${has ? 'deadlocks' : 'goes on'} when who holds a reservation changes memory elsewhere`, async () => {
    const world = new World({ variant });
    const { subscription, calls } = world.bound(0, 10);
    const reserved = Promise.withResolvers<void>();
    const published = subscription.publish(begin(subscription), async () => {
      await reserved.promise;
      const elsewhere = await world.notifier.invalidateRangeStart({ start: 50, end: 60 });
      now(world.notifier.invalidateRangeEnd(elsewhere));
    });
    const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
    reserved.resolve();
    expect(await isPending(published)).toBe(has);
    expect(await isPending(started)).toBe(has);
    expect(calls).toHaveLength(has ? 0 : 1);
  });
});
