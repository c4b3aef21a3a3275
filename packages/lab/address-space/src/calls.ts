/**
 * What a program asks for: mmap, munmap, mprotect, brk; mremap has a file of its own. All hold the mmap lock for write.
 *
 * Linux 7.1 has unmap_vmas run with the lock downgraded to read, after the mappings are gone: faults are
 * refused then, and here they wait instead.
 */
import type { Span } from '@mmu-notifier/core';
import { Backing } from './backing.ts';
import { revoke, spanOf, splitHuge, writeProtect, zap } from './entries.ts';
import { faultIn, implicitTraits } from './faults.ts';
import type { Mm } from './mm.ts';
import { directoryPages, hugeBase } from './page-table.ts';

import { pageBytes, pageOf, pagesOf, protections, type PageRange } from './pages.ts';
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
export const mapEnd: number = 2 ** 47;

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
export function* unmap(mm: Mm, span: Span): Task<void> {
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
export function* makeRoom(mm: Mm, span: Span): Task<void> {
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

export function coverImplicitly(mm: Mm, gap: Span): void {
  if (!mm.unmapped.has(gap.start)) mm.vmas.insert(new Vma(gap, implicitTraits));
}
