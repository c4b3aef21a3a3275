/**
 * The mistakes a caller can make, each with a stable code.
 *
 * The checks that lead here sit on hot paths, so they only compare; everything that explains is in these
 * functions, which run once, just before the throw.
 */
import { CAPACITY, MAGIC, MAGIC_MOVED, MAGIC_TREE, SIZE, type Words } from './layout.ts';

/** Every code an {@link IntervalTreeError} can carry. */
export type IntervalTreeErrorCode =
  /** A handle is not an integer from 0 to capacity - 1. */
  | 'MMN_TREE_HANDLE'
  /** The handle to insert is in the tree already. */
  | 'MMN_TREE_PRESENT'
  /** The handle to remove, to read or to go on from is not in the tree. */
  | 'MMN_TREE_ABSENT'
  /** An interval is fractional, inverted, negative or ends beyond 2^53-1; or a query has no `0 <= start <= last`. */
  | 'MMN_TREE_INTERVAL'
  /** Every handle is in use: move the tree to larger memory. */
  | 'MMN_TREE_FULL'
  /** A capacity or a fan-out that no tree can have, or a move to a smaller capacity. */
  | 'MMN_TREE_CAPACITY'
  /** Memory that is too small, misaligned, or not laid out as a tree of this version. */
  | 'MMN_TREE_MEMORY'
  /** The tree was moved to other memory; the old one is dead. */
  | 'MMN_TREE_MOVED'
  /** A bulk load into a tree that is not empty, of unsorted starts, or from arrays of different lengths. */
  | 'MMN_TREE_LOAD';

/** A caller's mistake. `code` is stable; the message says what was expected and what came, and may change. */
export class IntervalTreeError extends RangeError {
  override readonly name = 'IntervalTreeError';
  readonly code: IntervalTreeErrorCode;

  constructor(code: IntervalTreeErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Throws when the words were left behind by a move. Every other complaint about them would mislead. */
export function refuseMoved(words: Words): void {
  if (words.ints[MAGIC] === MAGIC_MOVED) {
    throw new IntervalTreeError(
      'MMN_TREE_MOVED',
      'expected a tree, got one that was moved to other memory: use the tree that moveTo returned, or attach to its memory',
    );
  }
  if (words.ints[MAGIC] !== MAGIC_TREE) {
    throw new IntervalTreeError(
      'MMN_TREE_MEMORY',
      'expected an interval tree, got memory that no longer holds one',
    );
  }
}

/** The handle is outside the table. */
export function refuseHandle(words: Words, handle: number): never {
  refuseMoved(words);
  const capacity = words.ints[CAPACITY];
  if (Number.isInteger(handle) && handle > 0 && words.ints[SIZE] === capacity) {
    throw new IntervalTreeError(
      'MMN_TREE_FULL',
      `expected at most ${capacity} intervals, which the tree holds, got handle ${handle} for one more: use moveTo`,
    );
  }
  throw new IntervalTreeError(
    'MMN_TREE_HANDLE',
    `expected a handle from 0 to ${Number(capacity) - 1}, got ${String(handle)}`,
  );
}

export function refusePresent(handle: number): never {
  throw new IntervalTreeError(
    'MMN_TREE_PRESENT',
    `expected a handle that is free, got handle ${handle}, which is in the tree already`,
  );
}

export function refuseAbsent(words: Words, handle: number): never {
  refuseMoved(words);
  throw new IntervalTreeError(
    'MMN_TREE_ABSENT',
    `expected a handle that is in the tree, got handle ${handle}, which is not in the tree`,
  );
}

export function refuseInterval(start: number, last: number): never {
  throw new IntervalTreeError(
    'MMN_TREE_INTERVAL',
    `expected integers 0 <= start <= last <= 2^53-1, got [${String(start)}, ${String(last)}]`,
  );
}

export function refuseQuery(start: number, last: number): never {
  throw new IntervalTreeError(
    'MMN_TREE_INTERVAL',
    `expected a query with 0 <= start <= last, got [${String(start)}, ${String(last)}]`,
  );
}
