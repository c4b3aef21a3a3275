/** Growth: the copy of a tree into other memory. */
import { IntervalTreeError, refuseMoved } from './errors.ts';
import {
  AVAILABLE,
  BUMP,
  CAPACITY,
  FAN_OUT,
  FREE,
  HEADER,
  HEIGHT,
  layOut,
  MAGIC,
  MAGIC_MOVED,
  GROUPS,
  NODE,
  OCCUPIED,
  PARENT,
  REFERENCES,
  ROOT,
  SIZE,
  SLOTS,
  STARTS,
  viewWords,
  type Words,
} from './layout.ts';

/** Copies the tree, then marks the old words: capacity 0 fails every check of a handle, root 0 is hit by no query. */
export function moveWords(
  from: Words,
  memory: ArrayBufferLike,
  options: { byteOffset?: number; capacity: number; fanOut?: number },
): Words {
  refuseMoved(from);
  const { byteOffset = 0, capacity } = options;
  const capacityNow = from.ints[CAPACITY]!;
  const fanOut = from.ints[FAN_OUT]!;
  if (capacity < capacityNow) {
    throw new IntervalTreeError(
      'MMN_TREE_CAPACITY',
      `expected a capacity of at least ${capacityNow}, as now, got ${String(capacity)}`,
    );
  }
  if (options.fanOut !== undefined && options.fanOut !== fanOut) {
    throw new IntervalTreeError(
      'MMN_TREE_CAPACITY',
      `the tree has fan-out ${fanOut} and keeps it, got ${options.fanOut}`,
    );
  }
  const to = viewWords(memory, byteOffset, capacity, fanOut);
  if (memory === from.memory && byteOffset < endOf(from) && from.byteOffset < endOf(to)) {
    throw new IntervalTreeError(
      'MMN_TREE_MEMORY',
      `bytes ${byteOffset} to ${endOf(to)} overlap the tree's own, ${from.byteOffset} to ${endOf(from)}`,
    );
  }

  layOut(to, capacity, fanOut);
  for (const word of [ROOT, HEIGHT, FREE, BUMP, SIZE]) to.ints[word] = from.ints[word]!;
  for (let node = HEADER; node < from.ints[BUMP]!; node += NODE) copyNode(from, to, node);
  for (let handle = 0; handle < capacityNow; handle++) {
    const where = from.ints[from.whereIs + handle]!;
    if (where !== 0) to.ints[to.whereIs + handle] = where;
  }
  to.ints[AVAILABLE] = to.ints[AVAILABLE]! + 1 - inUse(from);
  from.ints[MAGIC] = MAGIC_MOVED;
  for (const word of [CAPACITY, ROOT, HEIGHT, SIZE]) from.ints[word] = 0;
  return to;
}

/** Nodes in use. */
function inUse(words: Words): number {
  return (words.whereIs / 2 - HEADER) / NODE - words.ints[AVAILABLE]!;
}

/** The first byte after a tree. */
function endOf(words: Words): number {
  return words.byteOffset + 4 * words.ints.length;
}

function copyNode(from: Words, to: Words, node: number): void {
  for (const word of [OCCUPIED, PARENT]) to.ints[2 * node + word] = from.ints[2 * node + word]!;
  for (let k = GROUPS; k < STARTS + SLOTS; k++) to.doubles[node + k] = from.doubles[node + k]!;
  for (let k = 0; k < SLOTS; k++) {
    to.ints[2 * node + REFERENCES + k] = from.ints[2 * node + REFERENCES + k]!;
  }
}
