/**
 * How a comparison is made, and when it is believed.
 *
 * 1. One fresh process is one observation: it warms up, repeats a fixed piece of work and reports the fastest pass, the one that was disturbed least.
 * 2. Contenders take turns; the one that begins moves on by one each round, so that no contender always runs after the same one.
 * 3. An observation counts only if it did the work: all contenders of a case must report one hash.
 * 4. Contenders are compared round by round: a round's ratio is the baseline's time over the contender's, so above 1 the contender is faster. What a
 *    noisy neighbour does to a round, it does to both.
 * 5. Passes go on until some were made without a busy neighbour on the same core (contention.ts), up to a limit, and a full run repeats an
 *    observation that had none, so that no program is judged by its worse moments and another by its better ones. Which ones those are is not
 *    asked of their times.
 * 6. The interval is that of order statistics for a median, without assumptions about the distribution. A verdict needs
 *    the whole interval on one side of 1 by more than the margin.
 */

/** What one process measured in its fastest pass, and what proves that it did the work. */
export interface Observation {
  nsPerOperation: number;
  /** Of the results. */
  hash: string;
  passes: number;
  /** Of its calmest pass. Where nobody looked at the passes: before them or after them, whichever is less. */
  contention?: number;
}

/** A median with its interval. */
export interface Estimate {
  median: number;
  low: number;
  high: number;
  /** Probability that the interval holds the true median. */
  coverage: number;
}

export type Verdict = 'faster' | 'slower' | 'cannot tell';

/** Differences smaller than this are not told from none. */
export const MARGIN = 0.05;

/** That of three rounds. */
export const COVERAGE_MIN = 0.75;

/** The narrowest interval between order statistics that covers the median with 90 %; the whole range if none does. */
export function estimate(samples: readonly number[]): Estimate {
  const sorted = samples.toSorted((a, b) => a - b);
  const n = sorted.length;
  let outside = 0;
  let skip = 0;
  // `tail` is the probability that at most k samples lie below the median.
  for (let k = 0, tail = 0.5 ** n, term = tail; k < n / 2 && 2 * tail <= 0.1; k++) {
    skip = k;
    outside = 2 * tail;
    term *= (n - k) / (k + 1);
    tail += term;
  }
  if (outside === 0) outside = 2 * 0.5 ** n;
  const middle = (sorted[(n - 1) >> 1] ?? NaN) + (sorted[n >> 1] ?? NaN);
  return {
    median: middle / 2,
    low: sorted[skip] ?? NaN,
    high: sorted[n - 1 - skip] ?? NaN,
    coverage: 1 - outside,
  };
}

/** What a ratio of the baseline's time to the contender's says about the contender. */
export function verdictOf(ratio: Estimate): Verdict {
  if (ratio.coverage < COVERAGE_MIN) return 'cannot tell';
  if (ratio.low > 1 + MARGIN) return 'faster';
  if (ratio.high < 1 - MARGIN) return 'slower';
  return 'cannot tell';
}

/** The order of one round: the same circle, begun one further on. */
export function rotated<T>(items: readonly T[], round: number): T[] {
  const first = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
