/**
 * Insertion and removal, the part that nearly every one of them stays in: one way down, one leaf.
 *
 * A removal leaves a hole where it was (invariant 3), and an insertion shifts entries only as far as the next hole,
 * so that a leaf under churn moves one or two entries where a dense one would move half of them.
 */
import * as layout from './layout.ts';
import { countOf, type Words } from './layout.ts';
import { rebuild } from './build.ts';
import { raiseMaxima, setGroup, setMaxima } from './maxima.ts';
import { addToFull, lower, mend } from './rebalance.ts';
import { lowest } from './search.ts';

// Copies: the engine folds a constant of the same module into the code, but reads an imported one on every use.
const AVAILABLE = layout.AVAILABLE;
const COUNT_MIN = layout.COUNT_MIN;
const FAN_OUT = layout.FAN_OUT;
const GROUPS = layout.GROUPS;
const HEIGHT = layout.HEIGHT;
const LASTS = layout.LASTS;
const MAX = layout.MAX;
const NODE_BITS = layout.NODE_BITS;
const OCCUPIED = layout.OCCUPIED;
const PAD_LAST = layout.PAD_LAST;
const REFERENCES = layout.REFERENCES;
const ROOT = layout.ROOT;
const SIZE = layout.SIZE;
const SLOTS = layout.SLOTS;
const STARTS = layout.STARTS;

/** The interval to insert, `[start, last]`; see `query` in search.ts. */
const entry = new Float64Array(16);

/** Inserts `[start, last]` under a handle that is not in the tree. Among equal starts it becomes the last. */
export function insertInterval(words: Words, handle: number, start: number, last: number): void {
  entry[0] = start;
  entry[1] = last;
  insertEntry(words, handle);
}

const insertEntry = function (words: Words, handle: number): void {
  const { doubles, ints } = words;
  const start = entry[0]!;
  const last = entry[1]!;
  let node = ints[ROOT]! & NODE_BITS;
  for (let level = ints[HEIGHT]!; level > 0; level = (level - 1) | 0) {
    const k = placeAmong(doubles, node);
    if (doubles[(node + LASTS + k) | 0]! < last) {
      // Raise the child's maximum, and what sums it up.
      doubles[(node + LASTS + k) | 0] = last;
      const g = (node + GROUPS) | 0;
      if (k < 4 && doubles[g]! < last) doubles[g] = last;
      if (k < 8 && doubles[(g + 1) | 0]! < last) doubles[(g + 1) | 0] = last;
      if (k < 12 && doubles[(g + 2) | 0]! < last) doubles[(g + 2) | 0] = last;
      if (doubles[(node + MAX) | 0]! < last) doubles[(node + MAX) | 0] = last;
    }
    if (doubles[(node + STARTS + k) | 0]! > start) doubles[(node + STARTS + k) | 0] = start;
    node = ints[((node << 1) + REFERENCES + k) | 0]! & NODE_BITS;
  }
  let k = (placeAmong(doubles, node) + +(doubles[(node + STARTS) | 0]! <= start)) | 0;
  const occupied = ints[((node << 1) + OCCUPIED) | 0]!;
  const holes = ~occupied & ((1 << ints[FAN_OUT]!) - 1);
  if (holes === 0) {
    // A split takes at most a node of each level and a new root.
    if (ints[AVAILABLE]! < ints[HEIGHT]! + 2) {
      rebuild(words, words);
      insertEntry(words, handle);
      return;
    }
    ints[SIZE] = (ints[SIZE]! + 1) | 0;
    addToFull(words, node, { place: k, start, last, reference: handle, level: 0 });
    return;
  }
  // The hole just before the place needs no shift, one after it shifts entries up, and only if there is none, down.
  const base = (k - +(k > 0)) | 0;
  const after = holes >> base;
  let hole: number;
  let step = -1;
  if (after !== 0) {
    hole = (base + lowest(after)) | 0;
    k = (k - +(hole < k)) | 0;
  } else {
    hole = (31 - Math.clz32(holes)) | 0;
    k = (k - 1) | 0;
    step = 1;
  }
  for (let j = hole; j !== k; j = (j + step) | 0) moveEntry(words, node, (j + step) | 0, j);
  doubles[(node + LASTS + k) | 0] = last;
  doubles[(node + STARTS + k) | 0] = start;
  // An argument may be any number, and would be stored by way of a double.
  const reference = handle | 0;
  ints[((node << 1) + REFERENCES + k) | 0] = reference;
  ints[((node << 1) + OCCUPIED) | 0] = occupied | (1 << hole);
  ints[(words.whereIs + reference) | 0] = node + k;
  ints[SIZE] = (ints[SIZE]! + 1) | 0;

  // First the groups that an entry has left, if any; then those that the new one has come to.
  const high = (k > hole ? k : hole) >> 2;
  for (let g = (k < hole ? k : hole) >> 2; g < high; g = (g + 1) | 0) setGroup(doubles, node, g);
  raiseMaxima(doubles, node, high, last);
};

/** Moves an entry of a leaf to another place of it. */
const moveEntry = function (words: Words, leaf: number, from: number, to: number): void {
  const { doubles, ints } = words;
  const handle = ints[((leaf << 1) + REFERENCES + from) | 0]!;
  doubles[(leaf + LASTS + to) | 0] = doubles[(leaf + LASTS + from) | 0]!;
  doubles[(leaf + STARTS + to) | 0] = doubles[(leaf + STARTS + from) | 0]!;
  ints[((leaf << 1) + REFERENCES + to) | 0] = handle;
  ints[(words.whereIs + handle) | 0] = leaf + to;
};

/** The last place whose start is not after the entry's, or the first. In an inner node: the child that the entry belongs below. */
const placeAmong = function (doubles: Float64Array, node: number): number {
  const x = entry[0]!;
  const b = (node + STARTS) | 0;
  const g =
    (+(doubles[(b + 4) | 0]! <= x) +
      +(doubles[(b + 8) | 0]! <= x) +
      +(doubles[(b + 12) | 0]! <= x)) <<
    2;
  return (
    (g +
      +(doubles[(b + g + 1) | 0]! <= x) +
      +(doubles[(b + g + 2) | 0]! <= x) +
      +(doubles[(b + g + 3) | 0]! <= x)) |
    0
  );
};

/** Removes a handle that is in the tree, at `where` (invariant 5). */
export function removeHandle(words: Words, handle: number, where: number): void {
  const { doubles, ints } = words;
  const leaf = where & NODE_BITS;
  const k = where & (SLOTS - 1);
  const last = doubles[(leaf + LASTS + k) | 0]!;
  doubles[(leaf + LASTS + k) | 0] = PAD_LAST;
  const occupied = ints[((leaf << 1) + OCCUPIED) | 0]! & ~(1 << k);
  ints[((leaf << 1) + OCCUPIED) | 0] = occupied;
  ints[(words.whereIs + handle) | 0] = 0;
  ints[SIZE] = (ints[SIZE]! - 1) | 0;

  // The other maxima may stay too large (invariant 4): to find out whether they are costs a branch that cannot be predicted.
  const isMax = last === doubles[(leaf + MAX) | 0]!;
  if (isMax) setMaxima(doubles, leaf);
  // `countMin` is at most three, so who has a third entry need not count.
  const butOne = occupied & (occupied - 1);
  if ((butOne & (butOne - 1)) === 0 && countOf(occupied) < ints[COUNT_MIN]!) mend(words, leaf);
  else if (isMax) lower(words, leaf);
}
