/** Bulk load: the columns are checked as a whole, so that a refusal leaves the tree empty. */
import { build, type Columns } from './build.ts';
import { IntervalTreeError, refuseHandle, refuseInterval, refusePresent } from './errors.ts';
import { CAPACITY, SIZE, type Words } from './layout.ts';

/** Whether both ends are integers from 0 to 2^53-1, in order. */
export function isInterval(start: number, last: number): boolean {
  return (
    start >= 0 &&
    start <= last &&
    last <= Number.MAX_SAFE_INTEGER &&
    Math.floor(start) === start &&
    Math.floor(last) === last
  );
}

/** Loads the columns. Throws, and leaves the tree as it was, unless every row is fit to be loaded. */
export function loadColumns(words: Words, columns: Columns): void {
  checkColumns(words, columns);
  if (columns.handles.length > 0) build(words, columns);
}

function checkColumns(words: Words, { handles, starts, lasts }: Columns): void {
  const { ints, whereIs } = words;
  if (ints[SIZE] !== 0) {
    throw new IntervalTreeError(
      'MMN_TREE_LOAD',
      `expected an empty tree, got one that holds ${ints[SIZE]} intervals`,
    );
  }
  if (handles.length !== starts.length || handles.length !== lasts.length) {
    throw new IntervalTreeError(
      'MMN_TREE_LOAD',
      `expected columns of one length, got ${handles.length} handles, ${starts.length} starts and ${lasts.length} lasts`,
    );
  }
  let checked = 0;
  try {
    for (; checked < handles.length; checked++) {
      const handle = handles[checked]!;
      const start = starts[checked]!;
      if (!isInterval(start, lasts[checked]!)) refuseInterval(start, lasts[checked]!);
      if (checked > 0 && start < starts[checked - 1]!) {
        throw new IntervalTreeError(
          'MMN_TREE_LOAD',
          `expected starts in ascending order, got ${start} after ${starts[checked - 1]} in row ${checked}`,
        );
      }
      if (!(handle >= 0 && handle < ints[CAPACITY]!)) refuseHandle(words, handle);
      if (ints[whereIs + handle] !== 0) refusePresent(handle);
      ints[whereIs + handle] = -1;
    }
  } catch (error) {
    for (let k = 0; k < checked; k++) ints[whereIs + handles[k]!] = 0;
    throw error;
  }
}
