/**
 * The words of a tree.
 *
 * ```text
 * 32-bit index   0       1         2          3         4      5        6      7      8 9  10     11          12         13-31
 * header       | magic | version | capacity | fan-out | root | height | free | bump | -1 | size | available | countMin | unused |
 *
 * 64-bit index   0                   1-4             5-7      8-23        24-39        40-47
 * node         | occupied | parent | groupMaxima(4) | unused | lasts(16) | starts(16) | references(16) |
 *
 * memory       | header | nodes … | whereIs: one 32-bit word per handle |
 * ```
 *
 * 1. A node is named by the 64-bit index of its first word, relative to the tree's own first byte, so the words may
 *    be copied anywhere. Names are multiples of 16. 0 is no node; the word where its `max` would be, index 8 of the header, is always -1, so node 0
 *    reads as a node that nothing can hit.
 * 2. Entry k of a node is `lasts[k]`, `starts[k]`, `references[k]`. In a leaf: an interval and its handle. In an inner node: a
 *    child, the largest last below it, and a lower bound of the starts below it. Entries are in order of `starts`.
 * 3. Bit k of `occupied` says whether place k holds an entry. Inner nodes are dense: they use the first places. A leaf may have holes, which
 *    have last -1 and a start that keeps all sixteen in order. Places after the last one in use are pads: last -1, start
 *    Infinity. Nothing reaches -1, so searches look at places and never at `occupied`.
 * 4. `groupMaxima[g]` is the largest last of places 0 to 4g+3. The last of them is the largest of the node, its `max`. In a leaf the others
 *    may be too large, but not larger than the one after: removals leave them as they are, and a search goes on to the place that they promised.
 * 5. `whereIs[handle]` is the leaf that holds the handle plus the place in it, or 0. It is the only way in by handle.
 * 6. Every node but the root has at least `countMin` entries, except the last node of each level, which has at least one (ascending
 *    inserts leave full nodes behind). `countMin` is small, which keeps joining rare. Memory is for half-full nodes: when a history
 *    has left so many that are emptier that nodes run out, the tree is packed anew, which leaves a third of the memory free or more.
 * 7. No word is ever read as both an integer and a double.
 *
 * Source: ours; the B+-tree with subtree maxima in place of Linux's augmented red-black tree (lib/interval_tree.c).
 */
/** Places of an entry in a node: what the straight-line searches of search.ts are written for. */
export const SLOTS = 16;

/** 32-bit words of the header. */
export const MAGIC = 0;
export const VERSION = 1;
export const CAPACITY = 2;
export const FAN_OUT = 3;
export const ROOT = 4;
export const HEIGHT = 5;
export const FREE = 6;
export const BUMP = 7;
export const SIZE = 10;
export const AVAILABLE = 11;
export const COUNT_MIN = 12;

export const MAGIC_TREE = 0x49_54_52_45;
export const MAGIC_MOVED = 0x49_54_2d_2d;
export const VERSION_1 = 1;

/** 64-bit words: the header's length, and the parts of a node. */
export const HEADER = 16;
export const GROUPS = 1;
export const MAX = GROUPS + 3;
export const LASTS = 8;
export const STARTS = LASTS + SLOTS;
export const NODE = STARTS + SLOTS + SLOTS / 2;

/** 32-bit words of a node, from twice its name: occupied, parent, references. */
export const OCCUPIED = 0;
export const PARENT = 1;
export const REFERENCES = 2 * (STARTS + SLOTS);

export const PAD_LAST = -1;
export const PAD_START = Infinity;

/** Node names are doubled to index 32-bit words, which must not leave the 31 bits of a small integer. */
export const BYTES_MAX = 2 ** 32;

/**
 * Every bit that the name of a node may have. Masked with it, what was read from memory is known to the engine as such a name, with or
 * without a place, and an index made from it as not negative: that saves an instruction at every access.
 */
export const NODE_BITS: number = BYTES_MAX / 8 - SLOTS;

/** The memory of one tree as one agent sees it. Nothing here changes after it is made. */
export interface Words {
  readonly memory: ArrayBufferLike;
  readonly byteOffset: number;
  readonly doubles: Float64Array;
  readonly ints: Int32Array;
  /** Index in `ints` of `whereIs[0]`. */
  readonly whereIs: number;
}

/** Fewest entries of a node (invariant 6): at least two, so that a root with one child does not go unnoticed. */
export function countMinOf(fanOut: number): number {
  return 2 + (fanOut >> 4);
}

/** Nodes for `capacity` intervals: those of half-full levels, and what a split may take, one on each level and a root. */
function nodeCountMax(capacity: number, fanOut: number): number {
  const countMin = fanOut >> 1;
  let levels = 1;
  let level = Math.max(1, Math.floor((capacity - 1) / countMin) + 1);
  let nodes = level;
  while (level > 1) {
    level = Math.floor((level - 1) / countMin) + 1;
    nodes += level;
    levels++;
  }
  return nodes + levels + 1;
}

/** 64-bit words from the tree's first byte to the table of handles. */
function poolEnd(capacity: number, fanOut: number): number {
  return HEADER + nodeCountMax(capacity, fanOut) * NODE;
}

/** Bytes that `capacity` intervals can need; not a number if no tree can have that many. */
export function byteLengthOf(capacity: number, fanOut: number): number {
  if (!Number.isInteger(capacity) || capacity < 1) return NaN;
  return 8 * (poolEnd(capacity, fanOut) + Math.ceil(capacity / 2));
}

/** The views of a tree. The memory must be there. */
export function viewWords(
  memory: ArrayBufferLike,
  byteOffset: number,
  capacity: number,
  fanOut: number,
): Words {
  const end = poolEnd(capacity, fanOut);
  return {
    memory,
    byteOffset,
    doubles: new Float64Array(memory, byteOffset, end),
    ints: new Int32Array(memory, byteOffset, byteLengthOf(capacity, fanOut) / 4),
    whereIs: 2 * end,
  };
}

/** Writes the header of an empty tree and its root. The table of handles must read zero. */
export function layOut(words: Words, capacity: number, fanOut: number): void {
  const { doubles, ints, whereIs } = words;
  ints[MAGIC] = MAGIC_TREE;
  ints[VERSION] = VERSION_1;
  doubles[MAX] = PAD_LAST;
  ints[CAPACITY] = capacity;
  ints[FAN_OUT] = fanOut;
  ints[COUNT_MIN] = countMinOf(fanOut);
  clearNodes(words);
  // Fresh memory is zero already. Writing would commit pages that are only reserved; reading does not.
  for (let k = whereIs; k < whereIs + capacity; k++) {
    if (ints[k] !== 0) ints[k] = 0;
  }
}

/** Gives every node back and starts again with an empty leaf as root. */
export function clearNodes(words: Words): void {
  const { ints } = words;
  ints[FREE] = 0;
  ints[BUMP] = HEADER;
  ints[AVAILABLE] = (words.whereIs / 2 - HEADER) / NODE;
  ints[HEIGHT] = 0;
  ints[SIZE] = 0;
  ints[ROOT] = takeNode(words);
}

/** A node without entries: the last one freed, else the next one never used. There must be one AVAILABLE. */
export function takeNode(words: Words): number {
  const { doubles, ints } = words;
  ints[AVAILABLE] = ints[AVAILABLE]! - 1;
  let node = ints[FREE]!;
  if (node === 0) {
    node = ints[BUMP]!;
    ints[BUMP] = node + NODE;
  } else {
    ints[FREE] = ints[2 * node + OCCUPIED]!;
  }
  ints[2 * node + OCCUPIED] = 0;
  ints[2 * node + PARENT] = 0;
  for (let k = GROUPS; k < LASTS; k++) doubles[node + k] = PAD_LAST;
  for (let k = 0; k < SLOTS; k++) doubles[node + LASTS + k] = PAD_LAST;
  for (let k = 0; k < SLOTS; k++) doubles[node + STARTS + k] = PAD_START;
  return node;
}

/** Gives a node back. Its first word becomes the link of the list of free nodes. */
export function freeNode(words: Words, node: number): void {
  words.ints[2 * node + OCCUPIED] = words.ints[FREE]!;
  words.ints[FREE] = node;
  words.ints[AVAILABLE] = words.ints[AVAILABLE]! + 1;
}

/** The number of bits of `occupied`. */
export function countOf(occupied: number): number {
  let n = occupied - ((occupied >> 1) & 0x5555);
  n = (n & 0x3333) + ((n >> 2) & 0x3333);
  n = (n + (n >> 4)) & 0x0f0f;
  return (n + (n >> 8)) & 0x1f;
}

/** `occupied` of a node that uses its first `count` places. */
export function denseMask(count: number): number {
  return (1 << count) - 1;
}
