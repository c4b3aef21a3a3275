/**
 * Replays a stream of memory events through one strategy: address spaces and devices of the laboratory, each
 * recorded thread an agent.
 *
 * 1. An event begins when the stream says, and is over before anything begins that the stream has after it. So
 *    what overlapped in the recording overlaps here, and the seed interleaves it at every point where it may wait.
 * 2. Devices are agents in the background: what the program does is the same under every strategy, as far as its
 *    calls do not have to wait for a device.
 * 3. Nothing depends on the wall clock: the same stream, strategy and seed give the same counts.
 */
import {
  Machine,
  Scheduler,
  type AddressSpace,
  type Device,
  type Mirror,
  type Statistics,
  type Task,
} from '@mmu-notifier/address-space';
import { mapFlags, remapFlags, type MemoryEvent } from '@mmu-notifier/workloads';
import type { Contender } from './strategies.ts';
import { TimedNotifier, Timings, type Quantiles } from './timing.ts';

/** What one replay saw. */
export interface ReplayResult {
  readonly counts: Statistics;
  readonly firstStale: string | undefined;
  readonly nsPerInvalidation: Quantiles | undefined;
  readonly nsPerFault: Quantiles | undefined;
  /** Events that named an address space or a registration that was gone. */
  readonly late: number;
  /** Of the replay, without reading the recording. */
  readonly seconds: number;
  readonly peakMemoryBytes: number;
}

/** Options of {@link replay}. */
export interface ReplayOptions {
  readonly seed: number;
  /** Devices map only what the program has faulted in. So for recordings, which hold all of its faults. */
  readonly passiveDevices: boolean;
}

const progressEvery = 1000;

/** Replays a stream; see the file's head. */
export async function replay(
  events: readonly MemoryEvent[],
  contender: Contender,
  options: ReplayOptions,
  onProgress: (done: number) => void,
): Promise<ReplayResult> {
  const timings = new Timings();
  const run = new Replay(contender, options, timings);
  const startMs = performance.now();
  for (const [at, event] of events.entries()) {
    await run.take(event);
    if (at % progressEvery === 0) onProgress(at);
  }
  await run.finish();
  return {
    counts: run.machine.statistics,
    firstStale: run.machine.oracle.firstStale,
    nsPerInvalidation: timings.invalidation,
    nsPerFault: timings.fault,
    late: run.late,
    seconds: (performance.now() - startMs) / 1000,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** Something that an agent is doing. */
interface InFlight {
  readonly thread: number;
  readonly endNs: number;
  isOver: boolean;
}

class Replay {
  readonly machine: Machine;
  late = 0;
  readonly #scheduler: Scheduler;
  readonly #spaces = new Map<number, AddressSpace>();
  readonly #devices = new Map<number, Device>();
  readonly #mirrors = new Map<number, Mirror>();
  #inFlight: InFlight[] = [];

  readonly #passive: boolean;

  constructor(
    { strategy, variant }: Contender,
    { seed, passiveDevices }: ReplayOptions,
    timings: Timings,
  ) {
    this.#passive = passiveDevices;
    this.#scheduler = new Scheduler({ seed });
    this.machine = new Machine({
      scheduler: this.#scheduler,
      createNotifier: () => new TimedNotifier(strategy.create({ variant }), timings),
    });
  }

  /** Begins an event, when everything is over that the stream has before it. */
  async take(event: MemoryEvent): Promise<void> {
    const isBackground = event.kind === 'deviceAccess' || event.kind === 'deviceUnregister';
    if (!isBackground) await this.#finishBefore(event);
    const task = this.#taskOf(event);
    if (task === undefined) return;
    const { thread, endNs } = event;
    const inFlight = { thread, endNs, isOver: false };
    if (!isBackground) this.#inFlight.push(inFlight);
    const name = `${event.kind} of thread ${thread}, line ${event.line}`;
    this.#scheduler.spawn(task, () => void (inFlight.isOver = true), name, isBackground);
  }

  async finish(): Promise<void> {
    await this.#scheduler.run();
    this.machine.verify();
  }

  /** Nobody waits for devices here, or what they do would change what the program does. */
  async #finishBefore({ beginNs, thread }: MemoryEvent): Promise<void> {
    const before = this.#inFlight.filter(
      (other) => other.endNs <= beginNs || other.thread === thread,
    );
    if (before.length === 0) return;
    await this.#scheduler.runUntil(() => before.every(({ isOver }) => isOver));
    this.#inFlight = this.#inFlight.filter(({ isOver }) => !isOver);
  }

  #spaceOf(process: number): AddressSpace {
    let space = this.#spaces.get(process);
    if (space === undefined) {
      space = this.machine.createAddressSpace(`process ${process}`);
      this.#spaces.set(process, space);
    }
    return space;
  }

  #deviceOf(number: number): Device {
    let device = this.#devices.get(number);
    if (device === undefined) {
      device = this.machine.createDevice({ name: `device ${number}`, passive: this.#passive });
      this.#devices.set(number, device);
    }
    return device;
  }

  #taskOf(event: MemoryEvent): Task<unknown> | undefined {
    const space = this.#spaceOf(event.process);
    switch (event.kind) {
      case 'mmap':
        return space.mmap({
          address: event.address,
          length: event.length,
          protection: event.protection,
          shared: (event.flags & mapFlags.shared) !== 0,
          backing: event.backing,
          populate: (event.flags & mapFlags.populate) !== 0,
        });
      case 'munmap':
        return space.munmap(event.address, event.length);
      case 'mprotect':
        return space.mprotect(event.address, event.length, event.protection);
      case 'mremap':
        return space.mremap({
          address: event.address,
          oldLength: event.oldLength,
          newLength: event.newLength,
          newAddress: event.newAddress,
          keepOld: (event.flags & remapFlags.dontUnmap) !== 0,
        });
      case 'madvise':
        return space.madvise(event.address, event.length, event.advice);
      case 'brk':
        return space.brk(event.address);
      case 'fault':
        return space.fault(event.address, event.write);
      case 'fork':
        return this.#fork(space, event.child);
      case 'exec': {
        // What the kernel writes into the new image begins before the old one is gone.
        if (event.previous !== event.process) return undefined;
        this.#spaces.delete(event.process);
        return space.exit();
      }
      case 'exit':
        this.#spaces.delete(event.process);
        return space.exit();
      case 'threadStart':
      case 'exitThread':
        return undefined;
      case 'reclaim':
        return space.reclaim(event.address, event.length);
      case 'migrate':
        return space.migrate(event.address, event.length);
      case 'ksm':
        return space.ksm(event.address, event.length);
      case 'collapse':
        return space.collapse(event.address);
      case 'split':
        return space.split(event.address);
      case 'numaHinting':
        return space.numaHinting(event.address, event.length);
      case 'softDirtyClear':
        return space.softDirtyClear();
      case 'writeback':
        return space.writeback(event.address, event.length);
      case 'truncate':
        return space.truncate(event.address, event.length);
      case 'oomReap':
        return space.oomReap();
      case 'deviceMigrate':
        return space.deviceMigrate(event.address, event.length, this.#deviceOf(event.owner));
      case 'deviceExclusive':
        return space.deviceExclusive(event.address, event.length, this.#deviceOf(event.owner));
      case 'deviceRegister':
        return this.#register(space, event.device, event.registration, event.address, event.length);
      case 'deviceUnregister': {
        const mirror = this.#mirrors.get(event.registration);
        if (mirror === undefined) return this.#isLate();
        this.#mirrors.delete(event.registration);
        return mirror.device.unregister(mirror);
      }
      case 'deviceAccess': {
        const mirror = this.#mirrors.get(event.registration);
        if (mirror === undefined) return this.#isLate();
        return mirror.device.access(mirror, event.address, event.write);
      }
    }
  }

  *#fork(space: AddressSpace, child: number): Task<void> {
    this.#spaces.set(child, yield* space.fork(`process ${child}`));
  }

  *#register(
    space: AddressSpace,
    device: number,
    registration: number,
    address: number,
    length: number,
  ): Task<void> {
    const span = { start: address, end: address + length };
    this.#mirrors.set(registration, yield* this.#deviceOf(device).register(space, span));
  }

  #isLate(): undefined {
    this.late++;
    return undefined;
  }
}
