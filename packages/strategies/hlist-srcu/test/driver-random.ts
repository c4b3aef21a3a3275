/** One random program for the drivers' schemes on the simulated address space. The seed decides all of it, and who goes first. */
import {
  Machine,
  Scheduler,
  waitFor,
  type Mirror,
  type Statistics,
  type Task,
} from '@mmu-notifier/address-space';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import type { Defer, DriverNotifier, DriverSubscription } from '../src/driver.ts';

const page = 4096;
const base = 0x7f00_0000_0000;
const pageCount = 8;

/** What came of it. */
export interface Played {
  readonly counts: Statistics;
  readonly firstStale: string | undefined;
}

function* asTask(run: Parameters<Defer>[0]): Task<void> {
  yield;
  yield* waitFor(run(), 'a worker');
}

/**
 * Two threads change what a device mirrors, which two of its faults read, and mirrors of another come and go, in the order
 * that the seed makes. Work that a driver defers is an agent too.
 */
export async function simulate<S extends DriverSubscription>(
  seed: number,
  create: (defer: Defer) => DriverNotifier<S>,
): Promise<Played> {
  const scheduler = new Scheduler({ seed });
  const defer: Defer = (run) => void scheduler.spawn(asTask(run), undefined, 'a worker');
  const machine = new Machine({ scheduler, createNotifier: () => create(defer) });
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
    const device = machine.createDevice({ name: 'visitor' });
    for (let round = 0; round < 5; round++) {
      const end = base + (1 + random.below(pageCount)) * page;
      const mirror = yield* device.register(space, { start: base, end });
      yield* touch(mirror, 4);
      yield* device.unregister(mirror);
    }
  }
  function* program(): Task<void> {
    yield* space.mmap({ address: base, length: pageCount * page, populate: true });
    const device = machine.createDevice({ name: 'device', waits: 'invalidate' });
    const span = { start: base, end: base + pageCount * page };
    const mirror = yield* device.register(space, span);
    for (const name of ['fault 0', 'fault 1']) scheduler.spawn(touch(mirror, 20), undefined, name);
    scheduler.spawn(comeAndGo(), undefined, 'mirrors');
    scheduler.spawn(change(), undefined, 'thread 1');
    scheduler.spawn(change(), undefined, 'thread 2');
  }
  scheduler.spawn(program(), undefined, 'program');
  await scheduler.run();
  machine.verify();
  return { counts: machine.statistics, firstStale: machine.oracle.firstStale };
}

/** Rejects with the seed of a schedule that serves a stale entry. */
export async function neverStale(
  play: (seed: number) => Promise<Played>,
  settings: fc.Parameters<[number]>,
): Promise<void> {
  const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
    const { counts, firstStale } = await play(seed);
    expect(firstStale).toBe(undefined);
    expect(counts.staleReads).toBe(0);
    expect(counts.published).toBeGreaterThan(0);
  });
  await fc.assert(schedules, settings);
}
