/**
 * The mappings of an address space: what is there, not which pages are.
 *
 * 1. Mappings are whole pages, sorted, and never overlap.
 * 2. Neighbours that could be one mapping are one, as in Linux: it decides how many sections a fork raises.
 * 3. A backing counts the mappings of it, and gives its pages back when the last one goes.
 */
import { invariant, type Span } from '@mmu-notifier/core';
import type { Backing } from './backing.ts';
import { hex, pageBytes, pageOf } from './pages.ts';

/** What the parts of one mapping have in common. */
export interface VmaTraits {
  /** Bits of `protections`. */
  readonly protection: number;
  readonly shared: boolean;
  /** The pages behind it: a file, or shared memory. Without one it is private and anonymous. */
  readonly backing: Backing | undefined;
  /** Nobody mapped it in this simulation: see `AddressSpace.fault`. */
  readonly implicit: boolean;
  /** MADV_DONTFORK, MADV_WIPEONFORK. */
  readonly onFork: 'copy' | 'omit' | 'wipe';
}

/** One mapping. */
export class Vma implements Span {
  start: number;
  end: number;
  /** Pages into the backing at `start`. */
  offset: number;
  /** It has had pages of its own (Linux: `anon_vma`). Without any, fork copies nothing and raises nothing. */
  hasOwnPages: boolean;
  traits: VmaTraits;

  constructor({ start, end }: Span, traits: VmaTraits, offset = 0, hasOwnPages = false) {
    this.start = start;
    this.end = end;
    this.traits = traits;
    this.offset = offset;
    this.hasOwnPages = hasOwnPages;
  }

  /** Where a page of this mapping is in the backing. */
  backingIndex(page: number): number {
    return this.offset + page - pageOf(this.start);
  }
}

/** See the file's head. */
export class VmaList {
  readonly #vmas: Vma[] = [];

  get all(): readonly Vma[] {
    return this.#vmas;
  }

  find(address: number): Vma | undefined {
    const vma = this.#vmas[this.#firstEndingAfter(address)];
    return vma !== undefined && vma.start <= address ? vma : undefined;
  }

  /** The mappings that overlap a span, in order; a copy. */
  overlapping({ start, end }: Span): Vma[] {
    const first = this.#firstEndingAfter(start);
    let last = first;
    while (last < this.#vmas.length && this.#vmas[last]!.start < end) last++;
    return this.#vmas.slice(first, last);
  }

  overlaps({ start, end }: Span): boolean {
    const vma = this.#vmas[this.#firstEndingAfter(start)];
    return vma !== undefined && vma.start < end;
  }

  /** The parts of a span without mappings, in order. */
  gaps({ start, end }: Span): Span[] {
    const gaps: Span[] = [];
    let from = start;
    for (const vma of this.overlapping({ start, end })) {
      if (vma.start > from) gaps.push({ start: from, end: vma.start });
      from = vma.end;
    }
    if (from < end) gaps.push({ start: from, end });
    return gaps;
  }

  /** Adds a mapping where there is none, and joins it to its neighbours if they are alike. */
  insert(vma: Vma): void {
    const at = this.#firstEndingAfter(vma.start);
    invariant(
      (this.#vmas[at]?.start ?? Infinity) >= vma.end,
      `a mapping at ${hex(vma.start)} overlaps another`,
    );
    this.#vmas.splice(at, 0, vma);
    vma.traits.backing?.map();
    this.join(vma);
  }

  /** Makes `address` a border between mappings. */
  splitAt(address: number): void {
    const at = this.#firstEndingAfter(address);
    const vma = this.#vmas[at];
    if (vma === undefined || vma.start >= address) return;
    const { end, traits, hasOwnPages } = vma;
    const offset = vma.backingIndex(pageOf(address));
    vma.end = address;
    this.#vmas.splice(at + 1, 0, new Vma({ start: address, end }, traits, offset, hasOwnPages));
    traits.backing?.map();
  }

  /** Removes the mappings in a span, whose ends are borders. */
  remove(span: Span): void {
    const first = this.#firstEndingAfter(span.start);
    let last = first;
    while (last < this.#vmas.length && this.#vmas[last]!.start < span.end) last++;
    for (const vma of this.#vmas.splice(first, last - first)) vma.traits.backing?.unmap();
  }

  /** Joins all mappings of a span that are alike, and those at its ends with their neighbours. */
  joinAll(span: Span): void {
    for (const vma of this.overlapping(span)) this.join(vma);
  }

  /** Joins a mapping to its neighbours if they are alike. */
  join(vma: Vma): void {
    const at = this.#firstEndingAfter(vma.start);
    if (this.#vmas[at] !== vma) return;
    if (this.#joinNext(at)) vma.traits.backing?.unmap();
    if (at > 0 && this.#joinNext(at - 1)) vma.traits.backing?.unmap();
  }

  /** The lowest address at or above which `bytes` are free below `limit`, looking from the top. */
  findFree(bytes: number, limit: number): number {
    let end = limit;
    for (let at = this.#firstEndingAfter(limit - 1) - 1; at >= 0; at--) {
      const vma = this.#vmas[at]!;
      if (end - vma.end >= bytes) break;
      end = vma.start;
    }
    return end - bytes;
  }

  verify(): void {
    let last = 0;
    for (const { start, end } of this.#vmas) {
      invariant(start >= last, `the mapping at ${hex(start)} overlaps the one before it`);
      invariant(end > start, `the mapping at ${hex(start)} is empty`);
      invariant(start % pageBytes === 0, `the mapping at ${hex(start)} is not whole pages`);
      last = end;
    }
  }

  /** Joins the mapping at `at` with the next one; that it then no longer exists. */
  #joinNext(at: number): boolean {
    const a = this.#vmas[at];
    const b = this.#vmas[at + 1];
    if (a === undefined || b === undefined || a.end !== b.start || !alike(a, b)) return false;
    a.end = b.end;
    a.hasOwnPages ||= b.hasOwnPages;
    this.#vmas.splice(at + 1, 1);
    return true;
  }

  #firstEndingAfter(address: number): number {
    let low = 0;
    let high = this.#vmas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#vmas[middle]!.end <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function alike(a: Vma, b: Vma): boolean {
  const { traits: one } = a;
  const { traits: other } = b;
  return (
    one.protection === other.protection &&
    one.shared === other.shared &&
    one.backing === other.backing &&
    one.implicit === other.implicit &&
    one.onFork === other.onFork &&
    (one.backing === undefined || a.backingIndex(pageOf(a.end)) === b.offset)
  );
}
