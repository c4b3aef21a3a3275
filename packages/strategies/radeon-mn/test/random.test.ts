/**
 * Random schedules on the simulated address space: `fixed` is never stale by any seed, v5.3 is by the seeds named here, and
 * the counts are the same with both containers.
 */
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
import { radeonMn } from '../src/index.ts';
import { seeded } from './seed.ts';

/** For a machine that is busy with other things. */
const timeoutMs = 60_000;

const page = 4096;
const base = 0x7f00_0000_0000;
const pageCount = 8;

interface Outcome {
  readonly counts: Statistics;
  readonly firstStale: string | undefined;
}

/**
 * Two threads change what the bos of a GPU lie over, in the order that the seed makes; bos come and go. If callbacks
 * sleep, the order of hits matters, which is the container's own.
 */
async function simulate(
  seed: number,
  options: DriverCreateOptions,
  waits: 'never' | 'invalidate' = 'invalidate',
): Promise<Outcome> {
  const scheduler = new Scheduler({ seed });
  const createNotifier = () => radeonMn.create(options);
  const machine = new Machine({ scheduler, createNotifier });
  const space = machine.createAddressSpace('process');
  const { random } = scheduler;
  const addressOf = (): number => base + random.below(pageCount) * page;

  function* use(mirror: Mirror, rounds: number): Task<void> {
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
    const device = machine.createDevice({ name: 'gpu', waits });
    for (let round = 0; round < 6; round++) {
      const end = base + (1 + random.below(pageCount)) * page;
      const mirror = yield* device.register(space, { start: base, end });
      yield* use(mirror, 3);
      yield* device.unregister(mirror);
    }
  }
  function* program(): Task<void> {
    yield* space.mmap({ address: base, length: pageCount * page, populate: true });
    const device = machine.createDevice({ name: 'gpu', waits });
    const span = { start: base, end: base + pageCount * page };
    const mirror = yield* device.register(space, span);
    for (const name of ['batch 1', 'batch 2']) scheduler.spawn(use(mirror, 20), undefined, name);
    scheduler.spawn(comeAndGo(), undefined, 'bos');
    scheduler.spawn(change(), undefined, 'thread 1');
    scheduler.spawn(change(), undefined, 'thread 2');
  }
  scheduler.spawn(program(), undefined, 'program');
  await scheduler.run();
  machine.verify();
  return { counts: machine.statistics, firstStale: machine.oracle.firstStale };
}

/** Which defect the oracle's words tell of, by the order of the steps. */
function defectIn(firstStale: string | undefined): string | undefined {
  const step = (before: string): number =>
    Number(new RegExp(`${before} at step (\\d+)`).exec(firstStale ?? '')?.[1]);
  if (firstStale === undefined) return undefined;
  if (!firstStale.endsWith('publish should have refused')) return firstStale;
  const begun = step('readBegin');
  if (begun < step('was started')) return 'RAD-1';
  return begun < step('page changed') ? 'RAD-2' : firstStale;
}

describe('v5.3', () => {
  it.each([
    { id: 'RAD-1', seed: 4 },
    { id: 'RAD-2', seed: 13 },
  ])('[$id] is caught serving a stale entry by seed $seed', async ({ id, seed }) => {
    const { counts, firstStale } = await simulate(seed, {});
    expect(defectIn(firstStale)).toBe(id);
    expect(counts.staleReads).toBeGreaterThan(0);
  });

  it(
    'misses nothing that is bound',
    async () => {
      const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
        const { firstStale } = await simulate(seed, {});
        expect([undefined, 'RAD-1', 'RAD-2']).toContain(defectIn(firstStale));
      });
      await fc.assert(schedules, seeded(40));
    },
    timeoutMs,
  );
});

describe('fixed', () => {
  it(
    'never serves a stale entry, whatever the schedule',
    async () => {
      const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
        const { counts, firstStale } = await simulate(seed, { variant: 'fixed' });
        expect(firstStale).toBe(undefined);
        expect(counts.staleReads).toBe(0);
        expect(counts.published).toBeGreaterThan(0);
      });
      await fc.assert(schedules, seeded(60));
    },
    timeoutMs,
  );
});

describe.each(radeonMn.variants)('%s', (variant) => {
  it(
    'does the same with either container',
    async () => {
      const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
        const flat = await simulate(seed, { variant, createIndex: createFlatIndex }, 'never');
        expect(flat).toEqual(await simulate(seed, { variant }, 'never'));
      });
      await fc.assert(schedules, seeded(15));
    },
    timeoutMs,
  );
});
