/** Random schedules on the simulated address space: v5.3 is caught, fixed is not. */
import {
  Machine,
  Scheduler,
  waitFor,
  type Mirror,
  type Statistics,
  type Task,
} from '@mmu-notifier/address-space';
import type { Defer, DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scifDma } from '../src/index.ts';
import { seeded } from './seed.ts';

const page = 4096;
const base = 0x7f00_0000_0000;
const pageCount = 8;

function* asTask(run: Parameters<Defer>[0]): Task<void> {
  yield;
  yield* waitFor(run(), 'a worker');
}

/** Two threads change what two devices mirror, and buffers come and go, in the order that the seed makes. */
async function simulate(
  seed: number,
  options: DriverCreateOptions,
): Promise<{ counts: Statistics; firstStale: string | undefined }> {
  const scheduler = new Scheduler({ seed });
  /** The worker is an agent too. */
  const defer: Defer = (run) => void scheduler.spawn(asTask(run), undefined, 'a worker');
  const createNotifier = () => scifDma.create({ defer, ...options });
  const machine = new Machine({ scheduler, createNotifier });
  const space = machine.createAddressSpace('process');
  const { random } = scheduler;
  const addressOf = (): number => base + random.below(pageCount) * page;

  function* touch(mirror: Mirror, rounds: number): Task<void> {
    for (let round = 0; round < rounds; round++) {
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
  function* comeAndGo(): Task<void> {
    const device = machine.createDevice({ name: 'another' });
    for (let round = 0; round < 5; round++) {
      const end = base + (1 + random.below(pageCount)) * page;
      const mirror = yield* device.register(space, { start: base, end });
      yield* touch(mirror, 4);
      yield* device.unregister(mirror);
    }
  }
  function* program(): Task<void> {
    yield* space.mmap({ address: base, length: pageCount * page, populate: true });
    const device = machine.createDevice({ name: 'scif', waits: 'invalidate' });
    const span = { start: base, end: base + pageCount * page };
    const mirror = yield* device.register(space, span);
    for (const name of ['scif', 'scif, again']) scheduler.spawn(touch(mirror, 20), undefined, name);
    scheduler.spawn(comeAndGo(), undefined, 'another');
    scheduler.spawn(change(), undefined, 'thread 1');
    scheduler.spawn(change(), undefined, 'thread 2');
  }
  scheduler.spawn(program(), undefined, 'program');
  await scheduler.run();
  machine.verify();
  return { counts: machine.statistics, firstStale: machine.oracle.firstStale };
}

const tornDown = /the entry should have been torn down/;
const refused = /publish should have refused/;

describe.each([
  { variant: 'v5.3', id: 'SCIF-1', seed: 2, missed: refused },
  { variant: 'v5.3', id: 'SCIF-2', seed: 1, missed: tornDown },
  { variant: 'cached', id: 'SCIF-1', seed: 1, missed: refused },
  { variant: 'cached', id: 'SCIF-3', seed: 12, missed: tornDown },
])('$variant', ({ variant, id, seed, missed }) => {
  it(`[${id}] serves stale entries with seed ${seed}`, async () => {
    const { counts, firstStale } = await simulate(seed, { variant });
    expect(counts.staleReads).toBeGreaterThan(0);
    expect(firstStale).toMatch(missed);
  });
});

describe('fixed', () => {
  it('never serves a stale entry, whatever the schedule', async () => {
    const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
      const { counts, firstStale } = await simulate(seed, { variant: 'fixed' });
      expect(firstStale).toBe(undefined);
      expect(counts.staleReads).toBe(0);
      expect(counts.published).toBeGreaterThan(0);
    });
    await fc.assert(schedules, seeded(100));
  });
});
