/** mremap: mappings that grow, shrink and move, under the mmap lock for write. Linux: mm/mremap.c, v7.1. */
import { NotifierError, type Span } from '@mmu-notifier/core';
import { coverImplicitly, makeRoom, mapEnd, unmap } from './calls.ts';
import { splitHuge } from './entries.ts';
import { implicitTraits } from './faults.ts';
import type { Mm } from './mm.ts';
import { indexInLeaf } from './page-table.ts';
import { hugePages, pageBytes, pageOf, pagesOf, pteFlags } from './pages.ts';
import type { Task } from './scheduler.ts';
import { Vma } from './vma.ts';

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
    const target = options.newAddress ?? stay(mm, address, keptEnd, newBytes);
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

/** Where a mapping goes that has to have `bytes`: where it is, if nothing is in the way. */
function stay(mm: Mm, address: number, keptEnd: number, bytes: number): number {
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
