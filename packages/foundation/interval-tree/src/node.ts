/**
 * What updates do to the entries of one node. Each function leaves the node's own invariants (2 to 4 of layout.ts) whole,
 * unless it says that `refresh` must follow.
 */
import {
  COUNT,
  GROUPS,
  LASTS,
  MAX,
  PAD_LAST,
  PAD_START,
  PARENT,
  REFERENCES,
  STARTS,
  type Words,
} from './layout.ts';

/** The entry being inserted, `[start, last]`; as with `query`, so that no double is allocated. */
export const entry: Float64Array = new Float64Array(2);

/** The child of an inner node below which an interval that starts at `x` belongs: the last one whose start is `x` or less, else the first. */
export function childFor(doubles: Float64Array, node: number, x: number): number {
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
}

/** The number of entries of a leaf that start at `x` or before. */
export function placeFor(doubles: Float64Array, leaf: number, x: number): number {
  const b = (leaf + STARTS) | 0;
  return (childFor(doubles, leaf, x) + +(doubles[b]! <= x)) | 0;
}

/** Opens place `k` of a node that has `count` entries and room for one more, and puts `entry` there. `refresh` must follow in an inner node. */
export function openPlace(
  words: Words,
  node: number,
  k: number,
  count: number,
  reference: number,
): void {
  const { doubles, ints } = words;
  const r = (2 * node + REFERENCES) | 0;
  for (let j = count; j > k; j = (j - 1) | 0) {
    const a = (node + LASTS + j) | 0;
    const b = (node + STARTS + j) | 0;
    doubles[a] = doubles[(a - 1) | 0]!;
    doubles[b] = doubles[(b - 1) | 0]!;
    ints[(r + j) | 0] = ints[(r + j - 1) | 0]!;
  }
  doubles[(node + STARTS + k) | 0] = entry[0]!;
  doubles[(node + LASTS + k) | 0] = entry[1]!;
  ints[(r + k) | 0] = reference;
  ints[(2 * node + COUNT) | 0] = (count + 1) | 0;
}

/** Takes entry `k` out. `refresh` must follow in an inner node, and in a leaf that loses its max. */
export function closePlace(words: Words, node: number, k: number): void {
  const { doubles, ints } = words;
  const r = (2 * node + REFERENCES) | 0;
  const end = (ints[(2 * node + COUNT) | 0]! - 1) | 0;
  for (let j = k; j < end; j = (j + 1) | 0) {
    const a = (node + LASTS + j) | 0;
    const b = (node + STARTS + j) | 0;
    doubles[a] = doubles[(a + 1) | 0]!;
    doubles[b] = doubles[(b + 1) | 0]!;
    ints[(r + j) | 0] = ints[(r + j + 1) | 0]!;
  }
  doubles[(node + LASTS + end) | 0] = PAD_LAST;
  doubles[(node + STARTS + end) | 0] = PAD_START;
  ints[(2 * node + COUNT) | 0] = end;
}

/** Recomputes `max` and the group maxima. */
export function refresh(doubles: Float64Array, node: number): void {
  let max = PAD_LAST;
  for (let g = 0; g < 4; g = (g + 1) | 0) {
    const a = (node + LASTS + 4 * g) | 0;
    for (let k = 0; k < 4; k = (k + 1) | 0) {
      const last = doubles[(a + k) | 0]!;
      if (last > max) max = last;
    }
    doubles[g < 3 ? node + GROUPS + g : node + MAX] = max;
  }
}

/** Raises entry `k` of an inner node to `last`, and what sums it up. */
export function raise(doubles: Float64Array, node: number, k: number, last: number): void {
  doubles[(node + LASTS + k) | 0] = last;
  for (let g = k >> 2; g < 3; g = (g + 1) | 0) {
    if (doubles[(node + GROUPS + g) | 0]! < last) doubles[(node + GROUPS + g) | 0] = last;
  }
  if (doubles[(node + MAX) | 0]! < last) doubles[(node + MAX) | 0] = last;
}

/** Moves `n` entries, from place `k` of one node on to pads at the end of another or to a gap in front of it. Nodes of level 0 are leaves. */
export function moveEntries(
  words: Words,
  from: { node: number; place: number },
  to: { node: number; place: number },
  n: number,
  level: number,
): void {
  const { doubles, ints, leafOf } = words;
  for (let j = 0; j < n; j++) {
    const source = from.place + j;
    const target = to.place + j;
    const reference = ints[2 * from.node + REFERENCES + source]!;
    doubles[to.node + LASTS + target] = doubles[from.node + LASTS + source]!;
    doubles[to.node + STARTS + target] = doubles[from.node + STARTS + source]!;
    ints[2 * to.node + REFERENCES + target] = reference;
    ints[level === 0 ? leafOf + reference : 2 * reference + PARENT] = to.node;
  }
}

/** Shifts the entries from place `k` on by `by` places, up or down; the caller fills or pads what that leaves behind. */
export function shiftEntries(words: Words, node: number, k: number, end: number, by: number): void {
  const { doubles, ints } = words;
  const step = by > 0 ? -1 : 1;
  for (let j = by > 0 ? end - 1 : k; j >= k && j < end; j += step) {
    doubles[node + LASTS + j + by] = doubles[node + LASTS + j]!;
    doubles[node + STARTS + j + by] = doubles[node + STARTS + j]!;
    ints[2 * node + REFERENCES + j + by] = ints[2 * node + REFERENCES + j]!;
  }
}

/** Turns the places from `k` to `end` into pads. */
export function padEntries(doubles: Float64Array, node: number, k: number, end: number): void {
  for (let j = k; j < end; j++) {
    doubles[node + LASTS + j] = PAD_LAST;
    doubles[node + STARTS + j] = PAD_START;
  }
}
