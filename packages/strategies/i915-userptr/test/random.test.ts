/** Random schedules on the simulated address space: no stale entry by any seed, and the same counts with both containers. */
import {
  Machine,
  Scheduler,
  type Mirror,
  type Statistics,
  type Task,
} from '@mmu-notifier/address-space';
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { createFlatIndex } from '@mmu-notifier/hlist-srcu/driver';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { i915Userptr } from '../src/index.ts';
import { seeded } from './seed.ts';

const page = 4096;
const base = 0x7f00_0000_0000;
const pageCount = 8;

/** Two threads change what two devices mirror, in the order that the seed makes. */
async function simulate(
  seed: number,
  options: DriverCreateOptions,
): Promise<{ counts: Statistics; firstStale: string | undefined }> {
  const scheduler = new Scheduler({ seed });
  const machine = new Machine({ scheduler, createNotifier: () => i915Userptr.create(options) });
  const space = machine.createAddressSpace('process');
  const { random } = scheduler;
  const addressOf = (): number => base + random.below(pageCount) * page;
  const mirrors: Mirror[] = [];

  function* touch(mirror: Mirror): Task<void> {
    for (let round = 0; round < 20; round++) {
      yield* mirror.device.access(mirror, addressOf(), random.below(2) === 0);
    }
  }
  function* change(): Task<void> {
    for (let round = 0; round < 15; round++) {
      const address = addressOf();
      const choice = random.below(6);
      if (choice === 0) yield* space.mmap({ address, length: page, populate: true });
      else if (choice === 1) yield* space.madvise(address, page, 'dontneed');
      else if (choice === 2) yield* space.migrate(address, 2 * page);
      else if (choice === 3) yield* space.reclaim(address, page);
      else yield* space.fault(address, true);
    }
  }
  function* program(): Task<void> {
    yield* space.mmap({ address: base, length: pageCount * page, populate: true });
    for (const [number, pages] of [pageCount, 3].entries()) {
      const device = machine.createDevice({ name: `device ${number}` });
      const span = { start: base, end: base + pages * page };
      const mirror = yield* device.register(space, span);
      mirrors.push(mirror);
      scheduler.spawn(touch(mirror), undefined, `device ${number}`);
      scheduler.spawn(touch(mirror), undefined, `device ${number}, again`);
    }
    scheduler.spawn(change(), undefined, 'thread 1');
    scheduler.spawn(change(), undefined, 'thread 2');
  }
  scheduler.spawn(program(), undefined, 'program');
  await scheduler.run();
  machine.verify();
  return { counts: machine.statistics, firstStale: machine.oracle.firstStale };
}

/** A thread discards parts of huge pages, which splits them inside of the section, while a device comes and goes. */
async function simulateNesting(seed: number, variant: string): Promise<void> {
  const huge = 512 * page;
  const scheduler = new Scheduler({ seed });
  const createNotifier = () => i915Userptr.create({ variant });
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

describe.each(i915Userptr.variants)('%s', (variant) => {
  it('never serves a stale entry, whatever the schedule', async () => {
    const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
      const { counts, firstStale } = await simulate(seed, { variant });
      expect(firstStale).toBe(undefined);
      expect(counts.staleReads).toBe(0);
      expect(counts.published).toBeGreaterThan(0);
    });
    await fc.assert(schedules, seeded(60));
  });

  it('does the same with either container', async () => {
    const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
      const flat = await simulate(seed, { variant, createIndex: createFlatIndex });
      expect(flat).toEqual(await simulate(seed, { variant }));
    });
    await fc.assert(schedules, seeded(15));
  });
});
