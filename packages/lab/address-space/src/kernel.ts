/**
 * What the kernel does by itself. Reclaim, migration, write-back and truncation hold no mmap lock: only the
 * sections keep devices away, and everything is looked at again when a start has returned.
 *
 * Simplified: reclaim and migration take a page from the address space they are asked for, while Linux follows
 * it into all that map it; and they change an entry at once, where Linux puts a migration entry first.
 */
import type { Backing } from './backing.ts';
import { changeProtection } from './calls.ts';
import { clearEntry, replaceEntry, spanOf, splitHuge, writeProtect, zap } from './entries.ts';
import { zeroFrame } from './frames.ts';
import type { Machine } from './machine.ts';
import type { Mm } from './mm.ts';
import { hugeBase, indexInLeaf, type Leaf } from './page-table.ts';
import { hugePages, pageBytes, pageOf, protections, pteFlags, wholeSpace } from './pages.ts';
import type { PageRange } from './pages.ts';
import type { Task } from './scheduler.ts';
import type { SectionRecord } from './sections.ts';

const { present, writable, hinting, swapped, exclusive, lazyFree } = pteFlags;

/** Pages go to swap, or back to their file. CLEAR over each page, or huge page. Linux: try_to_unmap_one. */
export function* reclaim(mm: Mm, pages: PageRange): Task<void> {
  yield* eachFolio(mm, pages, () => true, evict);
}

/** Pages move to other frames. CLEAR over each page, or huge page. Linux: try_to_migrate_one. */
export function* migrate(mm: Mm, pages: PageRange): Task<void> {
  const { frames } = mm.machine;
  const isOwn = (leaf: Leaf, index: number): boolean => frames.count(leaf.frames[index]!) === 1;
  yield* eachFolio(mm, pages, isOwn, (_mm, leaf, index) => {
    const old = leaf.frames[index]!;
    const frame = frames.allocate(frames.contents(old));
    frames.drop(old);
    leaf.set(index, frame, leaf.flags[index]!, ++mm.machine.version);
  });
}

/** Runs `change` for each page that is there, in a section over its folio: itself, or its huge page. */
function* eachFolio(
  mm: Mm,
  { from, to }: PageRange,
  isMeant: (leaf: Leaf, index: number) => boolean,
  change: (mm: Mm, leaf: Leaf, index: number, page: number) => void,
): Task<void> {
  const { pageTable } = mm;
  const isCandidate = (leaf: Leaf | undefined, index: number): leaf is Leaf =>
    leaf !== undefined &&
    (leaf.flags[index]! & (present | exclusive)) === present &&
    leaf.frames[index] !== zeroFrame &&
    isMeant(leaf, index);
  let done = 0;
  for (const page of pageTable.pagesWith(present, from, to)) {
    if (page < done) continue;
    const seen = pageTable.leafAt(page);
    if (!isCandidate(seen, indexInLeaf(page))) continue;
    const first = seen.huge ? hugeBase(page) : page;
    const end = first + (seen.huge ? hugePages : 1);
    const section = yield* mm.startSection(spanOf(first, end), 'CLEAR');
    for (let each = first; each < end; each++) {
      const leaf = pageTable.leafAt(each);
      const index = indexInLeaf(each);
      if (isCandidate(leaf, index)) change(mm, leaf, index, each);
    }
    mm.changed(section, first, end);
    yield* mm.endSection(section);
    done = end;
  }
}

function evict(mm: Mm, leaf: Leaf, index: number, page: number): void {
  const vma = mm.vmas.find(page * pageBytes);
  const frame = leaf.frames[index]!;
  const isFilePage = vma?.traits.backing?.holds(vma.backingIndex(page), frame) === true;
  leaf.huge = false;
  if (isFilePage || (leaf.flags[index]! & lazyFree) !== 0) clearEntry(mm, leaf, index, page);
  else leaf.set(index, frame, swapped, ++mm.machine.version);
}

/**
 * Merges private pages with equal contents. Two sections for each merged page, both CLEAR over it: its write
 * protection, and its replacement. The mmap lock is held for read. Linux: try_to_merge_one_page.
 */
export function* ksm(mm: Mm, { from, to }: PageRange): Task<void> {
  const { frames, sharedFrames } = mm.machine;
  const { pageTable } = mm;
  yield* mm.lockForRead();
  try {
    const pages = pageTable.pagesWith(present, from, to).filter((page) => canMerge(mm, page));
    const times = new Map<number, number>();
    for (const page of pages) {
      const contents = frames.contents(pageTable.frameAt(page));
      times.set(contents, (times.get(contents) ?? 0) + 1);
    }
    for (const page of pages) {
      const contents = frames.contents(pageTable.frameAt(page));
      if (!sharedFrames.has(contents) && (times.get(contents) ?? 0) < 2) continue;
      yield* merge(mm, page);
    }
  } finally {
    mm.mmapLock.upRead();
  }
  yield;
}

function canMerge(mm: Mm, page: number): boolean {
  const vma = mm.vmas.find(page * pageBytes);
  const frame = mm.pageTable.frameAt(page);
  const flags = mm.pageTable.flagsAt(page);
  const isOwn = vma !== undefined && !vma.traits.shared && vma.traits.backing === undefined;
  const isPlain =
    (flags & (present | exclusive)) === present && mm.pageTable.leafAt(page)?.huge !== true;
  return isOwn && isPlain && frame !== zeroFrame && mm.machine.frames.count(frame) === 1;
}

function* merge(mm: Mm, page: number): Task<void> {
  const { machine, pageTable } = mm;
  const { frames, sharedFrames } = machine;
  const protecting = yield* mm.startSection(spanOf(page, page + 1), 'CLEAR');
  if (canMerge(mm, page)) writeProtect(mm, protecting, page, page + 1);
  yield* mm.endSection(protecting);
  const replacing = yield* mm.startSection(spanOf(page, page + 1), 'CLEAR');
  const flags = pageTable.flagsAt(page);
  if (canMerge(mm, page) && (flags & writable) === 0) {
    const old = pageTable.frameAt(page);
    const contents = frames.contents(old);
    let shared = sharedFrames.get(contents);
    if (shared === undefined) {
      // The table of shared pages holds a reference, so nobody ever writes one in place.
      shared = frames.allocate(contents);
      sharedFrames.set(contents, shared);
    }
    frames.hold(shared);
    frames.drop(old);
    replaceEntry(mm, replacing, page, shared, flags);
  }
  yield* mm.endSection(replacing);
}

/**
 * 512 pages of a private mapping become one huge page, holes filled with zeros: CLEAR over the 2 MiB, the mmap
 * lock held for write. The task's result: whether it could. Linux: collapse_huge_page.
 */
export function* collapse(mm: Mm, page: number): Task<boolean> {
  const base = hugeBase(page);
  yield* mm.lockForWrite();
  try {
    if (!canCollapse(mm, base)) return false;
    const section = yield* mm.startSection(spanOf(base, base + hugePages), 'CLEAR');
    // Reclaim needs no mmap lock and may have been here.
    const can = canCollapse(mm, base);
    if (can) makeHuge(mm, section, base);
    yield* mm.endSection(section);
    return can;
  } finally {
    mm.mmapLock.upWrite();
  }
}

function canCollapse(mm: Mm, base: number): boolean {
  const vma = mm.vmas.find(base * pageBytes);
  if (vma === undefined || vma.end < (base + hugePages) * pageBytes) return false;
  if (vma.traits.shared || vma.traits.backing !== undefined) return false;
  const leaf = mm.pageTable.leafAt(base);
  if (leaf === undefined || leaf.huge || (vma.traits.protection & protections.write) === 0) {
    return false;
  }
  for (let index = 0; index < hugePages; index++) {
    const flags = leaf.flags[index]!;
    const isAlone = mm.machine.frames.count(leaf.frames[index]!) <= 1;
    if (flags !== 0 && ((flags & (present | exclusive)) !== present || !isAlone)) return false;
  }
  return true;
}

function makeHuge(mm: Mm, section: SectionRecord, base: number): void {
  const { machine } = mm;
  const { frames } = machine;
  const leaf = mm.pageTable.leafFor(base);
  for (let index = 0; index < hugePages; index++) {
    const old = leaf.frames[index]!;
    const frame = frames.allocate(frames.contents(old));
    frames.drop(old);
    leaf.set(index, frame, present | writable, ++machine.version);
  }
  leaf.huge = true;
  const vma = mm.vmas.find(base * pageBytes);
  if (vma !== undefined) vma.hasOwnPages = true;
  mm.changed(section, base, base + hugePages);
}

/** Splits the huge page at a page, if there is one: CLEAR over the 2 MiB, no mmap lock. */
export function* split(mm: Mm, page: number): Task<void> {
  yield;
  yield* splitHuge(mm, page);
}

/** NUMA balancing: pages fault on purpose. As mprotect, with the mmap lock held for read. */
export function* numaHinting(mm: Mm, { from, to }: PageRange): Task<void> {
  yield* mm.lockForRead();
  try {
    for (const vma of mm.vmas.overlapping(spanOf(from, to))) {
      if (vma.traits.protection === 0) continue;
      const part = { from: Math.max(from, pageOf(vma.start)), to: Math.min(to, pageOf(vma.end)) };
      yield* changeProtection(mm, part, (section, changed) => {
        makeHinting(mm, section, changed);
      });
    }
  } finally {
    mm.mmapLock.upRead();
  }
  yield;
}

function makeHinting(mm: Mm, section: SectionRecord, { from, to }: PageRange): void {
  mm.pageTable.visit(from, to, ({ flags, versions }, _base, first, end) => {
    for (let index = first; index < end; index++) {
      if ((flags[index]! & (present | exclusive)) !== present) continue;
      flags[index] = flags[index]! | hinting;
      versions[index] = ++mm.machine.version;
    }
  });
  mm.changed(section, from, to);
}

/** `echo 4 > /proc/PID/clear_refs`: SOFT_DIRTY over everything, the mmap lock held for write. */
export function* softDirtyClear(mm: Mm): Task<void> {
  yield* mm.lockForWrite();
  try {
    const section = yield* mm.startSection(wholeSpace, 'SOFT_DIRTY');
    writeProtect(mm, section, 0, pageOf(wholeSpace.end) + 1);
    yield* mm.endSection(section);
  } finally {
    mm.mmapLock.upWrite();
  }
  yield;
}

/** Shared file pages are cleaned: PROTECTION_PAGE over each writable one. Linux: page_vma_mkclean_one. */
export function* writeback(mm: Mm, { from, to }: PageRange): Task<void> {
  for (const page of mm.pageTable.pagesWith(writable, from, to)) {
    const vma = mm.vmas.find(page * pageBytes);
    const isFilePage = vma?.traits.shared === true && vma.traits.backing !== undefined;
    if (!isFilePage || (mm.pageTable.flagsAt(page) & writable) === 0) continue;
    const section = yield* mm.startSection(spanOf(page, page + 1), 'PROTECTION_PAGE');
    writeProtect(mm, section, page, page + 1);
    yield* mm.endSection(section);
  }
}

/** The files mapped in a range lose those pages: CLEAR over each mapping of them, in whatever address space. */
export function* truncate(mm: Mm, { from, to }: PageRange): Task<void> {
  yield;
  for (const vma of mm.vmas.overlapping(spanOf(from, to))) {
    const { backing } = vma.traits;
    if (backing === undefined) continue;
    const first = vma.backingIndex(Math.max(from, pageOf(vma.start)));
    const end = vma.backingIndex(Math.min(to, pageOf(vma.end)));
    yield* unmapBacking(mm.machine, backing, first, end, true);
  }
}

/** Linux: unmap_mapping_range. `evenCopies`: private copies of the pages go too. */
export function* unmapBacking(
  machine: Machine,
  backing: Backing,
  from: number,
  to: number,
  evenCopies: boolean,
): Task<void> {
  const punched = new Set(backing.punch(from, to));
  for (const mm of machine.addressSpaces) {
    for (const vma of mm.vmas.all.filter(({ traits }) => traits.backing === backing)) {
      const base = pageOf(vma.start) - vma.offset;
      const first = Math.max(base + from, pageOf(vma.start));
      const end = Math.min(base + to, pageOf(vma.end));
      if (first >= end) continue;
      const section = yield* mm.startSection(spanOf(first, end), 'CLEAR');
      for (const page of mm.pageTable.pagesWith(present | swapped, first, end)) {
        // Without the mmap lock, something else may be mapped here by now.
        if (mm.vmas.find(page * pageBytes)?.traits.backing !== backing) continue;
        if (evenCopies || punched.has(mm.pageTable.frameAt(page))) {
          zap(mm, section, page, page + 1);
        }
      }
      yield* mm.endSection(section);
    }
  }
  for (const frame of punched) machine.frames.drop(frame);
}
