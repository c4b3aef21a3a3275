/** Random schedules on the simulated address space: the fixed variant serves no stale entry by any seed, v5.3 does. */
import { Machine, Scheduler, type Task } from '@mmu-notifier/address-space';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vhost } from '../src/index.ts';
import { seeded } from './seed.ts';

const page = 4096;
const base = 0x7f00_0000_0000;
const pageCount = 8;

/** Two threads change what five areas map, while addresses change, in the order that the seed makes. */
async function simulate(seed: number, variant: string): Promise<Machine> {
  const scheduler = new Scheduler({ seed });
  const machine = new Machine({ scheduler, createNotifier: () => vhost.create({ variant }) });
  const space = machine.createAddressSpace('qemu');
  const { random } = scheduler;
  const device = machine.createDevice({ name: 'vhost-net', attemptsMax: 8 });
  const addressOf = (): number => base + random.below(pageCount) * page;

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
  function* work(): Task<void> {
    const mirror = yield* device.register(space, { start: base, end: base + pageCount * page });
    for (let round = 0; round < 20; round++) {
      yield* device.access(mirror, addressOf(), random.below(2) === 0);
    }
  }
  /** VHOST_SET_VRING_ADDR, again and again. */
  function* setAddresses(): Task<void> {
    for (let round = 0; round < 5; round++) {
      const end = base + (1 + random.below(pageCount)) * page;
      const mirror = yield* device.register(space, { start: base, end });
      for (let access = 0; access < 3; access++) {
        yield* device.access(mirror, addressOf(), random.below(2) === 0);
      }
      yield* device.unregister(mirror);
    }
  }
  function* program(): Task<void> {
    yield* space.mmap({ address: base, length: pageCount * page, populate: true });
    for (let number = 1; number <= 5; number++) {
      scheduler.spawn(work(), undefined, `worker ${number}`); // two virtqueues, one of them for the ioctl too
    }
    scheduler.spawn(setAddresses(), undefined, 'ioctl');
    scheduler.spawn(change(), undefined, 'thread 1');
    scheduler.spawn(change(), undefined, 'thread 2');
  }
  scheduler.spawn(program(), undefined, 'program');
  await scheduler.run();
  machine.verify();
  return machine;
}

describe('fixed', () => {
  it('never serves a stale entry, whatever the schedule', async () => {
    const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
      const { statistics, oracle } = await simulate(seed, 'fixed');
      expect(oracle.firstStale).toBe(undefined);
      expect(statistics.staleReads).toBe(0);
      expect(statistics.published).toBeGreaterThan(0);
    });
    await fc.assert(schedules, seeded(60));
  });
});

describe('v5.3', () => {
  it('[VH-3] serves a stale entry that nobody was told to tear down, by seed', async () => {
    let seed = 0;
    let firstStale: string | undefined;
    // Seed 2 is the first one; about three in a hundred do, since most virtqueues are dead soon.
    while (firstStale === undefined && seed < 200) {
      firstStale = (await simulate(++seed, 'v5.3')).oracle.firstStale;
    }
    expect(firstStale).toMatch(/should have been torn down/);
    expect((await simulate(seed, 'fixed')).oracle.firstStale).toBe(undefined);
  });
});
