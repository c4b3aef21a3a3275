/**
 * Pages, and what a page-table entry can say.
 *
 * Addresses are bytes at every API; inside, a page is its number, `address / 4096`, below 2^41. That is
 * beyond what bit operations hold, so numbers are divided, and only offsets in a table are shifted.
 */
import { addressMax, checkSpan, type Span } from '@mmu-notifier/core';

/** Bytes in a page. */
export const pageBytes = 4096;
/** Pages in a huge page, entries in a leaf of the page table: 2 MiB, what the kernel's pmd maps. */
export const hugePages = 512;
/** Bytes in a huge page. */
export const hugeBytes: number = pageBytes * hugePages;
/** Every address: what a section "over everything" covers. */
export const wholeSpace: Span = Object.freeze({ start: 0, end: addressMax });

/** Bits of a mapping's protection. Linux: PROT_READ, PROT_WRITE, PROT_EXEC. */
export const protections = { read: 1, write: 2, exec: 4 } as const;

/**
 * Flags of an entry; 0 is an entry that holds nothing. Exactly one of `present`, `swapped` and
 * `devicePrivate` is set in any other.
 */
export const pteFlags = {
  /** A frame is mapped. */
  present: 1,
  /** The CPU may write; only with `present` or `devicePrivate`. */
  writable: 2,
  /** Made to fault on purpose by NUMA balancing. */
  hinting: 4,
  /** The contents are in swap; `frame` is the slot. */
  swapped: 8,
  /** The contents are in a device's memory; the CPU faults them back. */
  devicePrivate: 16,
  /** Present, but a device has exclusive access; the CPU faults it back. */
  exclusive: 32,
  /** MADV_FREE: reclaim may drop the contents unless somebody writes first. */
  lazyFree: 64,
} as const;

/** A range of whole pages as page numbers, `to` exclusive. */
export interface PageRange {
  readonly from: number;
  readonly to: number;
}

/** The page of an address. */
export function pageOf(address: number): number {
  return Math.floor(address / pageBytes);
}

/**
 * The whole pages that a range of bytes touches.
 *
 * @throws NotifierError `MMN_ADDRESS`, `MMN_RANGE_EMPTY`, `MMN_RANGE_INVERTED`
 */
export function pagesOf(span: Span, what: string): PageRange {
  checkSpan(span, what);
  return { from: pageOf(span.start), to: Math.ceil(span.end / pageBytes) };
}

/** As it is written in reports. */
export function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
