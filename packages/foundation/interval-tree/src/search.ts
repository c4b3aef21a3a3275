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
import * as layout from './layout.ts';
import type { Words } from './layout.ts';

// Copies: the engine folds a constant of the same module into the code, but reads an imported one from memory on every use.
const { GROUPS, HEIGHT, LASTS, MAX, PARENT, REFERENCES, ROOT, SLOTS, STARTS } = layout;

/** The query, `[start, last]`; holds nothing between calls. Too long on purpose: V8 knows the address of what is larger than 64 bytes. */
const query = new Float64Array(16);

/** For each level above the leaves, what is left to visit of the node on the way: the node, and a mask of its children. */
const pathNodes = new Int32Array(64);
const pathMasks = new Int32Array(64);

/** The place of the lowest bit of a mask that is not 0. */
export function lowest(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

/** A mask of the entries of `node` whose last is the query's start or more. */
function reaching(doubles: Float64Array, node: number): number {
  const x = query[0]!;
  const a = (node + LASTS) | 0;
  let mask = +(doubles[(a + 15) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 14) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 13) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 12) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 11) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 10) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 9) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 8) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 7) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 6) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 5) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 4) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 3) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 2) | 0]! >= x);
  mask = (mask << 1) + +(doubles[(a + 1) | 0]! >= x);
  return (mask << 1) + +(doubles[a]! >= x);
}

/** The first place of a node whose last is the query's start or more. There must be one. */
function firstReaching(doubles: Float64Array, node: number): number {
  const x = query[0]!;
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

/** The place of a child in its parent. Pads may hold the same number, but only after it. */
export function placeOf(ints: Int32Array, parent: number, child: number): number {
  const a = ((parent << 1) + REFERENCES) | 0;
  let mask = +(ints[(a + 15) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 14) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 13) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 12) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 11) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 10) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 9) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 8) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 7) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 6) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 5) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 4) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 3) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 2) | 0] === child);
  mask = (mask << 1) + +(ints[(a + 1) | 0] === child);
  return lowest((mask << 1) + +(ints[a] === child));
}

/** -1, the answer of a tree that ends before the query, unless it is so because it was moved. */
function endsBefore(words: Words): -1 {
  refuseMoved(words);
  return -1;
}

/** The first hit below `node`, `height` levels above the leaves, or -1. Something below it must reach the query. */
function firstBelow(words: Words, node: number, height: number): number {
  const { doubles, ints } = words;
  let k = firstReaching(doubles, node);
  for (let level = height; level > 0; level = (level - 1) | 0) {
    node = ints[((node << 1) + REFERENCES + k) | 0]!;
    k = firstReaching(doubles, node);
  }
  if (doubles[(node + STARTS + k) | 0]! > query[1]!) return -1;
  return ints[((node << 1) + REFERENCES + k) | 0]!;
}

/** The first hit, or -1. */
export function firstHit(words: Words, start: number, last: number): number {
  query[0] = start;
  query[1] = last;
  return first(words);
}

function first(words: Words): number {
  const { doubles, ints } = words;
  const root = ints[ROOT]!;
  if (!(doubles[(root + MAX) | 0]! >= query[0]!)) return endsBefore(words);
  return firstBelow(words, root, ints[HEIGHT]!);
}

/** The hit that follows `handle`, which is in the tree, or -1. */
export function nextHit(words: Words, handle: number, start: number, last: number): number {
  query[0] = start;
  query[1] = last;
  return next(words, handle);
}

function next(words: Words, handle: number): number {
  const { doubles, ints } = words;
  const where = ints[(words.whereIs + handle) | 0]!;
  let node = where & -SLOTS;
  let places = -2 << (where & (SLOTS - 1));
  for (let level = 0; ; level = (level + 1) | 0) {
    const later = reaching(doubles, node) & places;
    if (later !== 0) {
      const k = lowest(later);
      if (doubles[(node + STARTS + k) | 0]! > query[1]!) return -1;
      const found = ints[((node << 1) + REFERENCES + k) | 0]!;
      return level === 0 ? found : firstBelow(words, found, level - 1);
    }
    const child = node;
    node = ints[((child << 1) + PARENT) | 0]!;
    if (node === 0) return -1;
    places = -2 << placeOf(ints, node, child);
  }
}

/** Fills `into` with the hits in order; returns how many it wrote. */
export function collectHits(words: Words, start: number, last: number, into: Int32Array): number {
  query[0] = start;
  query[1] = last;
  return collect(words, into);
}

/** `reaching` is called in one place only: it is large, and the engine would not inline a second call. */
function collect(words: Words, into: Int32Array): number {
  const { doubles, ints } = words;
  const last = query[1]!;
  const height = ints[HEIGHT]!;
  let node = ints[ROOT]!;
  if (!(doubles[(node + MAX) | 0]! >= query[0]!)) {
    endsBefore(words);
    return 0;
  }
  let k = firstReaching(doubles, node);
  for (let level = height; level > 0; level = (level - 1) | 0) {
    pathNodes[level] = node;
    pathMasks[level] = ~k;
    node = ints[((node << 1) + REFERENCES + k) | 0]!;
    k = firstReaching(doubles, node);
  }
  if (doubles[(node + STARTS + k) | 0]! > last || into.length === 0) return 0;
  into[0] = ints[((node << 1) + REFERENCES + k) | 0]!;
  // Most queries of sparse sets end here. Place 15 has no next; a pad, which may end the node and not the tree, is no end either.
  const following = doubles[(node + STARTS + ((k + 1) & (SLOTS - 1))) | 0]!;
  if (following > last && following !== Infinity) return 1;

  let count = 1;
  let level = 0;
  let places = -2 << k;
  for (;;) {
    let mask = reaching(doubles, node) & places;
    if (level === 0) {
      for (; mask !== 0; mask &= mask - 1) {
        k = lowest(mask);
        if (doubles[(node + STARTS + k) | 0]! > last || count >= into.length) return count;
        into[count] = ints[((node << 1) + REFERENCES + k) | 0]!;
        count = (count + 1) | 0;
      }
    }
    while (mask === 0) {
      level = (level + 1) | 0;
      if (level > height) return count;
      node = pathNodes[level]!;
      mask = pathMasks[level]!;
    }
    if (mask < 0) {
      // Not looked at since the way down, which took child ~mask: what follows it is left.
      places = -2 << ~mask;
      continue;
    }
    k = lowest(mask);
    if (doubles[(node + STARTS + k) | 0]! > last) return count;
    pathNodes[level] = node;
    pathMasks[level] = mask & (mask - 1);
    node = ints[((node << 1) + REFERENCES + k) | 0]!;
    level = (level - 1) | 0;
    places = -1;
  }
}
