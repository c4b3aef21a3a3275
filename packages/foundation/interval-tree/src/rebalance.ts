/**
 * What happens to the nodes when one of them is full, too small, or lower than it was: the part of updates that is seldom reached.
 *
 * Inner nodes are dense: their entries are in the first places. Leaves may have holes; each function here makes the leaves that it takes apart or puts together dense first.
 */
import * as layout from './layout.ts';
import { countOf, denseMask, freeNode, takeNode, type Words } from './layout.ts';
import { setMaxima } from './maxima.ts';
import { placeOf } from './search.ts';

// Copies: the engine folds a constant of the same module into the code, but reads an imported one on every use.
const COUNT_MIN = layout.COUNT_MIN;
const FAN_OUT = layout.FAN_OUT;
const HEIGHT = layout.HEIGHT;
const LASTS = layout.LASTS;
const MAX = layout.MAX;
const OCCUPIED = layout.OCCUPIED;
const PAD_LAST = layout.PAD_LAST;
const PAD_START = layout.PAD_START;
const PARENT = layout.PARENT;
const REFERENCES = layout.REFERENCES;
const ROOT = layout.ROOT;
const SLOTS = layout.SLOTS;
const STARTS = layout.STARTS;

/** An entry on its way into a node. Nodes of level 0 are leaves. */
interface Arrival {
  place: number;
  start: number;
  last: number;
  reference: number;
  level: number;
}

/**
 * Splits a full node in two and adds an entry; the right half becomes an entry of the parent. At the end of a level nothing moves: the
 * new node begins with the new entry, so that ascending inserts leave full nodes behind (invariant 6 allows it).
 */
export function addToFull(words: Words, node: number, arrival: Arrival): void {
  const { doubles, ints } = words;
  const { place, level } = arrival;
  const fanOut = ints[FAN_OUT]!;
  const right = takeNode(words);
  const keep = place === fanOut && isLastOfLevel(words, node) ? fanOut : fanOut >> 1;
  moveEntries(words, { node, place: keep }, { node: right, place: 0 }, fanOut - keep, level);
  cutOff(words, node, keep);
  ints[2 * right + OCCUPIED] = denseMask(fanOut - keep);
  if (place > keep || keep === fanOut) {
    addEntry(words, right, { ...arrival, place: place - keep });
  } else {
    addEntry(words, node, arrival);
  }
  setMaxima(doubles, node);
  setMaxima(doubles, right);

  let parent = ints[2 * node + PARENT]!;
  if (parent === 0) parent = growRoot(words, node);
  const nodePlace = placeOf(ints, parent, node);
  doubles[parent + LASTS + nodePlace] = doubles[node + MAX]!;
  const sibling: Arrival = {
    place: nodePlace + 1,
    start: doubles[right + STARTS]!,
    last: doubles[right + MAX]!,
    reference: right,
    level: level + 1,
  };
  if (countOf(ints[2 * parent + OCCUPIED]!) === fanOut) addToFull(words, parent, sibling);
  else {
    addEntry(words, parent, sibling);
    setMaxima(doubles, parent);
  }
}

/** Adds an entry to a dense node that has room. `setMaxima` must follow. */
function addEntry(words: Words, node: number, arrival: Arrival): void {
  const { doubles, ints, whereIs } = words;
  const { place, start, last, reference, level } = arrival;
  const count = countOf(ints[2 * node + OCCUPIED]!);
  shiftEntries(words, { node, level, from: place, to: count }, 1);
  doubles[node + LASTS + place] = last;
  doubles[node + STARTS + place] = start;
  ints[2 * node + REFERENCES + place] = reference;
  ints[2 * node + OCCUPIED] = denseMask(count + 1);
  if (level === 0) ints[whereIs + reference] = node + place;
  else ints[2 * reference + PARENT] = node;
}

/** Whether no node of the same level follows. */
function isLastOfLevel(words: Words, node: number): boolean {
  const { ints } = words;
  for (;;) {
    const parent = ints[2 * node + PARENT]!;
    if (parent === 0) return true;
    const count = countOf(ints[2 * parent + OCCUPIED]!);
    if (ints[2 * parent + REFERENCES + count - 1] !== node) return false;
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
  ints[2 * root + OCCUPIED] = denseMask(1);
  ints[2 * child + PARENT] = root;
  ints[ROOT] = root;
  ints[HEIGHT] = ints[HEIGHT]! + 1;
  return root;
}

/** Carries a fallen maximum of `node` upwards, as far as it matters. */
export function lower(words: Words, node: number): void {
  const { doubles, ints } = words;
  for (;;) {
    const parent = ints[((node << 1) + PARENT) | 0]!;
    if (parent === 0) return;
    const place = placeOf(ints, parent, node);
    const max = doubles[(node + MAX) | 0]!;
    if (doubles[(parent + LASTS + place) | 0] === max) return;
    doubles[(parent + LASTS + place) | 0] = max;
    setMaxima(doubles, parent);
    node = parent;
  }
}

/**
 * Restores invariant 6 from a leaf on that has lost an entry: joins it with a neighbour under the same parent, or evens the two out. The
 * last node of a level may be an only child; it stays as it is until it is empty. The leaf's `max` is right already.
 */
export function mend(words: Words, leaf: number): void {
  const { doubles, ints } = words;
  const countMin = ints[COUNT_MIN]!;
  let node = leaf;
  for (let level = 0; countOf(ints[2 * node + OCCUPIED]!) < countMin; level++) {
    const parent = ints[2 * node + PARENT]!;
    if (parent === 0) {
      dropRoot(words);
      return;
    }
    const place = placeOf(ints, parent, node);
    const siblings = countOf(ints[2 * parent + OCCUPIED]!);
    if (siblings > 1) {
      evenOut(words, parent, place + 1 < siblings ? place : place - 1, level);
    } else if (ints[2 * node + OCCUPIED] === 0) {
      cutOff(words, parent, 0);
      freeNode(words, node);
      setMaxima(doubles, parent);
    } else {
      doubles[parent + LASTS + place] = doubles[node + MAX]!;
      setMaxima(doubles, parent);
    }
    node = parent;
  }
  lower(words, node);
}

/** Joins the children at `place` and `place + 1` of a node, which are of the given level, or divides their entries evenly. */
function evenOut(words: Words, parent: number, place: number, level: number): void {
  const { doubles, ints } = words;
  const left = ints[2 * parent + REFERENCES + place]!;
  const right = ints[2 * parent + REFERENCES + place + 1]!;
  const leftCount = makeDense(words, left, level);
  const rightCount = makeDense(words, right, level);
  const sum = leftCount + rightCount;
  const fanOut = ints[FAN_OUT]!;
  // A joined node that is nearly full would soon be split again.
  if (sum <= fanOut - (fanOut >> 2)) {
    moveEntries(
      words,
      { node: right, place: 0 },
      { node: left, place: leftCount },
      rightCount,
      level,
    );
    ints[2 * left + OCCUPIED] = denseMask(sum);
    freeNode(words, right);
    const siblings = countOf(ints[2 * parent + OCCUPIED]!);
    shiftEntries(words, { node: parent, level: level + 1, from: place + 2, to: siblings }, -1);
    cutOff(words, parent, siblings - 1);
  } else {
    const half = sum >> 1;
    if (leftCount < half) {
      const n = half - leftCount;
      moveEntries(words, { node: right, place: 0 }, { node: left, place: leftCount }, n, level);
      shiftEntries(words, { node: right, level, from: n, to: rightCount }, -n);
      ints[2 * left + OCCUPIED] = denseMask(half);
      cutOff(words, right, sum - half);
    } else {
      const n = leftCount - half;
      shiftEntries(words, { node: right, level, from: 0, to: rightCount }, n);
      moveEntries(words, { node: left, place: half }, { node: right, place: 0 }, n, level);
      ints[2 * right + OCCUPIED] = denseMask(sum - half);
      cutOff(words, left, half);
    }
    setMaxima(doubles, right);
    doubles[parent + STARTS + place + 1] = doubles[right + STARTS]!;
    doubles[parent + LASTS + place + 1] = doubles[right + MAX]!;
  }
  setMaxima(doubles, left);
  doubles[parent + LASTS + place] = doubles[left + MAX]!;
  setMaxima(doubles, parent);
}

/** Takes away roots that have one child. */
function dropRoot(words: Words): void {
  const { ints } = words;
  let root = ints[ROOT]!;
  while (ints[HEIGHT]! > 0 && ints[2 * root + OCCUPIED] === denseMask(1)) {
    const child = ints[2 * root + REFERENCES]!;
    freeNode(words, root);
    ints[2 * child + PARENT] = 0;
    ints[ROOT] = child;
    ints[HEIGHT] = ints[HEIGHT]! - 1;
    root = child;
  }
}

/** Moves the entries of a node to its first places; returns how many there are. */
function makeDense(words: Words, node: number, level: number): number {
  const occupied = words.ints[2 * node + OCCUPIED]!;
  let count = 0;
  for (let k = 0; k < SLOTS; k++) {
    if ((occupied & (1 << k)) === 0) continue;
    if (k !== count) shiftEntries(words, { node, level, from: k, to: k + 1 }, count - k);
    count++;
  }
  cutOff(words, node, count);
  return count;
}

/** Moves `n` entries from one node to free places of another. */
function moveEntries(
  words: Words,
  from: { node: number; place: number },
  to: { node: number; place: number },
  n: number,
  level: number,
): void {
  const { doubles, ints, whereIs } = words;
  for (let j = 0; j < n; j++) {
    const source = from.place + j;
    const target = to.place + j;
    const reference = ints[2 * from.node + REFERENCES + source]!;
    doubles[to.node + LASTS + target] = doubles[from.node + LASTS + source]!;
    doubles[to.node + STARTS + target] = doubles[from.node + STARTS + source]!;
    ints[2 * to.node + REFERENCES + target] = reference;
    if (level === 0) ints[whereIs + reference] = to.node + target;
    else ints[2 * reference + PARENT] = to.node;
  }
}

/** Shifts the entries from place `from` to before place `to` by `by` places, up or down. */
function shiftEntries(
  words: Words,
  { node, level, from, to }: { node: number; level: number; from: number; to: number },
  by: number,
): void {
  const { doubles, ints, whereIs } = words;
  const step = by > 0 ? -1 : 1;
  for (let j = by > 0 ? to - 1 : from; j >= from && j < to; j += step) {
    const reference = ints[2 * node + REFERENCES + j]!;
    doubles[node + LASTS + j + by] = doubles[node + LASTS + j]!;
    doubles[node + STARTS + j + by] = doubles[node + STARTS + j]!;
    ints[2 * node + REFERENCES + j + by] = reference;
    if (level === 0) ints[whereIs + reference] = node + j + by;
  }
}

/** Makes pads of the places from `count` on. */
function cutOff(words: Words, node: number, count: number): void {
  const { doubles, ints } = words;
  for (let k = count; k < SLOTS; k++) {
    doubles[node + LASTS + k] = PAD_LAST;
    doubles[node + STARTS + k] = PAD_START;
  }
  ints[2 * node + OCCUPIED] = denseMask(count);
}
