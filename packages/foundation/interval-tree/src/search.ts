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
import * as layout from './layout.ts';
import type { Words } from './layout.ts';

// Copies: the engine folds a constant of the same module into the code, but reads an imported one from memory on every use.
const GROUPS = layout.GROUPS;
const HEIGHT = layout.HEIGHT;
const LASTS = layout.LASTS;
const MAX = layout.MAX;
const NODE_BITS = layout.NODE_BITS;
const OCCUPIED = layout.OCCUPIED;
const PAD_START = layout.PAD_START;
const PARENT = layout.PARENT;
const REFERENCES = layout.REFERENCES;
const ROOT = layout.ROOT;
const SLOTS = layout.SLOTS;
const STARTS = layout.STARTS;

/*
 * Below, functions that the engine is to inline are constants: a function that is declared might be another one by
 * the time it is called, which would be checked each time.
 */

/** The query, `[start, last]`; holds nothing between calls. Too long on purpose: V8 knows the address of what is larger than 64 bytes. */
const query = new Float64Array(16);

/** The way down to a leaf: for each level above it, the node plus the place of the child that was taken. */
const path = new Int32Array(64);

/** The place of the lowest bit of a mask that is not 0. */
export function lowest(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

/**
 * The first place of an inner node whose last is the query's start or more; in a leaf, where group maxima may be too large, a place not
 * after it. There must be one.
 */
const firstReaching = function (doubles: Float64Array, node: number): number {
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
};

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

/** The first hit below `node`, `height` levels above the leaves, or -1. Something below it must reach the query. */
const firstBelow = function (words: Words, node: number, height: number): number {
  const { doubles, ints } = words;
  let k = firstReaching(doubles, node);
  for (let level = height; level > 0; level = (level - 1) | 0) {
    node = ints[((node << 1) + REFERENCES + k) | 0]! & NODE_BITS;
    k = firstReaching(doubles, node);
  }
  while (doubles[(node + LASTS + k) | 0]! < query[0]!) k = (k + 1) | 0;
  if (doubles[(node + STARTS + k) | 0]! > query[1]!) return -1;
  return ints[((node << 1) + REFERENCES + k) | 0]!;
};

/**
 * The query of the next `firstOfQuery` or `nextOfQuery`. So short that the engine inlines it whatever else it inlines
 * (27 bytes of its bytecode): only then are doubles not allocated on the way here.
 */
export function setQuery(start: number, last: number): void {
  query[0] = start;
  query[1] = last;
}

/** The first hit, or -1. */
export function firstHit(words: Words, start: number, last: number): number {
  query[0] = start;
  query[1] = last;
  return first(words);
}

/** The first hit of what {@link setQuery} was given, or -1. */
export function firstOfQuery(words: Words): number {
  return first(words);
}

/** The hit that follows `handle`, which is in the tree, or -1. */
export function nextOfQuery(words: Words, handle: number): number {
  return next(words, handle);
}

const first = function (words: Words): number {
  const { doubles, ints } = words;
  const root = ints[ROOT]! & NODE_BITS;
  if (!(doubles[(root + MAX) | 0]! >= query[0]!)) return -1;
  return firstBelow(words, root, ints[HEIGHT]!);
};

/** The hit that follows `handle`, which is in the tree, or -1. */
export function nextHit(words: Words, handle: number, start: number, last: number): number {
  query[0] = start;
  query[1] = last;
  return next(words, handle);
}

const next = function (words: Words, handle: number): number {
  const { doubles, ints } = words;
  const start = query[0]!;
  const last = query[1]!;
  const where = ints[(words.whereIs + handle) | 0]!;
  let node = where & NODE_BITS;
  let k = ((where & (SLOTS - 1)) + 1) | 0;
  for (let level = 0; ; level = (level + 1) | 0) {
    // Mostly the very next place, or none. A pad says nothing of the nodes that follow.
    for (; k < SLOTS; k = (k + 1) | 0) {
      const startHere = doubles[(node + STARTS + k) | 0]!;
      if (startHere > last) {
        if (startHere !== PAD_START) return -1;
        break;
      }
      if (doubles[(node + LASTS + k) | 0]! >= start) {
        const reference = ints[((node << 1) + REFERENCES + k) | 0]!;
        return level === 0 ? reference : firstBelow(words, reference & NODE_BITS, (level - 1) | 0);
      }
    }
    const child = node;
    node = ints[((child << 1) + PARENT) | 0]! & NODE_BITS;
    if (node === 0) return -1;
    k = (placeOf(ints, node, child) + 1) | 0;
  }
};

/**
 * Fills `into` with the hits in order; returns how many it wrote, or -1 when the whole tree ends before the query, as one does
 * that was moved.
 */
export function collectHits(words: Words, start: number, last: number, into: Int32Array): number {
  query[0] = start;
  query[1] = last;
  return collect(words, into);
}

/** Small enough to become a part of whoever asks: most queries of sparse sets end here. */
const collect = function (words: Words, into: Int32Array): number {
  const { doubles, ints } = words;
  const start = query[0]!;
  let node = ints[ROOT]! & NODE_BITS;
  if (!(doubles[(node + MAX) | 0]! >= start)) return -1;
  let level = ints[HEIGHT]!;
  let k = 0;
  // One loop, so that the code of a node is there once.
  for (;;) {
    k = firstReaching(doubles, node);
    if (level === 0) break;
    path[level] = node + k;
    node = ints[((node << 1) + REFERENCES + k) | 0]! & NODE_BITS;
    level = (level - 1) | 0;
  }
  while (doubles[(node + LASTS + k) | 0]! < start) k = (k + 1) | 0;
  if (doubles[(node + STARTS + k) | 0]! > query[1]!) return 0;
  return collectFrom(words, node, k, into);
};

/** The rest of `collect`, from the first hit on, which is at place `k` of the leaf that `path` leads to. */
const collectFrom = function (words: Words, leaf: number, k: number, into: Int32Array): number {
  if (into.length === 0) return 0;
  const { doubles, ints } = words;
  const start = query[0]!;
  const last = query[1]!;
  const height = ints[HEIGHT]!;
  let node = leaf;
  into[0] = ints[((node << 1) + REFERENCES + k) | 0]!;
  // Mostly it is the only hit. A pad, which may end the leaf and not the tree, is no end; place 15 has no next.
  const following = doubles[(node + STARTS + ((k + 1) & (SLOTS - 1))) | 0]!;
  if (following > last && following !== PAD_START) return 1;

  // The leaf's parent plus the leaf's place in it. For a leaf without a parent, the last place of nothing.
  let where = height === 0 ? SLOTS - 1 : path[1]!;
  let count = 1;
  k = (k + 1) | 0;
  for (;;) {
    // To the next leaf below the same parent that reaches the query, which is nearly always the very next one. If it starts in time,
    // so does all of this one: then nobody has to look where the query ends.
    do where = (where + 1) | 0;
    while ((where & (SLOTS - 1)) !== 0 && doubles[(where + LASTS) | 0]! < start);
    const goesOn = (where & (SLOTS - 1)) !== 0 && doubles[(where + STARTS) | 0]! <= last;
    const end = goesOn
      ? (32 - Math.clz32(ints[((node << 1) + OCCUPIED) | 0]!)) | 0
      : countInTime(doubles, (node + STARTS) | 0, last);

    // Every place that starts in time is written, and counted if it is a hit: which ones are hits cannot be predicted, so a
    // branch for each would cost more than the writes. Those past the end of a typed array are dropped.
    let r = ((node << 1) + REFERENCES + k) | 0;
    const aEnd = (node + LASTS + end) | 0;
    for (let a = (node + LASTS + k) | 0; a < aEnd; a = (a + 1) | 0) {
      into[count] = ints[r]!;
      count = (count + +(doubles[a]! >= start)) | 0;
      r = (r + 1) | 0;
    }
    if (count >= into.length) return into.length;

    if (!goesOn) {
      if ((where & (SLOTS - 1)) !== 0) return count;
      // Up to the first node with a later child that reaches the query, and down again to the parent of the first leaf that does.
      let level = 1;
      do {
        level = (level + 1) | 0;
        if (level > height) return count;
        node = path[level]! & NODE_BITS;
        k = ((path[level]! & (SLOTS - 1)) + 1) | 0;
        while (k < SLOTS && doubles[(node + LASTS + k) | 0]! < start) k = (k + 1) | 0;
      } while (k === SLOTS);
      if (doubles[(node + STARTS + k) | 0]! > last) return count;
      for (; level > 1; level = (level - 1) | 0) {
        path[level] = node + k;
        node = ints[((node << 1) + REFERENCES + k) | 0]! & NODE_BITS;
        k = firstReaching(doubles, node);
      }
      where = node + k;
    }
    node = ints[((where & NODE_BITS) + where + REFERENCES) | 0]! & NODE_BITS;
    k = 0;
  }
};

/** How many of a leaf's starts are `x` or less. `b` is the index of the first. */
const countInTime = function (doubles: Float64Array, b: number, x: number): number {
  const g =
    (+(doubles[(b + 4) | 0]! <= x) +
      +(doubles[(b + 8) | 0]! <= x) +
      +(doubles[(b + 12) | 0]! <= x)) <<
    2;
  return (
    (g +
      +(doubles[(b + g) | 0]! <= x) +
      +(doubles[(b + g + 1) | 0]! <= x) +
      +(doubles[(b + g + 2) | 0]! <= x) +
      +(doubles[(b + g + 3) | 0]! <= x)) |
    0
  );
};
