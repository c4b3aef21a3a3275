/** How address spaces begin and end: fork, exit, exec. Linux: kernel/fork.c, mm/memory.c, mm/mmap.c, v7.1. */
import { zap } from './entries.ts';
import type { AddressSpace } from './address-space.ts';
import type { Mm } from './mm.ts';
import { indexInLeaf } from './page-table.ts';
import { hugePages, pageOf, pteFlags, wholeSpace } from './pages.ts';
import { waitFor, type Task } from './scheduler.ts';
import { Vma } from './vma.ts';

const { writable, exclusive } = pteFlags;

/**
 * A copy on write of an address space. Raises PROTECTION_PAGE over each private mapping that has pages of its
 * own, in the parent only: nobody can have mirrored the child. The mmap lock is held for write.
 */
export function* fork(mm: Mm, name: string | undefined): Task<AddressSpace> {
  yield* mm.lockForWrite();
  try {
    const child = mm.machine.createAddressSpace(name);
    child.breakEnd = mm.breakEnd;
    for (const gap of mm.unmapped.all) child.unmapped.add(gap);
    for (const vma of mm.vmas.all.slice()) {
      const { traits, offset, hasOwnPages } = vma;
      if (traits.onFork === 'omit') continue;
      const isCopied = traits.onFork === 'copy' && hasOwnPages;
      child.vmas.insert(new Vma(vma, traits, offset, isCopied));
      // What has no pages of its own the child faults in by itself.
      if (!isCopied) continue;
      const section = yield* mm.startSection({ start: vma.start, end: vma.end }, 'PROTECTION_PAGE');
      copyEntries(mm, child, pageOf(vma.start), pageOf(vma.end));
      mm.changed(section, pageOf(vma.start), pageOf(vma.end));
      yield* mm.endSection(section);
    }
    return child;
  } finally {
    mm.mmapLock.upWrite();
  }
}

/** Linux: copy_page_range. */
function copyEntries(mm: Mm, child: Mm, from: number, to: number): void {
  const { machine } = mm;
  mm.pageTable.visit(from, to, (leaf, base, first, end) => {
    for (let index = first; index < end; index++) {
      let flags = leaf.flags[index]!;
      if (flags === 0) continue;
      const page = base + index;
      if ((flags & exclusive) !== 0) mm.deviceOwners.delete(page);
      const protectedFlags = flags & ~(writable | exclusive);
      if (protectedFlags !== flags) {
        flags = protectedFlags;
        leaf.flags[index] = flags;
        leaf.versions[index] = ++machine.version;
      }
      const frame = leaf.frames[index]!;
      machine.frames.hold(frame);
      child.pageTable.leafFor(page).set(indexInLeaf(page), frame, flags, ++machine.version);
      if ((flags & pteFlags.devicePrivate) !== 0) {
        child.deviceOwners.set(page, mm.deviceOwners.get(page));
      }
    }
    if (leaf.huge && first === 0 && end === hugePages) child.pageTable.leafFor(base).huge = true;
  });
}

/**
 * The end of an address space: `release`, without a lock, then UNMAP over everything, the mmap lock held for
 * read. Whoever comes later is refused.
 */
export function* exit(mm: Mm): Task<void> {
  if (mm.isDying) return;
  mm.isDying = true;
  yield;
  yield* waitFor(mm.notifier.release(), `the release of ${mm.name}`);
  yield* mm.lockForRead();
  try {
    const section = yield* mm.startSection(wholeSpace, 'UNMAP');
    zap(mm, section, 0, pageOf(wholeSpace.end) + 1);
    yield* mm.endSection(section);
  } finally {
    mm.mmapLock.upRead();
  }
  yield* mm.lockForWrite();
  mm.vmas.remove(wholeSpace);
  mm.pageTable.freeTables(0, Infinity);
  mm.machine.forget(mm);
  mm.mmapLock.upWrite();
  yield;
}
