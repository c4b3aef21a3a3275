/** Random schedules on the simulated address space: the fixed variant serves no stale entry by any seed, v5.3 does. */
import { Machine, Scheduler, type Task } from '@mmu-notifier/address-space';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gntdev } from '../src/index.ts';
import { seeded } from './seed.ts';

const page = 4096;
const base = 0x7f00_0000_0000;
const pageCount = 8;

/** Two threads change what two devices mirror, in the order that the seed makes; `munmaps` is whether they unmap. */
async function simulate(seed: number, variant: string, munmaps = true): Promise<Machine> {
  const scheduler = new Scheduler({ seed });
  const machine = new Machine({ scheduler, createNotifier: () => gntdev.create({ variant }) });
  const space = machine.createAddressSpace('domain 0');
  const { random } = scheduler;
  const addressOf = (): number => base + random.below(pageCount) * page;

  function* change(): Task<void> {
    for (let round = 0; round < 15; round++) {
      const address = addressOf();
      const choice = random.below(6);
      if (choice === 0 && munmaps) yield* space.mmap({ address, length: page, populate: true });
      else if (choice === 1) yield* space.madvise(address, page, 'dontneed');
      else if (choice === 2) yield* space.migrate(address, 2 * page);
      else if (choice === 3) yield* space.reclaim(address, page);
      else yield* space.fault(address, true);
    }
  }
  function* use(name: string, pages: number): Task<void> {
    const device = machine.createDevice({ name, waits: 'invalidate' });
    for (let round = 0; round < 2; round++) {
      const mirror = yield* device.register(space, { start: base, end: base + pages * page });
      for (let access = 0; access < 10; access++) {
        yield* device.access(mirror, addressOf(), random.below(2) === 0);
      }
      yield* device.unregister(mirror);
    }
  }
  function* program(): Task<void> {
    yield* space.mmap({ address: base, length: pageCount * page, populate: true });
    scheduler.spawn(use('netback', pageCount), undefined, 'netback');
    scheduler.spawn(use('blkback', 3), undefined, 'blkback');
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
  it('[GNT-2] serves a stale entry that publish should have refused, by seed, without any munmap', async () => {
    const { firstStale, seed } = await firstStaleBySeed(false);
    expect(firstStale).toMatch(/publish should have refused/);
    expect((await simulate(seed, 'fixed', false)).oracle.firstStale).toBe(undefined);
  });

  it('[GNT-3] serves one that should have been torn down, by seed, with munmap of parts', async () => {
    const { firstStale, seed } = await firstStaleBySeed(true, /should have been torn down/);
    expect(firstStale).toBeDefined();
    expect((await simulate(seed, 'fixed')).oracle.firstStale).toBe(undefined);
  });
});

/** The first seed from 1 on that catches v5.3. */
async function firstStaleBySeed(munmaps: boolean, kind = /./) {
  for (let seed = 1; seed <= 50; seed++) {
    const { firstStale } = (await simulate(seed, 'v5.3', munmaps)).oracle;
    if (firstStale !== undefined && kind.test(firstStale)) return { firstStale, seed };
  }
  return { firstStale: undefined, seed: 0 };
}
