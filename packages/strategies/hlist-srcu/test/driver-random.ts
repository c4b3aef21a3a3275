/**
 * Random programs for the drivers' schemes on the simulated address space: two threads change what devices mirror. The seed
 * decides all of it, and who goes first; what the devices do meanwhile is each driver's.
 */
import {
  Machine,
  Scheduler,
  waitFor,
  type AddressSpace,
  type Device,
  type Mirror,
  type Statistics,
  type Task,
} from '@mmu-notifier/address-space';
import type { IndexFactory } from '@mmu-notifier/core';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import {
  createFlatIndex,
  type Defer,
  type DriverNotifier,
  type DriverSubscription,
} from '../src/driver.ts';

const page = 4096;
const base = 0x7f00_0000_0000;
const pageCount = 8;

/** What came of it. */
export interface Played {
  readonly counts: Statistics;
  readonly firstStale: string | undefined;
}

/** What one play is made of, besides its seed. */
export interface Play<S extends DriverSubscription> {
  /** Work that it defers is an agent too. */
  readonly create: (defer: Defer, scheduler: Scheduler) => DriverNotifier<S>;
  /** What the devices do, when their pages are mapped and nothing changes yet; default {@link oneDevice}. */
  readonly program?: (stage: Stage) => Task<void> | void;
  /** Whether the threads map parts anew, which unmaps them; default they do. */
  readonly munmaps?: boolean;
}

/** The address space of a play, and what its program can do. */
export class Stage {
  readonly machine: Machine;
  readonly #scheduler: Scheduler;
  readonly #space: AddressSpace;

  constructor(machine: Machine) {
    this.machine = machine;
    this.#scheduler = machine.scheduler;
    this.#space = machine.createAddressSpace('process');
  }

  spawn(name: string, task: Task<void>): void {
    this.#scheduler.spawn(task, undefined, name);
  }

  /** Mirrors the first pages; default all of them. */
  register(device: Device, pages = pageCount): Task<Mirror> {
    return device.register(this.#space, { start: base, end: base + pages * page });
  }

  /** Reads or writes so many pages. */
  *touch(mirror: Mirror, touches: number): Task<void> {
    for (let touch = 0; touch < touches; touch++) {
      yield* mirror.device.access(mirror, this.#address(), this.#scheduler.random.below(2) === 0);
    }
  }

  /** Makes a mirror, touches it and ends it, so many times; of so many pages, or some. */
  *comeAndGo(
    device: Device,
    { rounds, touches, pages }: { rounds: number; touches: number; pages?: number },
  ): Task<void> {
    for (let round = 0; round < rounds; round++) {
      const count = pages ?? 1 + this.#scheduler.random.below(pageCount);
      const mirror = yield* this.register(device, count);
      yield* this.touch(mirror, touches);
      yield* device.unregister(mirror);
    }
  }

  /** All of it: the program, then the two threads. */
  *play({
    program = oneDevice,
    munmaps = true,
  }: Pick<Play<DriverSubscription>, 'program' | 'munmaps'>): Task<void> {
    yield* this.#space.mmap({ address: base, length: pageCount * page, populate: true });
    yield* program(this) ?? [];
    this.spawn('thread 1', this.#change(munmaps));
    this.spawn('thread 2', this.#change(munmaps));
  }

  *#change(munmaps: boolean): Task<void> {
    const space = this.#space;
    for (let round = 0; round < 15; round++) {
      const address = this.#address();
      const choice = this.#scheduler.random.below(6);
      if (choice === 0 && munmaps) yield* space.mmap({ address, length: page, populate: true });
      else if (choice === 1) yield* space.madvise(address, page, 'dontneed');
      else if (choice === 2) yield* space.migrate(address, 2 * page);
      else if (choice === 3) yield* space.reclaim(address, page);
      else yield* space.fault(address, true);
    }
  }

  #address(): number {
    return base + this.#scheduler.random.below(pageCount) * page;
  }
}

/** Two faults of a device read the same mirror, and mirrors of another come and go. */
function* oneDevice(stage: Stage): Task<void> {
  const { machine } = stage;
  const mirror = yield* stage.register(
    machine.createDevice({ name: 'device', waits: 'invalidate' }),
  );
  for (const name of ['fault 0', 'fault 1']) stage.spawn(name, stage.touch(mirror, 20));
  const visitor = machine.createDevice({ name: 'visitor' });
  stage.spawn('mirrors', stage.comeAndGo(visitor, { rounds: 5, touches: 4 }));
}

function* asTask(run: Parameters<Defer>[0]): Task<void> {
  yield;
  yield* waitFor(run(), 'a worker');
}

/** Plays in the order that the seed makes. */
export async function simulate<S extends DriverSubscription>(
  seed: number,
  { create, ...devices }: Play<S>,
): Promise<Played> {
  const scheduler = new Scheduler({ seed });
  const defer: Defer = (run) => void scheduler.spawn(asTask(run), undefined, 'a worker');
  const machine = new Machine({ scheduler, createNotifier: () => create(defer, scheduler) });
  scheduler.spawn(new Stage(machine).play(devices), undefined, 'program');
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

/** Rejects with the seed of a schedule on which something comes out otherwise with the other container. */
export async function sameWithEither(
  play: (seed: number, container: { createIndex?: IndexFactory }) => Promise<Played>,
  settings: fc.Parameters<[number]>,
): Promise<void> {
  const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
    const flat = await play(seed, { createIndex: createFlatIndex });
    expect(flat).toEqual(await play(seed, {}));
  });
  await fc.assert(schedules, settings);
}

/** The first seed from 1 on that is caught, and whose first stale entry the oracle explains in such words. */
export async function firstCaught(
  play: (seed: number) => Promise<Played>,
  { words = /./, seedMax }: { words?: RegExp; seedMax: number },
): Promise<{ seed: number; firstStale: string | undefined }> {
  for (let seed = 1; seed <= seedMax; seed++) {
    const { firstStale } = await play(seed);
    if (firstStale !== undefined && words.test(firstStale)) return { seed, firstStale };
  }
  return { seed: seedMax, firstStale: undefined };
}

/** Parameters for `fc.assert`: fast-check prints the seed that failed; MMN_SEED sets it, MMN_RUNS how many runs. */
export function seeded(numRuns: number): { numRuns: number; seed?: number } {
  const { MMN_SEED: seed, MMN_RUNS: runs } = process.env;
  const parameters = { numRuns: runs === undefined ? numRuns : Number(runs) };
  return seed === undefined ? parameters : { ...parameters, seed: Number(seed) };
}
