/**
 * The machine: its memory, its address spaces, its oracle and its counters. One run is one machine.
 */
import { checkFunction, checkMethod, invariant, type Notifier } from '@mmu-notifier/core';
import { AddressSpace } from './address-space.ts';
import { Backing } from './backing.ts';
import { Device, type DeviceOptions } from './device.ts';
import { Frames, zeroFrame } from './frames.ts';
import type { Mm } from './mm.ts';
import { Oracle } from './oracle.ts';
import { hex, hugePages, pageBytes, pteFlags } from './pages.ts';
import type { Scheduler } from './scheduler.ts';
import { SectionHistory } from './sections.ts';
import { createStatistics, type Statistics } from './statistics.ts';

/** Options of {@link Machine}. */
export interface MachineOptions {
  readonly scheduler: Scheduler;
  /** Makes the notifier of an address space: any strategy's, or a wrapper around one that measures. */
  readonly createNotifier: (addressSpaceName: string) => Notifier;
  /** After each section every device reads back what it has in the range. Default `true`. */
  readonly readsBack?: boolean;
}

/** See the file's head. */
export class Machine {
  readonly scheduler: Scheduler;
  readonly statistics: Statistics = createStatistics();
  readonly frames: Frames = new Frames();
  readonly history: SectionHistory = new SectionHistory();
  readonly oracle: Oracle;
  readonly readsBack: boolean;
  readonly addressSpaces: Set<Mm> = new Set();
  /** KSM's shared pages by contents; the table holds a reference to each. */
  readonly sharedFrames: Map<number, number> = new Map();
  /** The last version given to a page-table entry. */
  version = 0;
  sectionNumber = 0;
  mirrorNumber = 0;
  readonly #createNotifier: (addressSpaceName: string) => Notifier;
  readonly #backings = new Set<Backing>();
  #contents = 0;
  #created = 0;

  /** @throws NotifierError `MMN_OPTION` */
  constructor(options: MachineOptions) {
    checkMethod(options.scheduler, 'spawn', 'options.scheduler');
    checkFunction(options.createNotifier, 'options.createNotifier');
    this.scheduler = options.scheduler;
    this.readsBack = options.readsBack ?? true;
    this.#createNotifier = options.createNotifier;
    this.oracle = new Oracle(this.statistics, this.history, () => this.scheduler.steps);
  }

  /** An empty address space, with a notifier of its own. */
  createAddressSpace(name?: string): AddressSpace {
    const called = name ?? `address space ${this.#created + 1}`;
    this.#created++;
    const space = new AddressSpace(this, called, this.#createNotifier(called));
    this.addressSpaces.add(space);
    return space;
  }

  createDevice(options: DeviceOptions = {}): Device {
    return new Device(this, options);
  }

  /** A file that exists whether it is mapped or not; for `mmap`. */
  createFile(name: string): Backing {
    return this.#addBacking(name, true);
  }

  /** Pages that live as long as they are mapped: shared memory, a file that nobody else has. */
  createBacking(name: string): Backing {
    return this.#addBacking(name, false);
  }

  /** Contents that nobody wrote before, unless the caller has some. */
  contentsOr(contents: number | undefined): number {
    return contents ?? ++this.#contents;
  }

  /** An address space has ended. */
  forget(mm: Mm): void {
    this.addressSpaces.delete(mm);
  }

  /**
   * Checks everything when no operation is under way: pages lie in mappings, frames are held as often as they
   * count, shadow entries lie in their spans, and the oracle's marks agree with a comparison of everything.
   * Slow. Throws InvariantError.
   */
  verify(): void {
    const holders = new Map<number, number>();
    const hold = (frame: number): void => {
      if (frame !== zeroFrame) holders.set(frame, (holders.get(frame) ?? 0) + 1);
    };
    for (const mm of this.addressSpaces) {
      verifyAddressSpace(mm);
      mm.pageTable.visit(0, Infinity, (leaf) => {
        for (let at = 0; at < hugePages; at++) if (leaf.flags[at] !== 0) hold(leaf.frames[at]!);
      });
    }
    for (const backing of this.#backings) backing.countInto(holders);
    for (const frame of this.sharedFrames.values()) hold(frame);
    this.frames.verify(holders);
  }

  #addBacking(name: string, permanent: boolean): Backing {
    const gone = (backing: Backing): void => void this.#backings.delete(backing);
    const backing = new Backing(name, this.frames, permanent, gone);
    this.#backings.add(backing);
    return backing;
  }
}

/** The part of {@link Machine.verify} that concerns one address space. */
export function verifyAddressSpace(mm: Mm): void {
  mm.vmas.verify();
  mm.pageTable.visit(0, Infinity, (leaf, base) => {
    let used = 0;
    for (let index = 0; index < hugePages; index++) {
      const flags = leaf.flags[index]!;
      const address = (base + index) * pageBytes;
      const isPresent = (flags & pteFlags.present) !== 0;
      invariant(isPresent || !leaf.huge, `the huge page at ${hex(base * pageBytes)} has a hole`);
      if (flags === 0) {
        invariant(leaf.versions[index] === 0, `the empty entry of ${hex(address)} has a version`);
        continue;
      }
      used++;
      invariant(mm.vmas.find(address) !== undefined, `nothing maps the page at ${hex(address)}`);
    }
    invariant(
      used === leaf.used,
      `the leaf at ${hex(base * pageBytes)} counts ${leaf.used} entries`,
    );
  });
  let marked = 0;
  for (const mirror of mm.mirrors.all) {
    mirror.shadow.visit(0, Infinity, (page) => {
      const isInside = page >= mirror.from && page < mirror.to;
      invariant(isInside, `${mirror.toString()} has an entry for ${hex(page * pageBytes)}`);
      if (mirror.entryAt(page * pageBytes)?.isStale === true) marked++;
    });
  }
  const stale = mm.machine.oracle.recount(mm);
  invariant(
    stale === marked,
    `${marked} shadow entries of ${mm.name} are marked stale, ${stale} are`,
  );
  mm.notifier.verify();
}
