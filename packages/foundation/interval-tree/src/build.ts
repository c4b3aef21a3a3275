/**
 * A tree from sorted intervals, level by level, without a search or a split. Nodes are filled to seven
 * eighths, so that the first inserts afterwards do not split every one of them.
 */
import {
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
  SLOTS,
  STARTS,
  takeNode,
  type Words,
} from './layout.ts';
import { setMaxima } from './maxima.ts';

/** What a tree is built of: three columns of one length, in order of `starts`. */
export interface Columns {
  readonly handles: Int32Array;
  readonly starts: Float64Array;
  readonly lasts: Float64Array;
}

/**
 * Builds a tree of the intervals of another one, or of its own: so it is packed anew. Handles and order stay. Costs a pass
 * over them, and memory for a copy, which is garbage afterwards.
 *
 * @param to laid out and empty, or `from`
 */
export function rebuild(from: Words, to: Words): void {
  const size = from.ints[SIZE]!;
  if (size === 0) return;
  const columns = {
    handles: new Int32Array(size),
    starts: new Float64Array(size),
    lasts: new Float64Array(size),
  };
  gather(from, from.ints[ROOT]!, from.ints[HEIGHT]!, columns, 0);
  build(to, columns);
}

/** Copies the intervals below a node to the columns from row `row` on; returns the row after them. */
function gather(words: Words, node: number, level: number, columns: Columns, row: number): number {
  const { doubles, ints } = words;
  const occupied = ints[2 * node + OCCUPIED]!;
  for (let k = 0; k < SLOTS; k++) {
    if ((occupied & (1 << k)) === 0) continue;
    const reference = ints[2 * node + REFERENCES + k]!;
    if (level > 0) {
      row = gather(words, reference, level - 1, columns, row);
    } else {
      columns.handles[row] = reference;
      columns.starts[row] = doubles[node + STARTS + k]!;
      columns.lasts[row] = doubles[node + LASTS + k]!;
      row++;
    }
  }
  return row;
}

/** Builds a tree of columns that have rows, in place of what was there. The table of handles must have no others. */
export function build(words: Words, { handles, starts, lasts }: Columns): void {
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
