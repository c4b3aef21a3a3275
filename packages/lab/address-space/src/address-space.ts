/**
 * One address space: the operations that change it, each a {@link Task} that raises its sections exactly as
 * Linux 7.1 does. The table of all of them is in the package's README.
 *
 * Addresses and lengths are bytes; ranges are widened to whole pages.
 */
import { NotifierError, type Span } from '@mmu-notifier/core';
import * as advice from './advice.ts';
import * as calls from './calls.ts';
import type { Device } from './device.ts';
import * as deviceMemory from './device-memory.ts';
import * as faults from './faults.ts';
import * as kernel from './kernel.ts';
import * as lifecycle from './lifecycle.ts';
import { verifyAddressSpace } from './machine.ts';
import { Mm } from './mm.ts';
import { mremap, type MremapOptions } from './mremap.ts';
import * as oom from './oom.ts';
import { pageOf, pagesOf, type PageRange } from './pages.ts';
import type { Task } from './scheduler.ts';

/** See the file's head. Made by `Machine.createAddressSpace`, `fork` and `exec`. */
export class AddressSpace extends Mm {
  /** Maps memory; results in its address. @throws NotifierError for a range as `checkSpan` does */
  mmap(options: calls.MmapOptions): Task<number> {
    return calls.mmap(this, options);
  }

  /** Unmaps: UNMAP, once, if anything is mapped in the range. */
  munmap(address: number, length: number): Task<void> {
    return calls.munmap(this, range(address, length));
  }

  /** Moves, grows or shrinks; results in the address. UNMAP over the old range, never over the new one. */
  mremap(options: MremapOptions): Task<number> {
    return mremap(this, options);
  }

  /** Changes access rights, bits of `protections`. PROTECTION_VMA, where there are page tables. */
  mprotect(address: number, length: number, protection: number): Task<void> {
    return calls.mprotect(this, range(address, length), protection);
  }

  /** Advice by its name in Linux, in lower case: `'dontneed'`, `'free'`, `'pageout'`, `'cold'`, `'remove'`, … */
  madvise(address: number, length: number, name: string): Task<void> {
    return advice.madvise(this, range(address, length), name);
  }

  /** Sets the end of the heap; the first call says where it is. UNMAP when it shrinks. */
  brk(address: number): Task<void> {
    pageAt(address);
    return calls.brk(this, address);
  }

  /**
   * A CPU's access that faults. CLEAR over the page when it has to be copied on write.
   *
   * Where nothing was ever mapped, a mapping appears: recordings start in the middle, and program images and
   * stacks are not in them. Where something was mapped and unmapped, the fault is refused.
   *
   * @param write `undefined`, not known: a write if the page is there, since a read would not have faulted
   * @param contents what is written; default a number that nobody wrote before
   */
  fault(address: number, write?: boolean, contents?: number): Task<faults.FaultOutcome> {
    return faults.fault(this, pageAt(address), write, contents);
  }

  /** A copy on write, as a new address space. PROTECTION_PAGE over each private mapping with pages of its own. */
  fork(name?: string): Task<AddressSpace> {
    return lifecycle.fork(this, name);
  }

  /** The end: the notifier's release, then UNMAP over everything. */
  exit(): Task<void> {
    return lifecycle.exit(this);
  }

  /** Another program: this address space ends, the result is a fresh one. */
  *exec(name?: string): Task<AddressSpace> {
    const fresh = this.machine.createAddressSpace(name);
    yield* lifecycle.exit(this);
    return fresh;
  }

  /** Pages go to swap or back to their file: CLEAR over each. No mmap lock. */
  reclaim(address: number, length: number): Task<void> {
    return kernel.reclaim(this, range(address, length));
  }

  /** Pages move to other frames: CLEAR over each. No mmap lock. */
  migrate(address: number, length: number): Task<void> {
    return kernel.migrate(this, range(address, length));
  }

  /** Merges pages with equal contents: CLEAR twice over each that is merged. */
  ksm(address: number, length: number): Task<void> {
    return kernel.ksm(this, range(address, length));
  }

  /** The 2 MiB around an address become a huge page, if they can: CLEAR over them. */
  collapse(address: number): Task<boolean> {
    return kernel.collapse(this, pageAt(address));
  }

  /** The huge page at an address is split: CLEAR over its 2 MiB. No mmap lock. */
  split(address: number): Task<void> {
    return kernel.split(this, pageAt(address));
  }

  /** Pages fault on purpose: PROTECTION_VMA as mprotect, with the mmap lock held for read only. */
  numaHinting(address: number, length: number): Task<void> {
    return kernel.numaHinting(this, range(address, length));
  }

  /** Everything is write-protected: SOFT_DIRTY over the whole space. */
  softDirtyClear(): Task<void> {
    return kernel.softDirtyClear(this);
  }

  /** Shared file pages are cleaned: PROTECTION_PAGE over each. No mmap lock. */
  writeback(address: number, length: number): Task<void> {
    return kernel.writeback(this, range(address, length));
  }

  /** The files mapped in a range lose those pages: CLEAR over each mapping of them, anywhere. No mmap lock. */
  truncate(address: number, length: number): Task<void> {
    return kernel.truncate(this, range(address, length));
  }

  /** Pages move into a device's memory: MIGRATE, owned by it. Results in how many did. */
  deviceMigrate(address: number, length: number, device: Device): Task<number> {
    return deviceMemory.deviceMigrate(this, range(address, length), device);
  }

  /** A device gets exclusive access: EXCLUSIVE, owned by it, over each page. Results in how many it got. */
  deviceExclusive(address: number, length: number, device: Device): Task<number> {
    return deviceMemory.deviceExclusive(this, range(address, length), device);
  }

  /** The OOM reaper: CLEAR over each private mapping, non-blockable. */
  oomReap(): Task<oom.ReapReport> {
    return oom.oomReap(this);
  }

  /** The contents of the page at an address, wherever they are; 0 where nothing was written. Changes nothing. */
  contentsAt(address: number): number {
    const page = pageAt(address);
    if (this.pageTable.flagsAt(page) !== 0) {
      return this.machine.frames.contents(this.pageTable.frameAt(page));
    }
    const vma = this.vmas.find(address);
    return vma?.traits.backing?.contentsAt(vma.backingIndex(page)) ?? 0;
  }

  /** Pages of a range that hold something. */
  populatedCount(span: Span): number {
    const { from, to } = pagesOf(span, 'range');
    return this.pageTable.populatedCount(from, to);
  }

  /** Checks this address space as `Machine.verify` does. */
  verify(): void {
    verifyAddressSpace(this);
  }
}

function range(address: number, length: number): PageRange {
  return pagesOf({ start: address, end: address + length }, 'range');
}

function pageAt(address: number): number {
  if (Number.isSafeInteger(address) && address >= 0) return pageOf(address);
  throw new NotifierError(
    'MMN_ADDRESS',
    `expected address to be an integer from 0 to 2^53-1, got ${String(address)}`,
  );
}
