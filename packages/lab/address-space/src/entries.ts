/**
 * Changes of page-table entries, each in one step, inside a section of the caller's.
 */
import type { Mm } from './mm.ts';
import type { Leaf } from './page-table.ts';
import { hugeBase, indexInLeaf } from './page-table.ts';
import { hugePages, pageBytes, pteFlags } from './pages.ts';
import type { Task } from './scheduler.ts';
import type { SectionRecord } from './sections.ts';

/** The entries that hold something the CPU has mapped. */
export const mapped: number = pteFlags.present | pteFlags.devicePrivate;

/** Empties an entry and gives its frame back. */
export function clearEntry(mm: Mm, leaf: Leaf, index: number, page: number): void {
  if ((leaf.flags[index]! & (pteFlags.devicePrivate | pteFlags.exclusive)) !== 0) {
    mm.deviceOwners.delete(page);
  }
  mm.machine.frames.drop(leaf.frames[index]!);
  leaf.clear(index);
}

/** Empties every entry of a range; returns how many there were. */
export function zap(mm: Mm, section: SectionRecord, from: number, to: number): number {
  let count = 0;
  mm.pageTable.visit(from, to, (leaf, base, first, end) => {
    for (let index = first; index < end; index++) {
      if (leaf.flags[index] === 0) continue;
      clearEntry(mm, leaf, index, base + index);
      count++;
    }
  });
  if (count > 0) mm.changed(section, from, to);
  return count;
}

/** Takes away the right to write. */
export function writeProtect(mm: Mm, section: SectionRecord, from: number, to: number): void {
  const { machine } = mm;
  mm.pageTable.visit(from, to, ({ flags, versions }, _base, first, end) => {
    for (let index = first; index < end; index++) {
      if ((flags[index]! & pteFlags.writable) === 0) continue;
      flags[index] = flags[index]! & ~pteFlags.writable;
      versions[index] = ++machine.version;
    }
  });
  mm.changed(section, from, to);
}

/** Makes everything that is mapped inaccessible, without changing what the entries hold. */
export function revoke(mm: Mm, section: SectionRecord, from: number, to: number): void {
  const { machine } = mm;
  mm.pageTable.visit(from, to, ({ flags, versions }, _base, first, end) => {
    for (let index = first; index < end; index++) {
      if ((flags[index]! & mapped) === 0) continue;
      flags[index] = flags[index]! & ~pteFlags.writable;
      versions[index] = ++machine.version;
    }
  });
  mm.changed(section, from, to);
}

/** Changes an entry: another frame, other flags, a new version. The frame's reference is the caller's to count. */
export function replaceEntry(
  mm: Mm,
  section: SectionRecord,
  page: number,
  frame: number,
  flags: number,
): void {
  const leaf = mm.pageTable.leafFor(page);
  leaf.set(indexInLeaf(page), frame, flags, ++mm.machine.version);
  mm.changed(section, page, page + 1);
}

/** The section over some pages. */
export function spanOf(from: number, to: number): { start: number; end: number } {
  return { start: from * pageBytes, end: to * pageBytes };
}

/**
 * Splits the huge page that a page lies in, if it lies in one: a section over all its 2 MiB, which may reach
 * beyond an outer one. Linux: __split_huge_pmd.
 */
export function* splitHuge(mm: Mm, page: number): Task<void> {
  if (mm.pageTable.leafAt(page)?.huge !== true) return;
  const base = hugeBase(page);
  const section = yield* mm.startSection(spanOf(base, base + hugePages), 'CLEAR');
  const leaf = mm.pageTable.leafAt(page);
  if (leaf?.huge === true) {
    leaf.huge = false;
    // The device may have mapped the huge page as one: it has to look again.
    for (let index = 0; index < hugePages; index++) leaf.versions[index] = ++mm.machine.version;
    mm.changed(section, base, base + hugePages);
  }
  yield* mm.endSection(section);
}

/** Splits the huge pages that a range cuts. */
export function* splitEdges(mm: Mm, from: number, to: number): Task<void> {
  if (hugeBase(from) !== from) yield* splitHuge(mm, from);
  if (hugeBase(to) !== to) yield* splitHuge(mm, to);
}
