/**
 * A shadow page table: the entries of one mirror. Clearing a range costs no more than the smaller of the range
 * and the table, since an invalidation calls it.
 *
 *     chunks: page / 64 -> Float64Array(64 x 6)
 *       version frame flags beganStep readStep publishedStep
 *
 * 1. `version` is 0 exactly where there is no entry.
 * 2. The steps say when the fault that installed the entry did what: only the oracle reads them.
 */

/** Fields of an entry, as offsets. */
export const entryAt = {
  /** Of the page-table entry that was read. */
  version: 0,
  frame: 1,
  /** {@link entryFlags} */
  flags: 2,
  beganStep: 3,
  readStep: 4,
  publishedStep: 5,
} as const;

/** Bits of an entry's `flags`. */
export const entryFlags = {
  writable: 1,
  /** The oracle found it stale. */
  stale: 2,
} as const;

const fields = 6;
const chunkPages = 64;
const chunkLength = fields * chunkPages;

/** Called with an entry's page, and the values that it begins at `at`. */
export type EntryVisitor = (page: number, values: Float64Array, at: number) => void;

class Chunk {
  number: number;
  readonly values: Float64Array = new Float64Array(chunkLength);
  used = 0;

  constructor(number: number) {
    this.number = number;
  }
}

/** See the file's head. Arguments are page numbers; ranges exclude their end. */
export class ShadowTable {
  readonly #chunks = new Map<number, Chunk>();
  #last: Chunk | undefined;
  /** One that became empty, for the next fault: a range that is torn down is often faulted in again. */
  #spare: Chunk | undefined;
  #count = 0;

  /** Entries. */
  get count(): number {
    return this.#count;
  }

  /** The values that hold a page's entry, at {@link entryOffset}; `undefined`: there is none near it. */
  valuesAt(page: number): Float64Array | undefined {
    return this.#chunkAt(Math.floor(page / chunkPages))?.values;
  }

  /** Whether a range has an entry. */
  hasAny(from: number, to: number): boolean {
    let found = false;
    this.visit(from, to, () => (found = true));
    return found;
  }

  /** Points a page's entry, if there is one, at where its owner moved the page. */
  refresh(page: number, version: number, frame: number): void {
    const values = this.valuesAt(page);
    const at = entryOffset(page);
    if (values === undefined || values[at] === 0) return;
    values[at + entryAt.version] = version;
    values[at + entryAt.frame] = frame;
    // Stale or not until now: it is what the page table says.
    values[at + entryAt.flags] = values[at + entryAt.flags]! & ~entryFlags.stale;
  }

  set(
    page: number,
    version: number,
    frame: number,
    flags: number,
    beganStep: number,
    readStep: number,
    publishedStep: number,
  ): void {
    const number = Math.floor(page / chunkPages);
    let chunk = this.#chunkAt(number);
    if (chunk === undefined) {
      chunk = this.#spare ?? new Chunk(number);
      chunk.number = number;
      this.#spare = undefined;
      this.#chunks.set(number, chunk);
      this.#last = chunk;
    }
    const { values } = chunk;
    const at = entryOffset(page);
    if (values[at] === 0) {
      chunk.used++;
      this.#count++;
    }
    values[at + entryAt.version] = version;
    values[at + entryAt.frame] = frame;
    values[at + entryAt.flags] = flags;
    values[at + entryAt.beganStep] = beganStep;
    values[at + entryAt.readStep] = readStep;
    values[at + entryAt.publishedStep] = publishedStep;
  }

  /** Removes the entries of a range; returns how many there were. */
  clear(from: number, to: number): number {
    if (this.#count === 0) return 0;
    const before = this.#count;
    const first = Math.floor(from / chunkPages);
    const last = Math.floor((to - 1) / chunkPages);
    if (last - first < this.#chunks.size) {
      for (let number = first; number <= last; number++) {
        const chunk = this.#chunkAt(number);
        if (chunk !== undefined) this.#clearChunk(chunk, from, to);
      }
    } else {
      for (const chunk of this.#chunks.values()) {
        if (chunk.number >= first && chunk.number <= last) this.#clearChunk(chunk, from, to);
      }
    }
    return before - this.#count;
  }

  /** Visits the entries of a range, in no order. The visitor changes none but its flags. */
  visit(from: number, to: number, visitor: EntryVisitor): void {
    if (this.#count === 0) return;
    const first = Math.floor(from / chunkPages);
    const last = Math.floor((to - 1) / chunkPages);
    if (last - first < this.#chunks.size) {
      for (let number = first; number <= last; number++) {
        const chunk = this.#chunkAt(number);
        if (chunk !== undefined) visitChunk(chunk, from, to, visitor);
      }
    } else {
      for (const chunk of this.#chunks.values()) {
        if (chunk.number >= first && chunk.number <= last) visitChunk(chunk, from, to, visitor);
      }
    }
  }

  #chunkAt(number: number): Chunk | undefined {
    const last = this.#last;
    if (last !== undefined && last.number === number) return last;
    const chunk = this.#chunks.get(number);
    if (chunk !== undefined) this.#last = chunk;
    return chunk;
  }

  #clearChunk(chunk: Chunk, from: number, to: number): void {
    const base = chunk.number * chunkPages;
    const { values } = chunk;
    const end = entriesEnd(base, to);
    let removed = 0;
    for (let at = entriesFirst(base, from); at < end; at += fields) {
      if (values[at] === 0) continue;
      values[at] = 0;
      removed++;
    }
    this.#count -= removed;
    chunk.used -= removed;
    if (chunk.used > 0) return;
    this.#chunks.delete(chunk.number);
    if (this.#last === chunk) this.#last = undefined;
    this.#spare = chunk;
  }
}

/** Where a page's entry begins in its chunk's values. */
export function entryOffset(page: number): number {
  return (page - Math.floor(page / chunkPages) * chunkPages) * fields;
}

function entriesFirst(base: number, from: number): number {
  return from > base ? (from - base) * fields : 0;
}

function entriesEnd(base: number, to: number): number {
  return to < base + chunkPages ? (to - base) * fields : chunkLength;
}

function visitChunk(chunk: Chunk, from: number, to: number, visitor: EntryVisitor): void {
  const base = chunk.number * chunkPages;
  const { values } = chunk;
  const end = entriesEnd(base, to);
  for (let at = entriesFirst(base, from); at < end; at += fields) {
    if (values[at] !== 0) visitor(base + at / fields, values, at);
  }
}
