/**
 * Bulk load: sorted intervals into an empty tree, level by level, without a search or a split. Nodes are filled to seven
 * eighths, so that the first inserts afterwards do not split every one of them.
 */
import { IntervalTreeError, refuseHandle, refuseInterval, refusePresent } from './errors.ts';
import {
  CAPACITY,
  clearNodes,
  denseMask,
  FAN_OUT,
  freeNode,
  HEIGHT,
  LASTS,
  MAX,
  OCCUPIED,
  PARENT,
  REFERENCES,
  ROOT,
  SIZE,
  STARTS,
  takeNode,
  type Words,
} from './layout.ts';
import { setMaxima } from './maxima.ts';

/** What is loaded: three columns of one length, in order of `starts`. */
export interface Columns {
  readonly handles: Int32Array;
  readonly starts: Float64Array;
  readonly lasts: Float64Array;
}

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
  const { handles, starts, lasts } = columns;
  if (handles.length === 0) return;
  clearNodes(words);
  freeNode(words, words.ints[ROOT]!);
  const { doubles, ints, whereIs } = words;

  let nodes = buildLevel(words, handles.length, (k, node, place) => {
    doubles[node + STARTS + place] = starts[k]! + 0;
    doubles[node + LASTS + place] = lasts[k]! + 0;
    ints[2 * node + REFERENCES + place] = handles[k]!;
    ints[whereIs + handles[k]!] = node + place;
  });
  let height = 0;
  while (nodes.length > 1) {
    const children = nodes;
    nodes = buildLevel(words, children.length, (k, node, place) => {
      const child = children[k]!;
      doubles[node + STARTS + place] = doubles[child + STARTS]!;
      doubles[node + LASTS + place] = doubles[child + MAX]!;
      ints[2 * node + REFERENCES + place] = child;
      ints[2 * child + PARENT] = node;
    });
    height++;
  }
  ints[ROOT] = nodes[0]!;
  ints[HEIGHT] = height;
  ints[SIZE] = handles.length;
}

/** Divides `entries` entries over new nodes as evenly as can be, the fuller ones first, and has each one filled in. */
function buildLevel(
  words: Words,
  entries: number,
  fill: (k: number, node: number, place: number) => void,
): number[] {
  const fanOut = words.ints[FAN_OUT]!;
  const nodeCount = Math.ceil(entries / (fanOut - (fanOut >> 3)));
  const nodes: number[] = [];
  for (let n = 0, k = 0; n < nodeCount; n++) {
    const node = takeNode(words);
    const end = Math.ceil(((n + 1) * entries) / nodeCount);
    words.ints[2 * node + OCCUPIED] = denseMask(end - k);
    for (let place = 0; k < end; place++, k++) fill(k, node, place);
    setMaxima(words.doubles, node);
    nodes.push(node);
  }
  return nodes;
}

function checkColumns(words: Words, { handles, starts, lasts }: Columns): void {
  const { ints, whereIs } = words;
  if (ints[SIZE] !== 0) {
    throw new IntervalTreeError(
      'MMN_TREE_LOAD',
      `expected an empty tree, it holds ${ints[SIZE]} intervals`,
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
          `expected starts in ascending order, row ${checked} starts at ${start} after ${starts[checked - 1]}`,
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
