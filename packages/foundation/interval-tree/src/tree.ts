/**
 * The tree as callers see it: argument checks, and the hand-over of doubles to the searches and updates.
 *
 * The object holds views and nothing else, so any number of agents, and any number of walks within one agent, may use
 * the same memory; the caller's lock orders them. One lock mode suffices for `first`, `next`, `collect` and the getters
 * (shared), another for the rest (exclusive).
 */
import type { BareTree } from './bare.ts';
import { rebuild } from './build.ts';
import { checkedByteLength, checkPlace, checkRoom } from './checks.ts';
import {
  IntervalTreeError,
  refuseAbsent,
  refuseHandle,
  refuseInterval,
  refuseMoved,
  refusePresent,
  refuseQuery,
} from './errors.ts';
import {
  CAPACITY,
  FAN_OUT,
  HEADER,
  HEIGHT,
  layOut,
  LASTS,
  MAGIC,
  MAGIC_MOVED,
  MAGIC_TREE,
  ROOT,
  SIZE,
  SLOTS,
  STARTS,
  VERSION,
  VERSION_1,
  viewWords,
  type Words,
} from './layout.ts';
import { isInterval, loadColumns } from './load.ts';
import { collectHits, firstHit, nextHit } from './search.ts';
import { insertInterval, removeHandle } from './update.ts';
import { verifyWords } from './verify.ts';

/** Where a tree is laid out, and how much it may hold. */
export interface IntervalTreeOptions {
  /** First byte of the tree in its memory, a multiple of 8. Default 0. */
  byteOffset?: number;
  /** The most intervals; handles are 0 … capacity - 1. */
  capacity: number;
  /**
   * Entries of a full node, 4 to 16. Default 16, which is also the fastest; fewer give a deeper tree of
   * the same few intervals, which is what a test wants.
   */
  fanOut?: number;
}

/**
 * Closed intervals of integers `[start, last]`, `0 <= start <= last <= 2^53-1`, each under a handle of the caller's choice, in
 * words of the caller's memory. Duplicates and overlaps are welcome. Order is by start; intervals with
 * the same start keep one order among themselves for as long as they are in the tree.
 *
 * Nothing waits and nothing locks. Queries and updates allocate nothing, but for an insertion that finds its memory taken by nearly empty nodes: it packs the
 * tree anew, through a copy, which takes a pass over the tree and leaves room for many insertions.
 *
 * ```ts
 * const tree = IntervalTree.create(new ArrayBuffer(IntervalTree.byteLength(1000)), { capacity: 1000 });
 * tree.insert(7, 4096, 8191);
 * for (let hit = tree.first(0, 5000); hit >= 0; hit = tree.next(hit, 0, 5000)) tearDown(hit);
 * ```
 *
 * Source: the operations are those of Linux's `interval_tree` (include/linux/interval_tree.h, v6.19); the B+-tree is ours.
 */
export class IntervalTree {
  readonly #words: Words;

  private constructor(words: Words) {
    this.#words = words;
  }

  /**
   * Bytes that a tree of `capacity` intervals needs at worst, a multiple of 8: about 59 for each interval. Memory that the operating system
   * commits lazily costs nothing until used, and random inserts use about 42 bytes for each interval.
   *
   * @throws IntervalTreeError `MMN_TREE_CAPACITY` unless capacity is an integer from 1 on whose tree is smaller than 4 GiB.
   */
  static byteLength(capacity: number, fanOut: number = SLOTS): number {
    return checkedByteLength(capacity, fanOut);
  }

  /**
   * Lays an empty tree out. Memory that reads zero is written only at its beginning, so that reserving much costs little.
   *
   * @throws IntervalTreeError `MMN_TREE_CAPACITY`, `MMN_TREE_MEMORY`.
   */
  static create(memory: ArrayBufferLike, options: IntervalTreeOptions): IntervalTree {
    const { byteOffset = 0, capacity, fanOut = SLOTS } = options;
    checkPlace(memory, byteOffset, capacity, fanOut);
    const words = viewWords(memory, byteOffset, capacity, fanOut);
    layOut(words, capacity, fanOut);
    return new IntervalTree(words);
  }

  /**
   * The tree that another object, perhaps of another agent, laid out in the same memory.
   *
   * @throws IntervalTreeError `MMN_TREE_MEMORY` for memory that holds no tree of this version or only a part of it,
   *   `MMN_TREE_MOVED` for a tree that has left.
   */
  static attach(memory: ArrayBufferLike, byteOffset: number = 0): IntervalTree {
    checkRoom(memory, byteOffset, 8 * HEADER, 'the header of an interval tree');
    const header = new Int32Array(memory, byteOffset, 2 * HEADER);
    const [magic, version] = [header[MAGIC]!, header[VERSION]!];
    if (magic === MAGIC_MOVED) {
      throw new IntervalTreeError(
        'MMN_TREE_MOVED',
        `expected an interval tree at byte ${byteOffset}, got one that was moved to other memory`,
      );
    }
    if (magic !== MAGIC_TREE) {
      throw new IntervalTreeError(
        'MMN_TREE_MEMORY',
        `expected an interval tree at byte ${byteOffset} (magic ${MAGIC_TREE}), got magic ${magic}`,
      );
    }
    if (version !== VERSION_1) {
      throw new IntervalTreeError(
        'MMN_TREE_MEMORY',
        `expected version ${VERSION_1} of the interval tree's layout, got version ${version}`,
      );
    }
    const [capacity, fanOut] = [header[CAPACITY]!, header[FAN_OUT]!];
    checkPlace(memory, byteOffset, capacity, fanOut);
    return new IntervalTree(viewWords(memory, byteOffset, capacity, fanOut));
  }

  /** The tree that somebody has who wants no checks. */
  static over(bare: BareTree): IntervalTree {
    return new IntervalTree(bare.words);
  }

  /**
   * Growth: copies the tree to other memory, usually larger, with every handle and the order kept, and marks the old one
   * dead: whoever still uses it gets `MMN_TREE_MOVED`. Costs a pass over the intervals, and leaves nodes seven eighths full.
   *
   * @throws IntervalTreeError `MMN_TREE_CAPACITY` for less capacity than now, `MMN_TREE_MEMORY` (also when old and new overlap);
   *   the old tree then lives on.
   */
  moveTo(memory: ArrayBufferLike, options: IntervalTreeOptions): IntervalTree {
    const from = this.#words;
    refuseMoved(from);
    const { byteOffset = 0, capacity, fanOut = from.ints[FAN_OUT]! } = options;
    checkMove(from, { memory, byteOffset, capacity, fanOut });
    const moved = IntervalTree.create(memory, { byteOffset, capacity, fanOut });
    rebuild(from, moved.#words);
    // Capacity 0 fails every check of a handle, and root 0 is hit by no query.
    from.ints[MAGIC] = MAGIC_MOVED;
    for (const word of [CAPACITY, ROOT, HEIGHT, SIZE]) from.ints[word] = 0;
    return moved;
  }

  /** The most intervals that the tree can hold. */
  get capacity(): number {
    return this.#words.ints[CAPACITY]!;
  }

  /** The intervals in the tree. */
  get size(): number {
    return this.#words.ints[SIZE]!;
  }

  /**
   * Inserts `[start, last]` under a handle that is not in the tree.
   *
   * @throws IntervalTreeError `MMN_TREE_HANDLE`, `MMN_TREE_FULL`, `MMN_TREE_PRESENT`, `MMN_TREE_INTERVAL`; the tree is as before.
   */
  insert(handle: number, start: number, last: number): void {
    const words = this.#words;
    if (!isInterval(start, last)) refuseInterval(start, last);
    if (whereIs(words, handle) !== 0) refusePresent(handle);
    // -0 passes for an integer; + 0 makes it 0.
    insertInterval(words, handle, start + 0, last + 0);
  }

  /**
   * Removes a handle. A walk that stands on it cannot go on: ask for the next hit first.
   *
   * @throws IntervalTreeError `MMN_TREE_HANDLE`, `MMN_TREE_ABSENT`.
   */
  remove(handle: number): void {
    const words = this.#words;
    removeHandle(words, handle, presentWhereIs(words, handle));
  }

  /** Whether the handle is in the tree. @throws IntervalTreeError `MMN_TREE_HANDLE`. */
  has(handle: number): boolean {
    return whereIs(this.#words, handle) !== 0;
  }

  /** The start of a handle's interval. @throws IntervalTreeError `MMN_TREE_HANDLE`, `MMN_TREE_ABSENT`. */
  startOf(handle: number): number {
    const words = this.#words;
    return words.doubles[presentWhereIs(words, handle) + STARTS]!;
  }

  /** The last of a handle's interval. @throws IntervalTreeError `MMN_TREE_HANDLE`, `MMN_TREE_ABSENT`. */
  lastOf(handle: number): number {
    const words = this.#words;
    return words.doubles[presentWhereIs(words, handle) + LASTS]!;
  }

  /**
   * The handle of the hit with the lowest start, or -1. A hit is an interval that shares at least one integer with `[start, last]`.
   * Costs one walk from the root to a leaf.
   *
   * @throws IntervalTreeError `MMN_TREE_INTERVAL` unless 0 <= start <= last. `last` may be Infinity.
   */
  first(start: number, last: number): number {
    if (!(start >= 0 && start <= last)) refuseQuery(start, last);
    const words = this.#words;
    const hit = firstHit(words, start, last);
    // A tree that was moved has no hits: so only who finds none looks.
    if (hit < 0) refuseMoved(words);
    return hit;
  }

  /**
   * The hit that follows `handle` in order, or -1. All it needs to know is in the handle, so walks may be interleaved, and the tree may change between two
   * steps as long as the handle that a walk stands on stays.
   *
   * @throws IntervalTreeError `MMN_TREE_INTERVAL`, `MMN_TREE_HANDLE`, `MMN_TREE_ABSENT`.
   */
  next(handle: number, start: number, last: number): number {
    if (!(start >= 0 && start <= last)) refuseQuery(start, last);
    const words = this.#words;
    presentWhereIs(words, handle);
    return nextHit(words, handle, start, last);
  }

  /**
   * All hits at once, in order: writes their handles to `into` from index 0 on and returns how many. It stops when `into` is full, so a result of
   * `into.length` may not be all; `next(into[into.length - 1], start, last)` goes on from there. What is behind the returned number of handles is scratch.
   * Several times faster than a walk with `next`.
   *
   * @throws IntervalTreeError `MMN_TREE_INTERVAL`.
   */
  collect(start: number, last: number, into: Int32Array): number {
    if (!(start >= 0 && start <= last)) refuseQuery(start, last);
    const words = this.#words;
    const count = collectHits(words, start, last, into);
    if (count >= 0) return count;
    refuseMoved(words);
    return 0;
  }

  /**
   * Bulk load into an empty tree: row k puts `[starts[k], lasts[k]]` under `handles[k]`. Rows must be in order of start.
   * Many times faster than inserts, and leaves nodes seven eighths full.
   *
   * @throws IntervalTreeError `MMN_TREE_LOAD`, or a code of `insert`; the tree is then still empty.
   */
  load(handles: Int32Array, starts: Float64Array, lasts: Float64Array): void {
    refuseMoved(this.#words);
    loadColumns(this.#words, { handles, starts, lasts });
  }

  /** Checks every invariant of the layout; throws an Error that names the first broken one. For tests: it reads everything. */
  verify(): void {
    refuseMoved(this.#words);
    verifyWords(this.#words);
  }
}

/** What a move may get wrong beyond what `create` checks. @throws IntervalTreeError `MMN_TREE_CAPACITY`, `MMN_TREE_MEMORY` */
function checkMove(from: Words, to: Required<IntervalTreeOptions> & Pick<Words, 'memory'>): void {
  const { memory, byteOffset, capacity, fanOut } = to;
  const [capacityNow, fanOutNow] = [from.ints[CAPACITY]!, from.ints[FAN_OUT]!];
  if (capacity < capacityNow) {
    throw new IntervalTreeError(
      'MMN_TREE_CAPACITY',
      `expected a capacity of at least ${capacityNow}, as now, got ${String(capacity)}`,
    );
  }
  if (fanOut !== fanOutNow) {
    throw new IntervalTreeError(
      'MMN_TREE_CAPACITY',
      `expected fan-out ${fanOutNow}, which the tree has and keeps, got ${fanOut}`,
    );
  }
  const [end, endNow] = [
    byteOffset + checkedByteLength(capacity, fanOut),
    from.byteOffset + 4 * from.ints.length,
  ];
  if (memory === from.memory && byteOffset < endNow && from.byteOffset < end) {
    throw new IntervalTreeError(
      'MMN_TREE_MEMORY',
      `expected other bytes than the tree's own, ${from.byteOffset} to ${endNow}, got ${byteOffset} to ${end}, which overlap the tree's own`,
    );
  }
}

/** Where a handle is, or 0, after checking that the handle is one. */
function whereIs(words: Words, handle: number): number {
  const { ints } = words;
  if ((handle | 0) !== handle || handle < 0 || handle >= ints[CAPACITY]!)
    refuseHandle(words, handle);
  return ints[(words.whereIs + handle) | 0]!;
}

/** Where a handle is, after checking that it is in the tree. Node and place add up, so the sum leads to the entry's words. */
function presentWhereIs(words: Words, handle: number): number {
  const where = whereIs(words, handle);
  if (where === 0) refuseAbsent(words, handle);
  return where;
}
