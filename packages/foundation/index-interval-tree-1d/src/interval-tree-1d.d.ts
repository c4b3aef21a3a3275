/** interval-tree-1d 1.0.4 has no types of its own: what is used of it. Intervals are closed: `[start, last]`. */
declare module 'interval-tree-1d' {
  interface IntervalTree<I> {
    readonly count: number;
    readonly intervals: I[];
    insert(interval: I): void;
    /** Loses other intervals. */
    remove(interval: I): boolean;
    /** Visits until `visit` returns something true, and returns that. */
    queryInterval(start: number, last: number, visit: (interval: I) => unknown): unknown;
  }
  export default function createIntervalTree<I extends readonly [number, number, ...unknown[]]>(
    intervals?: I[],
  ): IntervalTree<I>;
}
