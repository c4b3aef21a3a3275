/** Why the adapter exists: interval-tree-1d 1.0.4's own `remove` loses other intervals. */
import type { Span } from '@mmu-notifier/core';
import * as fc from 'fast-check';
import createTree from 'interval-tree-1d';
import { describe, expect, it } from 'vitest';
import { createIntervalTree1dIndex } from '@mmu-notifier/index-interval-tree-1d';

type Interval = [start: number, last: number];

/** The intervals that are gone after the removals, but should not be; none when `remove` throws instead. */
function lost(intervals: readonly Interval[], removals: readonly number[]): Interval[] {
  const tree = createTree<Interval>();
  for (const interval of intervals) tree.insert(interval);
  const left = new Set(intervals);
  for (const at of removals) {
    left.delete(intervals[at]!);
    try {
      tree.remove(intervals[at]!);
    } catch {
      return [];
    }
  }
  const found = new Set<Interval>();
  tree.queryInterval(-Infinity, Infinity, (interval) => void found.add(interval));
  return [...left].filter((interval) => !found.has(interval));
}

const history = fc
  .array(fc.tuple(fc.nat(50), fc.nat(5)), { minLength: 2, maxLength: 20 })
  .map((spans) => spans.map(([start, length]): Interval => [start, start + length]))
  .chain((intervals) =>
    fc.tuple(fc.constant(intervals), fc.shuffledSubarray([...intervals.keys()])),
  );

describe("interval-tree-1d's own remove", () => {
  it('loses intervals that were never removed', () => {
    const found = fc.check(
      fc.property(history, ([intervals, removals]) => lost(intervals, removals).length === 0),
      { seed: 1, numRuns: 2000 },
    );
    expect(found.failed).toBe(true);
    const [[intervals, removals]] = found.counterexample!;
    const index = createIntervalTree1dIndex<Span>();
    const handles = intervals.map(([start, last]) => index.insert({ start, end: last + 1 }));
    for (const at of removals) index.remove(handles[at]!);
    const left: Span[] = [];
    index.collect({ start: 0, end: 1000 }, left);
    expect(left).toHaveLength(intervals.length - removals.length);
  });
});
