/** The package ships no types. What is used of it, from its README. */
declare module 'interval-tree-1d' {
  export interface Tree<Interval extends readonly number[]> {
    insert(interval: Interval): void;
    remove(interval: Interval): boolean;
    queryInterval(low: number, high: number, visit: (interval: Interval) => unknown): unknown;
  }
  export default function createIntervalTree<Interval extends readonly number[]>(
    intervals?: Interval[],
  ): Tree<Interval>;
}
