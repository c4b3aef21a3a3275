/**
 * What a program asks for: mmap, munmap, mremap, mprotect, brk. All hold the mmap lock for write.
 *
 * Linux 7.1 has unmap_vmas run with the lock downgraded to read, after the mappings are gone: faults are
 * refused then, and here they wait instead.
 */
import { NotifierError, type Span } from '@mmu-notifier/core';
import { Backing } from './backing.ts';
import { revoke, spanOf, splitHuge, writeProtect, zap } from './entries.ts';
import { faultIn, implicitTraits } from './faults.ts';
import type { Mm } from './mm.ts';
import { directoryPages, hugeBase, indexInLeaf } from './page-table.ts';

import {
  hugePages,
  pageBytes,
  pageOf,
  pagesOf,
  protections,
  pteFlags,
  type PageRange,
} from './pages.ts';
import type { Task } from './scheduler.ts';
import type { SectionRecord } from './sections.ts';
import { Vma, type VmaTraits } from './vma.ts';

/** Options of `mmap`. */
export interface MmapOptions {
  /** Bytes; rounded up to pages. */
  readonly length: number;
  /** Where it lands, in bytes; what is mapped there is replaced, as with MAP_FIXED. Default: somewhere free. */
  readonly address?: number;
  /** Bits of `protections`. Default read and write. */
  readonly protection?: number;
  /** Writes are seen by all who map it (MAP_SHARED). Default `false`. */
  readonly shared?: boolean;
  /** `'file'`: a file of its own. Default anonymous; shared anonymous memory lives as long as its mappings. */
  readonly backing?: 'anonymous' | 'file' | Backing;
  /** Where in the backing it begins, in bytes. Default 0. */
  readonly offset?: number;
  /** Faults every page in at once (MAP_POPULATE). Default `false`. */
  readonly populate?: boolean;
}

/** The end of what a process can map on x86-64. */
const mapEnd = 2 ** 47;

/** Maps memory; the task's result is the address. */
export function* mmap(mm: Mm, options: MmapOptions): Task<number> {
  const { protection = protections.read | protections.write, shared = false } = options;
  const bytes = Math.ceil(options.length / pageBytes) * pageBytes;
  yield* mm.lockForWrite();
  let pages: PageRange;
  try {
    const start = options.address ?? mm.vmas.findFree(bytes, mapEnd);
    pages = pagesOf({ start, end: start + bytes }, 'mapping');
    const span = spanOf(pages.from, pages.to);
    yield* makeRoom(mm, span);
    const traits: VmaTraits = {
      protection,
      shared,
      backing: backingOf(mm, options.backing ?? 'anonymous', shared),
      implicit: false,
      onFork: 'copy',
    };
    mm.vmas.insert(new Vma(span, traits, pageOf(options.offset ?? 0)));
    mm.unmapped.remove(span);
  } finally {
    mm.mmapLock.upWrite();
  }
  yield;
  if (options.populate === true) {
    yield* populateRange(mm, pages, (protection & protections.write) !== 0);
  }
  return pages.from * pageBytes;
}

/** Unmaps a range: one section, however many mappings there are; none, if there is none. */
export function* munmap(mm: Mm, pages: PageRange): Task<void> {
  yield* mm.lockForWrite();
  try {
    yield* unmap(mm, spanOf(pages.from, pages.to));
  } finally {
    mm.mmapLock.upWrite();
  }
  yield;
}

/** Options of `mremap`. */
export interface MremapOptions {
  /** Bytes. */
  readonly address: number;
  readonly oldLength: number;
  readonly newLength: number;
  /** Where it is afterwards. Default: where it was, if it can stay there, else somewhere free. */
  readonly newAddress?: number;
  /** The old mapping stays, empty (MREMAP_DONTUNMAP). Default `false`. */
  readonly keepOld?: boolean;
}

/**
 * Moves, grows or shrinks a mapping; the task's result is its address. A move raises UNMAP over the old range
 * while the entries move, and again while what is left of it is unmapped.
 */
export function* mremap(mm: Mm, options: MremapOptions): Task<number> {
  const { address, oldLength, newLength, keepOld = false } = options;
  const old = pagesOf({ start: address, end: address + Math.max(oldLength, 1) }, 'old mapping');
  const newBytes = Math.ceil(newLength / pageBytes) * pageBytes;
  yield* mm.lockForWrite();
  try {
    const oldEnd = old.to * pageBytes;
    const keptEnd = Math.min(oldEnd, address + newBytes);
    if (keptEnd < oldEnd) yield* unmap(mm, { start: keptEnd, end: oldEnd });
    const target = options.newAddress ?? (yield* stay(mm, address, keptEnd, newBytes));
    if (target === address) {
      grow(mm, address, keptEnd, newBytes);
    } else {
      yield* move(mm, { start: address, end: keptEnd }, target, newBytes, keepOld);
    }
    return target;
  } finally {
    mm.mmapLock.upWrite();
  }
}

/** Changes access rights. One section per mapping, from the first GiB with page tables on; none without any. */
export function* mprotect(mm: Mm, pages: PageRange, protection: number): Task<void> {
  yield* mm.lockForWrite();
  try {
    const span = spanOf(pages.from, pages.to);
    for (const gap of mm.vmas.gaps(span)) coverImplicitly(mm, gap);
    yield* makeBorders(mm, span);
    for (const vma of mm.vmas.overlapping(span)) {
      const before = vma.traits.protection;
      if (before === protection) continue;
      const { start, end } = vma;
      vma.traits = { ...vma.traits, protection, implicit: false };
      yield* changeProtection(mm, { from: pageOf(start), to: pageOf(end) }, (section, part) => {
        if (protection === 0) revoke(mm, section, part.from, part.to);
        else if ((protection & protections.write) === 0) {
          writeProtect(mm, section, part.from, part.to);
        }
      });
    }
    mm.vmas.joinAll(span);
  } finally {
    mm.mmapLock.upWrite();
  }
  yield;
}

/**
 * The sections of change_protection: PROTECTION_VMA over each part of 512 GiB, from the first GiB that has page
 * tables on. (v5.3: over each GiB, from its first populated 2 MiB.)
 */
export function* changeProtection(
  mm: Mm,
  { from, to }: PageRange,
  change: (section: SectionRecord, part: PageRange) => void,
): Task<void> {
  const partPages = directoryPages * 512;
  for (let part = from; part < to;) {
    const first = mm.pageTable.firstWithTables(part, to);
    if (first === undefined) return;
    const end = Math.min(to, (Math.floor(first / partPages) + 1) * partPages);
    const section = yield* mm.startSection(spanOf(first, end), 'PROTECTION_VMA');
    change(section, { from: first, to: end });
    yield* mm.endSection(section);
    part = end;
  }
}

/** Sets the end of the heap. The first call with no heap known only says where it is. */
export function* brk(mm: Mm, address: number): Task<void> {
  const newEnd = Math.ceil(address / pageBytes) * pageBytes;
  yield* mm.lockForWrite();
  try {
    const oldEnd = mm.breakEnd;
    mm.breakEnd = newEnd;
    if (oldEnd === undefined || oldEnd === newEnd) return;
    if (newEnd < oldEnd) {
      yield* unmap(mm, { start: newEnd, end: oldEnd });
    } else {
      const span = { start: oldEnd, end: newEnd };
      yield* makeRoom(mm, span);
      mm.vmas.insert(new Vma(span, { ...implicitTraits, implicit: false }));
      mm.unmapped.remove(span);
    }
  } finally {
    mm.mmapLock.upWrite();
  }
  yield;
}

/** Faults the pages of a range in, as MAP_POPULATE and MADV_POPULATE do. */
export function* populateRange(mm: Mm, { from, to }: PageRange, write: boolean): Task<void> {
  for (let page = from; page < to; page++) {
    yield* mm.lockForRead();
    try {
      if ((yield* faultIn(mm, page, write)) !== 'ok') return;
    } finally {
      mm.mmapLock.upRead();
    }
  }
}

/** Makes both ends of a span borders between mappings; a huge page that is cut there is split first. */
export function* makeBorders(mm: Mm, { start, end }: Span): Task<void> {
  for (const border of [start, end]) {
    const vma = mm.vmas.find(border);
    if (vma === undefined || vma.start === border) continue;
    const page = pageOf(border);
    if (hugeBase(page) !== page) yield* splitHuge(mm, page);
    mm.vmas.splitAt(border);
  }
}

/** Unmaps what there is in a span: UNMAP over all of it. */
function* unmap(mm: Mm, span: Span): Task<void> {
  if (!mm.vmas.overlaps(span)) return;
  yield* makeBorders(mm, span);
  const from = pageOf(span.start);
  const to = pageOf(span.end);
  const section = yield* mm.startSection(span, 'UNMAP');
  zap(mm, section, from, to);
  mm.vmas.remove(span);
  mm.unmapped.add(span);
  mm.pageTable.freeTables(from, to);
  yield* mm.endSection(section);
}

/** Clears the way for a new mapping. An implicit one without pages was a wrong guess and goes silently. */
function* makeRoom(mm: Mm, span: Span): Task<void> {
  const inTheWay = mm.vmas.overlapping(span);
  if (inTheWay.length === 0) return;
  const from = pageOf(span.start);
  const to = pageOf(span.end);
  const isGuess = inTheWay.every(({ traits }) => traits.implicit);
  if (isGuess && mm.pageTable.populatedCount(from, to) === 0) {
    yield* makeBorders(mm, span);
    mm.vmas.remove(span);
    return;
  }
  yield* unmap(mm, span);
}

function backingOf(
  mm: Mm,
  backing: 'anonymous' | 'file' | Backing,
  shared: boolean,
): Backing | undefined {
  if (backing instanceof Backing) return backing;
  if (backing === 'file') return mm.machine.createBacking('a file');
  return shared ? mm.machine.createBacking('shared memory') : undefined;
}

function coverImplicitly(mm: Mm, gap: Span): void {
  if (!mm.unmapped.has(gap.start)) mm.vmas.insert(new Vma(gap, implicitTraits));
}

/** Where a mapping goes that has to have `bytes`: where it is, if nothing is in the way. */
// oxlint-disable-next-line require-yield
function* stay(mm: Mm, address: number, keptEnd: number, bytes: number): Task<number> {
  const end = address + bytes;
  if (end <= keptEnd || !mm.vmas.overlaps({ start: keptEnd, end })) return address;
  return mm.vmas.findFree(bytes, mapEnd);
}

function grow(mm: Mm, address: number, keptEnd: number, bytes: number): void {
  const end = address + bytes;
  if (end <= keptEnd) return;
  const vma = mm.vmas.find(keptEnd - 1);
  const span = { start: keptEnd, end };
  const traits = vma?.traits ?? { ...implicitTraits, implicit: false };
  const offset = vma?.backingIndex(pageOf(keptEnd)) ?? 0;
  mm.vmas.insert(new Vma(span, traits, offset));
  mm.unmapped.remove(span);
}

function* move(mm: Mm, old: Span, target: number, newBytes: number, keepOld: boolean): Task<void> {
  const span = { start: target, end: target + newBytes };
  if (span.start < old.end && old.start < span.end) {
    throw new NotifierError(
      'MMN_OPTION',
      'expected the new range of an mremap not to overlap the old one, got one that does',
    );
  }
  for (const gap of mm.vmas.gaps(old)) coverImplicitly(mm, gap);
  yield* makeRoom(mm, span);
  const vma = mm.vmas.find(old.start);
  if (vma === undefined) return;
  const moved = new Vma(span, vma.traits, vma.backingIndex(pageOf(old.start)), vma.hasOwnPages);
  mm.vmas.insert(moved);
  mm.unmapped.remove(span);
  yield* moveEntries(mm, old, target);
  if (!keepOld) yield* unmap(mm, old);
}

/** Linux: move_page_tables. The new range raises nothing: nothing was there. */
function* moveEntries(mm: Mm, old: Span, target: number): Task<void> {
  const { pageTable, machine } = mm;
  const from = pageOf(old.start);
  const to = pageOf(old.end);
  const distance = pageOf(target) - from;
  const section = yield* mm.startSection(old, 'UNMAP');
  const moves: { page: number; frame: number; flags: number }[] = [];
  const whole: number[] = [];
  for (;;) {
    const page = firstToSplit(mm, from, to, distance);
    if (page === undefined) break;
    yield* splitHuge(mm, page);
  }
  pageTable.visit(from, to, (leaf, base, first, end) => {
    if (leaf.huge) whole.push(base + distance);
    for (let index = first; index < end; index++) {
      const flags = leaf.flags[index]!;
      if (flags === 0) continue;
      moves.push({ page: base + index, frame: leaf.frames[index]!, flags });
      leaf.clear(index);
    }
  });
  for (const { page, frame, flags } of moves) {
    const leaf = pageTable.leafFor(page + distance);
    leaf.set(indexInLeaf(page + distance), frame, flags, ++machine.version);
    if ((flags & (pteFlags.devicePrivate | pteFlags.exclusive)) === 0) continue;
    mm.deviceOwners.set(page + distance, mm.deviceOwners.get(page));
    mm.deviceOwners.delete(page);
  }
  for (const base of whole) pageTable.leafFor(base).huge = true;
  mm.changed(section, from, to);
  yield* mm.endSection(section);
}

/** A huge page that cannot move as one: the range cuts it, or its new place is not aligned. */
function firstToSplit(mm: Mm, from: number, to: number, distance: number): number | undefined {
  let found: number | undefined;
  mm.pageTable.visit(from, to, (leaf, base, first, end) => {
    if (!leaf.huge || found !== undefined) return;
    const isWhole = first === 0 && end === hugePages;
    if (!isWhole || distance % hugePages !== 0) found = base;
  });
  return found;
}
