/**
 * The tree for callers who have checked already: the same operations on the same words, without a look at arguments,
 * bulk load, `collect` or `verify`. What the checked tree refuses is undefined here, and may damage the tree.
 */
import { rebuild } from './build.ts';
import {
  byteLengthOf,
  CAPACITY,
  FAN_OUT,
  HEADER,
  LASTS,
  layOut,
  SIZE,
  SLOTS,
  STARTS,
  viewWords,
  type Words,
} from './layout.ts';
import { firstOfQuery, nextOfQuery, setQuery } from './search.ts';
import { insertInterval, removeHandle } from './update.ts';

export { setQuery };

/** See the file's head, and `IntervalTree` for what each operation means. */
export class BareTree {
  /** @internal */
  readonly words: Words;

  private constructor(words: Words) {
    this.words = words;
  }

  static byteLength(capacity: number): number {
    return byteLengthOf(capacity, SLOTS);
  }

  static create(memory: ArrayBufferLike, capacity: number, byteOffset = 0): BareTree {
    const words = viewWords(memory, byteOffset, capacity, SLOTS);
    layOut(words, capacity, SLOTS);
    return new BareTree(words);
  }

  static attach(memory: ArrayBufferLike, byteOffset: number): BareTree {
    const header = new Int32Array(memory, byteOffset, 2 * HEADER);
    return new BareTree(viewWords(memory, byteOffset, header[CAPACITY]!, header[FAN_OUT]!));
  }

  /** Leaves the old tree as it is: it must not be used any more. */
  moveTo(memory: ArrayBufferLike, capacity: number): BareTree {
    const larger = BareTree.create(memory, capacity);
    rebuild(this.words, larger.words);
    return larger;
  }

  get size(): number {
    return this.words.ints[SIZE]!;
  }

  insert(handle: number, start: number, last: number): void {
    insertInterval(this.words, handle, start + 0, last + 0);
  }

  remove(handle: number): void {
    removeHandle(this.words, handle, this.#whereIs(handle));
  }

  has(handle: number): boolean {
    return this.#whereIs(handle) !== 0;
  }

  startOf(handle: number): number {
    return this.words.doubles[this.#whereIs(handle) + STARTS]!;
  }

  lastOf(handle: number): number {
    return this.words.doubles[this.#whereIs(handle) + LASTS]!;
  }

  first(start: number, last: number): number {
    setQuery(start, last);
    return firstOfQuery(this.words);
  }

  /** As `first(start, last)` after `setQuery(start, last)`, between which nobody may search any tree. Allocates nothing. */
  firstOfQuery(): number {
    return firstOfQuery(this.words);
  }

  /** As `next(handle, start, last)` after `setQuery(start, last)`. */
  nextOfQuery(handle: number): number {
    return nextOfQuery(this.words, handle);
  }

  next(handle: number, start: number, last: number): number {
    setQuery(start, last);
    return nextOfQuery(this.words, handle);
  }

  #whereIs(handle: number): number {
    const { ints, whereIs } = this.words;
    return ints[whereIs + handle]!;
  }
}
