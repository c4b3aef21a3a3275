/** An augmented B+-tree of closed intervals on flat words of the caller's memory. */
export { IntervalTreeError, type IntervalTreeErrorCode } from './errors.ts';
export { IntervalTree, type IntervalTreeOptions } from './tree.ts';
