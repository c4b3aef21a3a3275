/**
 * madvise. Linux: mm/madvise.c, v7.1. The mmap lock is held for read, but for REMOVE, which drops it while the
 * file's hole is punched, and for what changes the mapping itself.
 */
import { makeBorders, populateRange } from './calls.ts';
import { collapse, reclaim, unmapBacking } from './kernel.ts';
import { spanOf, splitEdges, zap } from './entries.ts';
import type { Mm } from './mm.ts';
import { hugeBase } from './page-table.ts';
import { hugePages, pageOf, pteFlags, type PageRange } from './pages.ts';
import type { Task } from './scheduler.ts';
import type { Vma, VmaTraits } from './vma.ts';

/**
 * Advice that does something here, by its name in Linux in lower case, without MADV_. `guard_install` drops the
 * pages as DONTNEED does, but keeps no guard. Everything else raises nothing and does nothing.
 */
export function* madvise(mm: Mm, pages: PageRange, advice: string): Task<void> {
  switch (advice) {
    case 'dontneed':
    case 'dontneed_locked':
    case 'guard_install':
      return yield* forEachVma(mm, pages, () => true, dontNeed);
    case 'free':
      return yield* forEachVma(mm, pages, isOwn, lazyFree);
    case 'pageout':
      return yield* pageOut(mm, pages);
    case 'remove':
      return yield* removePages(mm, pages);
    case 'populate_read':
    case 'populate_write':
      return yield* populateRange(mm, pages, advice === 'populate_write');
    case 'collapse':
      for (let page = hugeBase(pages.from + hugePages - 1); page + hugePages <= pages.to;) {
        yield* collapse(mm, page);
        page += hugePages;
      }
      return undefined;
    case 'dontfork':
      return yield* setOnFork(mm, pages, 'omit');
    case 'wipeonfork':
      return yield* setOnFork(mm, pages, 'wipe');
    case 'dofork':
    case 'keeponfork':
      return yield* setOnFork(mm, pages, 'copy');
    default:
      yield;
      return undefined;
  }
}

function isOwn({ traits }: Vma): boolean {
  return !traits.shared && traits.backing === undefined;
}

/** Runs `change` for the part of each mapping that is in the range, the mmap lock held for read. */
function* forEachVma(
  mm: Mm,
  { from, to }: PageRange,
  isMeant: (vma: Vma) => boolean,
  change: (mm: Mm, part: PageRange) => Task<void>,
): Task<void> {
  yield* mm.lockForRead();
  try {
    for (const vma of mm.vmas.overlapping(spanOf(from, to))) {
      if (!isMeant(vma)) continue;
      yield* change(mm, {
        from: Math.max(from, pageOf(vma.start)),
        to: Math.min(to, pageOf(vma.end)),
      });
    }
  } finally {
    mm.mmapLock.upRead();
  }
  yield;
}

/** Linux: zap_page_range_single. A huge page that the range cuts is split inside the section. */
function* dontNeed(mm: Mm, { from, to }: PageRange): Task<void> {
  const section = yield* mm.startSection(spanOf(from, to), 'CLEAR');
  yield* splitEdges(mm, from, to);
  zap(mm, section, from, to);
  yield* mm.endSection(section);
}

/** Linux: madvise_free_single_vma. The pages stay until somebody writes or reclaim takes them. */
function* lazyFree(mm: Mm, { from, to }: PageRange): Task<void> {
  const { machine, pageTable } = mm;
  const section = yield* mm.startSection(spanOf(from, to), 'CLEAR');
  yield* splitEdges(mm, from, to);
  pageTable.visit(from, to, ({ frames, flags, versions }, _base, first, end) => {
    for (let index = first; index < end; index++) {
      if ((flags[index]! & pteFlags.present) === 0) continue;
      // A page that others share after a fork is left alone.
      if (machine.frames.count(frames[index]!) !== 1) continue;
      flags[index] = flags[index]! | pteFlags.lazyFree;
      versions[index] = ++machine.version;
    }
  });
  mm.changed(section, from, to);
  yield* mm.endSection(section);
}

function* pageOut(mm: Mm, pages: PageRange): Task<void> {
  yield* mm.lockForRead();
  try {
    yield* reclaim(mm, pages);
  } finally {
    mm.mmapLock.upRead();
  }
  yield;
}

/** MADV_REMOVE: a hole in the file, for all who map it. */
function* removePages(mm: Mm, { from, to }: PageRange): Task<void> {
  yield* mm.lockForRead();
  const parts = mm.vmas
    .overlapping(spanOf(from, to))
    .filter(({ traits }) => traits.shared)
    .map((vma) => ({
      backing: vma.traits.backing,
      from: vma.backingIndex(Math.max(from, pageOf(vma.start))),
      to: vma.backingIndex(Math.min(to, pageOf(vma.end))),
    }));
  mm.mmapLock.upRead();
  for (const part of parts) {
    if (part.backing !== undefined) {
      yield* unmapBacking(mm.machine, part.backing, part.from, part.to, false);
    }
  }
  yield;
}

function* setOnFork(mm: Mm, { from, to }: PageRange, onFork: VmaTraits['onFork']): Task<void> {
  yield* mm.lockForWrite();
  try {
    const span = spanOf(from, to);
    yield* makeBorders(mm, span);
    for (const vma of mm.vmas.overlapping(span)) vma.traits = { ...vma.traits, onFork };
    mm.vmas.joinAll(span);
  } finally {
    mm.mmapLock.upWrite();
  }
  yield;
}
