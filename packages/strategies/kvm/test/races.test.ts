/** The defects, each shown in the variant that has it and absent in the other. KVM-1 and KVM-2 were never in KVM: mutants. */
import { describe, expect, it } from 'vitest';
import { begin, isPending, publish, World } from './world.ts';

const both = [
  { variant: 'v5.3', starves: true },
  { variant: 'ranged', starves: false },
] as const;

describe.each(both)('$variant', ({ variant, starves }) => {
  it(`[KVM-3] a section elsewhere ${starves ? 'holds up' : 'lets go'} every fault while it is open`, async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    const seq = begin(subscription);
    world.start(500, 600); // an invalidator that is preempted
    expect(publish(subscription, seq)).toBe(!starves);
    const read = subscription.readBegin();
    expect(read instanceof Promise && (await isPending(read))).toBe(starves);
  });

  it(`[KVM-5] a start that another subscriber refused ${starves ? 'starves faults for ever' : 'leaves nothing'}`, async () => {
    const world = new World({ variant });
    const { subscription } = world.recorder(0, 10);
    world.addRefusingPartner();
    expect(world.notifier.tryInvalidateRangeStart({ start: 0, end: 10 })).toBe(undefined);
    expect(world.kvm.count).toBe(starves ? 1 : 0);
    const read = subscription.readBegin();
    expect(read instanceof Promise && (await isPending(read))).toBe(starves);
  });
});

describe('ranged', () => {
  it('[KVM-3] covers all open sections by one range, which only widens until none is open', () => {
    const world = new World({ variant: 'ranged' });
    const slots = [0, 100, 200, 300].map((start) => world.recorder(start, start + 50).subscription);
    const goesOn = (): boolean[] => slots.map((slot) => publish(slot, world.kvm.seq as never));
    const first = world.start(310, 320);
    expect(goesOn()).toEqual([true, true, true, false]);
    const second = world.start(110, 120);
    expect(goesOn()).toEqual([true, false, false, false]); // what lies between counts too
    first();
    expect(goesOn()).toEqual([true, false, false, false]);
    second();
    expect(goesOn()).toEqual([true, true, true, true]);
    const third = world.start(0, 100); // touches the second slot
    expect(goesOn()).toEqual([false, true, true, true]);
    world.invalidate(310, 320);
    expect(goesOn()).toEqual([false, false, false, false]);
    third();
  });
});
