/**
 * Page faults: what the CPU's and hmm_range_fault's have in common.
 *
 * An absent page appears without a section: nobody can have mirrored it. What replaces a page raises one: the
 * copy on write, the way back from a device's memory or from its exclusive access.
 */
import { mapped, replaceEntry, spanOf, splitHuge } from './entries.ts';
import { zeroFrame } from './frames.ts';
import type { Mm } from './mm.ts';
import { indexInLeaf, type Leaf } from './page-table.ts';
import { hugeBytes, pageBytes, protections, pteFlags } from './pages.ts';
import type { Task } from './scheduler.ts';
import { Vma } from './vma.ts';

/** How a fault ended: `efault`, nothing is mapped there or it may not be read; `eperm`, it may not be written. */
export type FaultOutcome = 'ok' | 'efault' | 'eperm';

const { present, writable, hinting, swapped, devicePrivate, exclusive, lazyFree } = pteFlags;

/**
 * Makes a page accessible. The caller holds the mmap lock for read; on `ok` the entry stays as it is until the
 * caller's next yield.
 *
 * @param owner the device that faults: its own private and exclusive pages are accessible to it
 */
export function* faultIn(
  mm: Mm,
  page: number,
  write: boolean,
  owner?: unknown,
): Task<FaultOutcome> {
  // Every turn without a return changed the entry or waited, and then looks at everything again.
  for (;;) {
    const vma = mm.isDying ? undefined : vmaFor(mm, page);
    if (vma === undefined || vma.traits.protection === 0) return 'efault';
    if (write && (vma.traits.protection & protections.write) === 0) return 'eperm';
    const leaf = mm.pageTable.leafFor(page);
    const index = indexInLeaf(page);
    const flags = leaf.flags[index]!;
    if (flags === 0) {
      populate(mm, vma, leaf, page, write);
    } else if ((flags & swapped) !== 0) {
      swapIn(mm, vma, leaf, index);
    } else if ((flags & hinting) !== 0) {
      leaf.flags[index] = flags & ~hinting;
    } else if (
      (flags & (devicePrivate | exclusive)) !== 0 &&
      (owner === undefined || mm.deviceOwners.get(page) !== owner)
    ) {
      if ((flags & devicePrivate) !== 0) yield* bringBack(mm, page);
      else yield* endExclusive(mm, page);
    } else if (!write) {
      return 'ok';
    } else if ((flags & writable) !== 0) {
      leaf.flags[index] = flags & ~lazyFree;
      return 'ok';
    } else if (canWriteInPlace(mm, vma, leaf, page)) {
      leaf.flags[index] = (flags & ~lazyFree) | writable;
      return 'ok';
    } else if (leaf.huge) {
      yield* splitHuge(mm, page);
    } else {
      yield* breakCopyOnWrite(mm, vma, page);
    }
  }
}

/** Whether a page is accessible as it is; changes nothing. The caller holds the mmap lock for read. */
export function lookUp(mm: Mm, page: number, write: boolean, owner: unknown): FaultOutcome {
  const flags = mm.pageTable.flagsAt(page);
  if ((flags & present) === 0 || (flags & (swapped | hinting)) !== 0) return 'efault';
  if ((flags & (devicePrivate | exclusive)) !== 0 && mm.deviceOwners.get(page) !== owner) {
    return 'efault';
  }
  return write && (flags & (writable | lazyFree)) !== writable ? 'eperm' : 'ok';
}

/**
 * A CPU's access that faults, under the mmap lock for read.
 *
 * @param write `undefined`, not known: a write if the page is there already, since a read would not have faulted
 * @param contents what is written; default a number that nobody wrote before
 */
export function* fault(
  mm: Mm,
  page: number,
  write: boolean | undefined,
  contents?: number,
): Task<FaultOutcome> {
  const { machine } = mm;
  machine.statistics.cpuFaults++;
  yield* mm.lockForRead();
  let outcome: FaultOutcome;
  try {
    const writes = write ?? guessWrite(mm, page);
    outcome = yield* faultIn(mm, page, writes);
    if (outcome !== 'ok') machine.statistics.cpuRefused++;
    else if (writes) machine.frames.write(mm.pageTable.frameAt(page), machine.contentsOr(contents));
  } finally {
    mm.mmapLock.upRead();
  }
  yield;
  return outcome;
}

function guessWrite(mm: Mm, page: number): boolean {
  const protection = mm.vmas.find(page * pageBytes)?.traits.protection ?? 0;
  const isThere = (mm.pageTable.flagsAt(page) & (present | hinting)) === present;
  return isThere && (protection & protections.write) !== 0;
}

/**
 * The mapping of a page. Where nobody mapped anything, and nobody unmapped it, one appears: recordings start
 * in the middle, and program images and stacks are not in them. It is private, anonymous, writable, and
 * covers the 2 MiB around the page as far as they are free.
 */
function vmaFor(mm: Mm, page: number): Vma | undefined {
  const address = page * pageBytes;
  const found = mm.vmas.find(address);
  if (found !== undefined || mm.unmapped.has(address)) return found;
  const start = Math.floor(address / hugeBytes) * hugeBytes;
  const block = mm.unmapped.gapAround(address, { start, end: start + hugeBytes });
  for (const gap of mm.vmas.gaps(block)) {
    if (gap.start <= address && address < gap.end) mm.vmas.insert(new Vma(gap, implicitTraits));
  }
  return mm.vmas.find(address);
}

/** What is mapped where the simulation knows of nothing. */
export const implicitTraits: Vma['traits'] = {
  protection: protections.read | protections.write,
  shared: false,
  backing: undefined,
  implicit: true,
  onFork: 'copy',
};

/** Absent to present. */
function populate(mm: Mm, vma: Vma, leaf: Leaf, page: number, write: boolean): void {
  const { machine } = mm;
  const { frames } = machine;
  const { backing, shared, protection } = vma.traits;
  let frame = zeroFrame;
  let flags = present;
  if (backing === undefined || (write && !shared)) {
    if (write) {
      vma.hasOwnPages = true;
      const contents = backing?.contentsAt(vma.backingIndex(page)) ?? 0;
      frame = frames.allocate(contents);
      flags |= writable;
    }
  } else {
    frame = backing.frameOf(vma.backingIndex(page));
    frames.hold(frame);
    if (write && (protection & protections.write) !== 0) flags |= writable;
  }
  leaf.set(indexInLeaf(page), frame, flags, ++machine.version);
}

/** From swap into a frame of its own; absent for devices, so without a section. */
function swapIn(mm: Mm, vma: Vma, leaf: Leaf, index: number): void {
  const { machine } = mm;
  const { frames } = machine;
  const slot = leaf.frames[index]!;
  const frame = frames.allocate(frames.contents(slot));
  frames.drop(slot);
  vma.hasOwnPages = true;
  leaf.set(index, frame, present, ++machine.version);
}

/** Whether a write needs no copy: the page is shared on purpose, or nobody else has it. */
function canWriteInPlace(mm: Mm, vma: Vma, leaf: Leaf, page: number): boolean {
  if (vma.traits.shared) return true;
  const frame = leaf.frames[indexInLeaf(page)]!;
  return frame !== zeroFrame && mm.machine.frames.count(frame) === 1;
}

/** Linux: wp_page_copy. */
function* breakCopyOnWrite(mm: Mm, vma: Vma, page: number): Task<void> {
  const { frames } = mm.machine;
  const frame = mm.pageTable.frameAt(page);
  const section = yield* mm.startSection(spanOf(page, page + 1), 'CLEAR');
  const flags = mm.pageTable.flagsAt(page);
  // Reclaim may have taken it meanwhile, another fault may have copied it.
  const isSame = mm.pageTable.frameAt(page) === frame && (flags & mapped) !== 0;
  if (isSame && (flags & writable) === 0) {
    const copy = frames.allocate(frames.contents(frame));
    frames.drop(frame);
    vma.hasOwnPages = true;
    mm.deviceOwners.delete(page);
    replaceEntry(mm, section, page, copy, present | writable);
  }
  yield* mm.endSection(section);
}

/**
 * From a device's memory back into the system's. Linux: migrate_to_ram. A driver may name itself as the
 * owner; this one does not, and so is told to let go of the page like everybody else.
 */
function* bringBack(mm: Mm, page: number): Task<void> {
  const { frames } = mm.machine;
  const section = yield* mm.startSection(spanOf(page, page + 1), 'MIGRATE');
  const flags = mm.pageTable.flagsAt(page);
  if ((flags & devicePrivate) !== 0) {
    const held = mm.pageTable.frameAt(page);
    const frame = frames.allocate(frames.contents(held));
    frames.drop(held);
    mm.deviceOwners.delete(page);
    // Whether it may be written in place the next turn of the fault decides: it is its own copy now.
    replaceEntry(mm, section, page, frame, present);
  }
  yield* mm.endSection(section);
}

/** Ends a device's exclusive access. Linux: remove_device_exclusive_entry. */
function* endExclusive(mm: Mm, page: number): Task<void> {
  const owner = mm.deviceOwners.get(page);
  const section = yield* mm.startSection(spanOf(page, page + 1), 'CLEAR', owner);
  const flags = mm.pageTable.flagsAt(page);
  if ((flags & exclusive) !== 0) {
    mm.deviceOwners.delete(page);
    replaceEntry(mm, section, page, mm.pageTable.frameAt(page), flags & ~exclusive);
  }
  yield* mm.endSection(section);
}
