/**
 * The maxima of a node, kept by updates (invariant 4 of layout.ts).
 *
 * Lasts come in any order, so a maximum found by comparing and jumping is mispredicted at every other step. `larger` does not jump.
 */
import * as layout from './layout.ts';

// Copies: the engine folds a constant of the same module into the code, but reads an imported one on every use.
const { GROUPS, LASTS, PAD_LAST } = layout;

/** The larger of two lasts. Exact: their difference is at most 2^53, and twice it and half of that only shift the exponent. */
function larger(a: number, b: number): number {
  const d = a - b;
  return b + (d + Math.abs(d)) * 0.5;
}

/** Recomputes the maximum of group g from its four places and the maximum before it. */
export function setGroup(doubles: Float64Array, node: number, g: number): void {
  const a = (node + LASTS + 4 * g) | 0;
  const before = g === 0 ? PAD_LAST : doubles[(node + GROUPS + g - 1) | 0]!;
  const first = larger(doubles[a]!, doubles[(a + 1) | 0]!);
  const second = larger(doubles[(a + 2) | 0]!, doubles[(a + 3) | 0]!);
  doubles[(node + GROUPS + g) | 0] = larger(larger(first, second), before);
}

/** Recomputes all four. */
export function setMaxima(doubles: Float64Array, node: number): void {
  setGroup(doubles, node, 0);
  setGroup(doubles, node, 1);
  setGroup(doubles, node, 2);
  setGroup(doubles, node, 3);
}
