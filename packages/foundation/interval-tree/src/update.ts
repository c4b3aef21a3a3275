/**
 * Insertion and removal.
 *
 * Both touch one leaf in most cases. On the way down an insertion raises the maxima above it, which is all that the
 * levels above need when no node is split. A removal climbs only while a maximum falls or a node gets too small.
 */
import {
  COUNT,
  FAN_OUT,
  freeNode,
  HEIGHT,
  LASTS,
  MAX,
  PARENT,
  REFERENCES,
  ROOT,
  SIZE,
  STARTS,
  takeNode,
  type Words,
} from './layout.ts';
import {
  childFor,
  closePlace,
  entry,
  moveEntries,
  openPlace,
  padEntries,
  placeFor,
  raise,
  refresh,
  shiftEntries,
} from './node.ts';
import { placeOf } from './search.ts';

/** Inserts `entry` under a handle that is not in the tree. Among equal starts it becomes the last. */
export function insertEntry(words: Words, handle: number): void {
  const { doubles, ints } = words;
  const start = entry[0]!;
  const last = entry[1]!;
  let node = ints[ROOT]!;
  for (let level = ints[HEIGHT]!; level > 0; level = (level - 1) | 0) {
    const k = childFor(doubles, node, start);
    if (doubles[(node + LASTS + k) | 0]! < last) raise(doubles, node, k, last);
    if (doubles[(node + STARTS + k) | 0]! > start) doubles[(node + STARTS + k) | 0] = start;
    node = ints[(2 * node + REFERENCES + k) | 0]!;
  }
  if (doubles[(node + MAX) | 0]! < last) doubles[(node + MAX) | 0] = last;
  ints[SIZE] = (ints[SIZE]! + 1) | 0;
  const count = ints[(2 * node + COUNT) | 0]!;
  const k = placeFor(doubles, node, start);
  if (count < ints[FAN_OUT]!) {
    openPlace(words, node, k, count, handle);
    ints[(words.leafOf + handle) | 0] = node;
  } else {
    addToFull(words, node, k, handle, 0);
  }
}

/** Adds `entry` at place `k` of a node, `level` levels above the leaves, that may be full. */
function addEntry(words: Words, node: number, k: number, reference: number, level: number): void {
  const { doubles, ints, leafOf } = words;
  const count = ints[2 * node + COUNT]!;
  if (count === ints[FAN_OUT]!) {
    addToFull(words, node, k, reference, level);
    return;
  }
  openPlace(words, node, k, count, reference);
  refresh(doubles, node);
  ints[level === 0 ? leafOf + reference : 2 * reference + PARENT] = node;
}

/**
 * Splits a full node in two and adds `entry` to the right half. At the end of a level nothing moves: the new
 * node begins with the new entry, so that ascending inserts leave full nodes behind (invariant 6 allows it).
 */
function addToFull(words: Words, node: number, k: number, reference: number, level: number): void {
  const { doubles, ints } = words;
  const fanOut = ints[FAN_OUT]!;
  const right = takeNode(words);
  const keep = k === fanOut && isLastOfLevel(words, node) ? fanOut : fanOut >> 1;
  moveEntries(words, { node, place: keep }, { node: right, place: 0 }, fanOut - keep, level);
  padEntries(doubles, node, keep, fanOut);
  ints[2 * node + COUNT] = keep;
  ints[2 * right + COUNT] = fanOut - keep;
  if (k > keep || keep === fanOut) addEntry(words, right, k - keep, reference, level);
  else addEntry(words, node, k, reference, level);
  refresh(doubles, node);
  refresh(doubles, right);

  let parent = ints[2 * node + PARENT]!;
  if (parent === 0) parent = growRoot(words, node);
  const place = placeOf(ints, parent, node);
  doubles[parent + LASTS + place] = doubles[node + MAX]!;
  entry[0] = doubles[right + STARTS]!;
  entry[1] = doubles[right + MAX]!;
  addEntry(words, parent, place + 1, right, level + 1);
}

/** Whether no node of the same level follows. */
function isLastOfLevel(words: Words, node: number): boolean {
  const { ints } = words;
  for (;;) {
    const parent = ints[2 * node + PARENT]!;
    if (parent === 0) return true;
    if (ints[2 * parent + REFERENCES + ints[2 * parent + COUNT]! - 1] !== node) return false;
    node = parent;
  }
}

/** Puts a root above the root, with that as its only child. */
function growRoot(words: Words, child: number): number {
  const { doubles, ints } = words;
  const root = takeNode(words);
  doubles[root + LASTS] = doubles[child + MAX]!;
  doubles[root + STARTS] = doubles[child + STARTS]!;
  ints[2 * root + REFERENCES] = child;
  ints[2 * root + COUNT] = 1;
  ints[2 * child + PARENT] = root;
  ints[ROOT] = root;
  ints[HEIGHT] = ints[HEIGHT]! + 1;
  return root;
}

/** Removes a handle that is in `leaf`. */
export function removeEntry(words: Words, leaf: number, handle: number): void {
  const { doubles, ints } = words;
  const k = placeOf(ints, leaf, handle);
  const last = doubles[(leaf + LASTS + k) | 0]!;
  ints[(words.leafOf + handle) | 0] = 0;
  ints[SIZE] = (ints[SIZE]! - 1) | 0;
  closePlace(words, leaf, k);
  const losesMax = last === doubles[(leaf + MAX) | 0]!;
  if (losesMax) refresh(doubles, leaf);
  if (ints[(2 * leaf + COUNT) | 0]! < ints[FAN_OUT]! >> 1) mend(words, leaf, 0);
  else if (losesMax) lower(words, leaf);
}

/** Carries a fallen maximum of `node` upwards, as far as it matters. */
function lower(words: Words, node: number): void {
  const { doubles, ints } = words;
  for (;;) {
    const parent = ints[(2 * node + PARENT) | 0]!;
    if (parent === 0) return;
    const a = (parent + LASTS + placeOf(ints, parent, node)) | 0;
    const max = doubles[(node + MAX) | 0]!;
    if (doubles[a] === max) return;
    doubles[a] = max;
    refresh(doubles, parent);
    node = parent;
  }
}

/**
 * Restores invariant 6 for a node that has lost an entry: joins it with a neighbour under the same parent, or evens the two
 * out. The last node of a level may be an only child; it stays as it is until it is empty. The node's `max` is right already.
 */
function mend(words: Words, node: number, level: number): void {
  const { doubles, ints } = words;
  const countMin = ints[FAN_OUT]! >> 1;
  while (ints[2 * node + COUNT]! < countMin) {
    const parent = ints[2 * node + PARENT]!;
    if (parent === 0) {
      dropRoot(words);
      return;
    }
    const place = placeOf(ints, parent, node);
    const siblings = ints[2 * parent + COUNT]!;
    if (siblings > 1) {
      evenOut(words, parent, place + 1 < siblings ? place : place - 1, level);
    } else if (ints[2 * node + COUNT] === 0) {
      closePlace(words, parent, place);
      freeNode(words, node);
    } else {
      doubles[parent + LASTS + place] = doubles[node + MAX]!;
    }
    refresh(doubles, parent);
    node = parent;
    level++;
  }
  lower(words, node);
}

/** Joins children `place` and `place + 1` of `parent`, or divides their entries evenly. `refresh` of the parent must follow. */
function evenOut(words: Words, parent: number, place: number, level: number): void {
  const { doubles, ints } = words;
  const left = ints[2 * parent + REFERENCES + place]!;
  const right = ints[2 * parent + REFERENCES + place + 1]!;
  const leftCount = ints[2 * left + COUNT]!;
  const rightCount = ints[2 * right + COUNT]!;
  const sum = leftCount + rightCount;
  if (sum <= ints[FAN_OUT]!) {
    moveEntries(
      words,
      { node: right, place: 0 },
      { node: left, place: leftCount },
      rightCount,
      level,
    );
    ints[2 * left + COUNT] = sum;
    closePlace(words, parent, place + 1);
    freeNode(words, right);
  } else {
    const half = sum >> 1;
    if (leftCount < half) {
      const n = half - leftCount;
      moveEntries(words, { node: right, place: 0 }, { node: left, place: leftCount }, n, level);
      shiftEntries(words, right, n, rightCount, -n);
      padEntries(doubles, right, rightCount - n, rightCount);
    } else {
      const n = leftCount - half;
      shiftEntries(words, right, 0, rightCount, n);
      moveEntries(words, { node: left, place: half }, { node: right, place: 0 }, n, level);
      padEntries(doubles, left, half, leftCount);
    }
    ints[2 * left + COUNT] = half;
    ints[2 * right + COUNT] = sum - half;
    refresh(doubles, right);
    doubles[parent + STARTS + place + 1] = doubles[right + STARTS]!;
    doubles[parent + LASTS + place + 1] = doubles[right + MAX]!;
  }
  refresh(doubles, left);
  doubles[parent + LASTS + place] = doubles[left + MAX]!;
}

/** Takes away roots that have one child. */
function dropRoot(words: Words): void {
  const { ints } = words;
  let root = ints[ROOT]!;
  while (ints[HEIGHT]! > 0 && ints[2 * root + COUNT] === 1) {
    const child = ints[2 * root + REFERENCES]!;
    freeNode(words, root);
    ints[2 * child + PARENT] = 0;
    ints[ROOT] = child;
    ints[HEIGHT] = ints[HEIGHT]! - 1;
    root = child;
  }
}
