/**
 * Searches. Nothing here writes to the tree, so any number of agents may search while none updates.
 *
 * Within a node a search has no branch that depends on the data: comparisons become 0 or 1 (`+(a < b)`) and are summed,
 * or packed into a mask of sixteen bits. A mispredicted branch costs as much as eight of them.
 * The ends of a query travel in a small array, because a double passed to a function that
 * the engine does not inline is allocated; each search reads them once.
 *
 * Why no search backtracks: children are in order of start, and the first child whose `max` reaches the query holds,
 * below it, the first interval in order that ends in or after the query. If that one starts after the query, so do all that follow.
 */
import { refuseMoved } from './errors.ts';
import {
  GROUPS,
  HEIGHT,
  LASTS,
  MAX,
  PARENT,
  REFERENCES,
  ROOT,
  STARTS,
  type Words,
} from './layout.ts';

/** The query, `[start, last]`. Written by the caller just before the call; holds nothing between calls. */
export const query: Float64Array = new Float64Array(2);

/** For each level above the leaves, what is left to visit of the node on the way: the node, and a mask of its children. */
const pathNodes = new Int32Array(64);
const pathMasks = new Int32Array(64);

/** The place of the lowest bit of a mask that is not 0. */
export function lowest(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

/** Which of the four doubles from index `a` on are `x` or more, as a mask of four bits. */
function fourReaching(doubles: Float64Array, a: number, x: number): number {
  return (
    +(doubles[a]! >= x) |
    (+(doubles[(a + 1) | 0]! >= x) << 1) |
    ((+(doubles[(a + 2) | 0]! >= x) << 2) | (+(doubles[(a + 3) | 0]! >= x) << 3))
  );
}

/** A mask of the entries of `node` whose last is `x` or more. */
export function reaching(doubles: Float64Array, node: number, x: number): number {
  const a = (node + LASTS) | 0;
  return (
    fourReaching(doubles, a, x) |
    (fourReaching(doubles, (a + 4) | 0, x) << 4) |
    ((fourReaching(doubles, (a + 8) | 0, x) << 8) | (fourReaching(doubles, (a + 12) | 0, x) << 12))
  );
}

/** The first child of inner node `node` below which an interval ends at `x` or later. There must be one. */
function childReaching(doubles: Float64Array, node: number, x: number): number {
  const g =
    (+(doubles[(node + GROUPS) | 0]! < x) +
      +(doubles[(node + GROUPS + 1) | 0]! < x) +
      +(doubles[(node + GROUPS + 2) | 0]! < x)) <<
    2;
  const a = (node + LASTS + g) | 0;
  const c0 = +(doubles[a]! < x);
  const c1 = c0 & +(doubles[(a + 1) | 0]! < x);
  const c2 = c1 & +(doubles[(a + 2) | 0]! < x);
  return (g + c0 + c1 + c2) | 0;
}

/** Which of the four integers from index `a` on are `x`, as a mask of four bits. */
function fourEqual(ints: Int32Array, a: number, x: number): number {
  return (
    +(ints[a] === x) |
    (+(ints[(a + 1) | 0] === x) << 1) |
    ((+(ints[(a + 2) | 0] === x) << 2) | (+(ints[(a + 3) | 0] === x) << 3))
  );
}

/** The place of a reference in the node that holds it. A pad may hold the same number, but only after it. */
export function placeOf(ints: Int32Array, node: number, reference: number): number {
  const a = (2 * node + REFERENCES) | 0;
  return lowest(
    fourEqual(ints, a, reference) |
      (fourEqual(ints, (a + 4) | 0, reference) << 4) |
      ((fourEqual(ints, (a + 8) | 0, reference) << 8) |
        (fourEqual(ints, (a + 12) | 0, reference) << 12)),
  );
}

/** -1, the answer of a tree that ends before the query, unless it is so because it was moved. */
function endsBefore(words: Words): -1 {
  refuseMoved(words);
  return -1;
}

/** The first hit below `node`, `height` levels above the leaves, or -1. Something below it must reach the query. */
function firstBelow(words: Words, node: number, height: number): number {
  const { doubles, ints } = words;
  const start = query[0]!;
  for (let level = height; level > 0; level = (level - 1) | 0) {
    node = ints[(2 * node + REFERENCES + childReaching(doubles, node, start)) | 0]!;
  }
  const k = lowest(reaching(doubles, node, start));
  if (doubles[(node + STARTS + k) | 0]! > query[1]!) return -1;
  return ints[(2 * node + REFERENCES + k) | 0]!;
}

/** The first hit of the query, or -1. */
export function firstHit(words: Words): number {
  const { doubles, ints } = words;
  const root = ints[ROOT]!;
  if (!(doubles[(root + MAX) | 0]! >= query[0]!)) return endsBefore(words);
  return firstBelow(words, root, ints[HEIGHT]!);
}

/** The hit that follows entry `handle` of leaf `leaf` in order, or -1. */
export function nextHit(words: Words, leaf: number, handle: number): number {
  const { doubles, ints } = words;
  const start = query[0]!;
  const here = placeOf(ints, leaf, handle);
  const rest = reaching(doubles, leaf, start) & (-2 << here);
  if (rest !== 0) {
    const k = lowest(rest);
    if (doubles[(leaf + STARTS + k) | 0]! > query[1]!) return -1;
    return ints[(2 * leaf + REFERENCES + k) | 0]!;
  }
  let node = leaf;
  for (let level = 0; ; level = (level + 1) | 0) {
    const parent = ints[(2 * node + PARENT) | 0]!;
    if (parent === 0) return -1;
    const later = reaching(doubles, parent, start) & (-2 << placeOf(ints, parent, node));
    if (later !== 0) {
      const k = lowest(later);
      if (doubles[(parent + STARTS + k) | 0]! > query[1]!) return -1;
      return firstBelow(words, ints[(2 * parent + REFERENCES + k) | 0]!, level);
    }
    node = parent;
  }
}

/** Fills `into` with the hits in order; returns how many it wrote. */
export function collectHits(words: Words, into: Int32Array): number {
  const { doubles, ints } = words;
  const start = query[0]!;
  const last = query[1]!;
  const room = into.length;
  const height = ints[HEIGHT]!;
  let count = 0;
  let node = ints[ROOT]!;
  if (!(doubles[(node + MAX) | 0]! >= start)) {
    endsBefore(words);
    return 0;
  }
  let level = height;
  for (;;) {
    for (; level > 0; level = (level - 1) | 0) {
      const mask = reaching(doubles, node, start);
      pathNodes[level] = node;
      pathMasks[level] = mask & (mask - 1);
      node = ints[(2 * node + REFERENCES + lowest(mask)) | 0]!;
    }
    for (let mask = reaching(doubles, node, start); mask !== 0; mask &= mask - 1) {
      const k = lowest(mask);
      if (doubles[(node + STARTS + k) | 0]! > last || count === room) return count;
      into[count] = ints[(2 * node + REFERENCES + k) | 0]!;
      count = (count + 1) | 0;
    }
    do {
      level = (level + 1) | 0;
      if (level > height) return count;
    } while (pathMasks[level] === 0);
    const mask = pathMasks[level]!;
    pathMasks[level] = mask & (mask - 1);
    const k = lowest(mask);
    node = pathNodes[level]!;
    if (doubles[(node + STARTS + k) | 0]! > last) return count;
    node = ints[(2 * node + REFERENCES + k) | 0]!;
    level = (level - 1) | 0;
  }
}
