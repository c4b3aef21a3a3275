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
import { createFlatIndex, type DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amdgpuMn } from '../src/index.ts';
import { seeded } from './seed.ts';

const page = 4096;
const base = 0x7f00_0000_0000;
const pageCount = 8;

interface Circumstances {
  /** Bos come and go, so that there are new ones. Else there are two, each validated before anything changes. */
  readonly comesAndGoes?: boolean;
}

interface Outcome {
  readonly counts: Statistics;
  readonly firstStale: string | undefined;
}

/** Two threads change what the bos of a GPU lie over, in the order that the seed makes. */
async function simulate(
  seed: number,
  options: DriverCreateOptions,
  { comesAndGoes = true }: Circumstances = {},
): Promise<Outcome> {
  const scheduler = new Scheduler({ seed });
  const machine = new Machine({ scheduler, createNotifier: () => amdgpuMn.create(options) });
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
    const device = machine.createDevice({ name: 'visitor' });
    for (let round = 0; round < 5; round++) {
      const end = base + (1 + random.below(pageCount)) * page;
      const mirror = yield* device.register(space, { start: base, end });
      yield* use(mirror, 4);
      yield* device.unregister(mirror);
    }
  }
  function* program(): Task<void> {
    yield* space.mmap({ address: base, length: pageCount * page, populate: true });
    for (const [number, pages] of [pageCount, 3].entries()) {
      const device = machine.createDevice({ name: `gpu ${number}` });
      const span = { start: base, end: base + pages * page };
      const mirror = yield* device.register(space, span);
      yield* device.access(mirror, base, false);
      scheduler.spawn(use(mirror, 20), undefined, `gpu ${number}`);
      scheduler.spawn(use(mirror, 20), undefined, `gpu ${number}, again`);
    }
    if (comesAndGoes) scheduler.spawn(comeAndGo(), undefined, 'bos');
    scheduler.spawn(change(), undefined, 'thread 1');
    scheduler.spawn(change(), undefined, 'thread 2');
  }
  scheduler.spawn(program(), undefined, 'program');
  await scheduler.run();
  machine.verify();
  return { counts: machine.statistics, firstStale: machine.oracle.firstStale };
}

/** The steps at which things happened to the first stale entry, in the order of the oracle's words. */
function stepsOf(firstStale: string | undefined) {
  const [, read, started, changed, ended, published] =
    /read the page at step (\d+) .* was started at step (\d+), .* changed at step (\d+), it ended at step (\d+)\. Missed: at step (\d+) publish should have refused/.exec(
      firstStale ?? '',
    ) ?? [];
  const [atRead, atStart, atChange, atEnd, atPublish] = [
    read,
    started,
    changed,
    ended,
    published,
  ].map(Number);
  return { atRead, atStart, atChange, atEnd, atPublish } as Record<string, number>;
}

/** Whether the steps came in this order. */
function inOrder(steps: Record<string, number>, ...names: string[]): boolean {
  return names.every((name, at) => at === 0 || steps[names[at - 1]!]! < steps[name]!);
}

describe('v5.3', () => {
  it('[AMD-1] serves a stale entry by seed 3: a new bo was mapped inside of the section that made its pages invalid', async () => {
    const { counts, firstStale } = await simulate(3, {});
    expect(counts.staleReads).toBeGreaterThan(0);
    expect(firstStale).toContain('of visitor');
    const steps = stepsOf(firstStale);
    expect(inOrder(steps, 'atRead', 'atStart', 'atPublish', 'atChange', 'atEnd')).toBe(true);
  });

  it('[AMD-2] serves a stale entry by seed 141: a section began and ended between the read and the submission', async () => {
    const { counts, firstStale } = await simulate(141, {}, { comesAndGoes: false });
    expect(counts.staleReads).toBeGreaterThan(0);
    const steps = stepsOf(firstStale);
    expect(inOrder(steps, 'atRead', 'atStart', 'atChange', 'atEnd', 'atPublish')).toBe(true);
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
    await fc.assert(schedules, seeded(60));
  });
});

describe.each(amdgpuMn.variants)('%s', (variant) => {
  it('does the same with either container', async () => {
    const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
      const flat = await simulate(seed, { variant, createIndex: createFlatIndex });
      expect(flat).toEqual(await simulate(seed, { variant }));
    });
    await fc.assert(schedules, seeded(15));
  });
});
