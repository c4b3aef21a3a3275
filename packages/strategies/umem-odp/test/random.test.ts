/** Random schedules on the simulated address space: no stale entry by any seed, and the same counts with both containers. */
import { Machine, Scheduler, type Task } from '@mmu-notifier/address-space';
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  neverStale,
  sameWithEither,
  seeded,
  simulate,
} from '../../hlist-srcu/test/driver-random.ts';
import { umemOdp } from '../src/index.ts';

const page = 4096;
const base = 0x7f00_0000_0000;

/** Two devices, each with two faults on the same mirror. */
const play = (seed: number, options: DriverCreateOptions) =>
  simulate(seed, {
    create: () => umemOdp.create(options),
    *program(stage) {
      for (const [name, pages] of [['device 0'], ['device 1', 3]] as const) {
        const mirror = yield* stage.register(stage.machine.createDevice({ name }), pages);
        for (const fault of [name, `${name}, again`]) stage.spawn(fault, stage.touch(mirror, 20));
      }
    },
  });

/** A thread discards parts of huge pages, which splits them inside of the section, while a device comes and goes. */
async function simulateNesting(seed: number, variant: string): Promise<void> {
  const huge = 512 * page;
  const scheduler = new Scheduler({ seed });
  const createNotifier = () => umemOdp.create({ variant });
  const machine = new Machine({ scheduler, createNotifier });
  const space = machine.createAddressSpace('process');
  const device = machine.createDevice({ name: 'hca' });

  const program = { isOver: false };

  function* discard(): Task<void> {
    for (let round = 0; round < 3; round++) {
      yield* space.mmap({ address: base, length: huge, populate: true });
      yield* space.collapse(base);
      yield* space.madvise(base, page, 'dontneed');
    }
    program.isOver = true;
  }
  function* register(): Task<void> {
    while (!program.isOver) {
      const mirror = yield* device.register(space, { start: base, end: base + huge });
      yield* device.unregister(mirror);
    }
  }
  scheduler.spawn(discard(), undefined, 'thread 1');
  scheduler.spawn(register(), undefined, 'device');
  scheduler.spawn(register(), undefined, 'device, again');
  await scheduler.run();
  machine.verify();
}

describe('nested sections', () => {
  it('[ODP-1] deadlock v5.3 on some schedule', async () => {
    const schedules = fc.asyncProperty(fc.integer(), (seed) => simulateNesting(seed, 'v5.3'));
    const { failed, errorInstance } = await fc.check(schedules, {
      ...seeded(20),
      endOnFailure: true,
    });
    expect(failed).toBe(true);
    expect(String(errorInstance)).toMatch(/deadlock at step \d+: .*thread 1 waits for the start/);
  });

  it('[ODP-1] never deadlock the fixed variant', async () => {
    const schedules = fc.asyncProperty(fc.integer(), (seed) => simulateNesting(seed, 'fixed'));
    await expect(fc.assert(schedules, seeded(20))).resolves.toBeUndefined();
  });
});

describe.each(umemOdp.variants)('%s', (variant) => {
  it('never serves a stale entry, whatever the schedule', async () => {
    await expect(neverStale((seed) => play(seed, { variant }), seeded(60))).resolves.toBe(
      undefined,
    );
  });

  it('does the same with either container', async () => {
    const same = sameWithEither(
      (seed, container) => play(seed, { variant, ...container }),
      seeded(15),
    );
    await expect(same).resolves.toBe(undefined);
  });
});
