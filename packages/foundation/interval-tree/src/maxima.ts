/**
 * The maxima of a node, kept by updates (invariant 4 of layout.ts).
 *
 * Lasts come in any order, so a maximum found by comparing and jumping is mispredicted at every other step. `larger` does not jump.
 */
import * as layout from './layout.ts';

// Copies: the engine folds a constant of the same module into the code, but reads an imported one on every use.
const GROUPS = layout.GROUPS;
const LASTS = layout.LASTS;
const MAX = layout.MAX;
const PAD_LAST = layout.PAD_LAST;

/** The larger of two lasts. Exact: their difference is at most 2^53, and twice it and half of that only shift the exponent. */
function larger(a: number, b: number): number {
  const d = a - b;
  return b + (d + Math.abs(d)) * 0.5;
}

/** Recomputes the maximum of group g from its four places and the maximum before it. */
export function setGroup(doubles: Float64Array, node: number, g: number): void {
  const before = g === 0 ? PAD_LAST : doubles[(node + GROUPS + g - 1) | 0]!;
  doubles[(node + GROUPS + g) | 0] = larger(
    before,
    largestOfFour(doubles, (node + LASTS + 4 * g) | 0),
  );
}

function largestOfFour(doubles: Float64Array, a: number): number {
  return larger(
    larger(doubles[a]!, doubles[(a + 1) | 0]!),
    larger(doubles[(a + 2) | 0]!, doubles[(a + 3) | 0]!),
  );
}

/** Recomputes all four. */
export function setMaxima(doubles: Float64Array, node: number): void {
  const g = (node + GROUPS) | 0;
  const a = (node + LASTS) | 0;
  const m0 = largestOfFour(doubles, a);
  const m1 = larger(m0, largestOfFour(doubles, (a + 4) | 0));
  const m2 = larger(m1, largestOfFour(doubles, (a + 8) | 0));
  const m3 = larger(m2, largestOfFour(doubles, (a + 12) | 0));
  doubles[g] = m0;
  doubles[(g + 1) | 0] = m1;
  doubles[(g + 2) | 0] = m2;
  doubles[(g + 3) | 0] = m3;
}

/**
 * Raises the maxima from group `from` on to `last`. They never fall from one group to the next (invariant 4), so the first that is large
 * enough ends it: mostly the second.
 */
export function raiseMaxima(doubles: Float64Array, node: number, from: number, last: number): void {
  const max = (node + MAX) | 0;
  for (let g = (node + GROUPS + from) | 0; g <= max && doubles[g]! < last; g = (g + 1) | 0) {
    doubles[g] = last;
  }
}
