/**
 * A set of spans that can be asked for those that overlap a range: the container of a scheme, as a parameter.
 *
 * It stands here, and not beside one of its implementations, because core is the only package that the schemes which
 * use an index and the packages which supply one both stand on. It has no code.
 *
 * Linux: include/linux/interval_tree.h, whose nodes lie in the caller's objects; here a handle takes their place.
 */
import type { Span } from './range.ts';

/** Names an item in the index that returned it, until it is removed. */
export type IndexHandle = number;

/** See the file's head. Nothing waits. Items keep their span while they are in the index. */
export interface IntervalIndex<T extends Span> {
  /** How many items it holds. */
  readonly size: number;

  /** Adds an item under its own span, half-open. An object may be added twice: those are two items. */
  insert(item: T): IndexHandle;

  /** Removes an item. The handle is free for another item then. @throws InvariantError if there is none */
  remove(handle: IndexHandle): void;

  /** One item that overlaps the range, always the same one while the index is the same; or `undefined`. */
  first(range: Span): T | undefined;

  /**
   * Appends every item that overlaps the range, each once, in an order of the index's own. A snapshot: the index may
   * change while its caller goes through it.
   */
  collect(range: Span, into: T[]): void;

  /** Checks every invariant. For tests. Throws InvariantError. */
  verify(): void;
}

/** Makes an empty index: what a scheme with an index takes as its option `createIndex`. */
export type IndexFactory = <T extends Span>() => IntervalIndex<T>;
