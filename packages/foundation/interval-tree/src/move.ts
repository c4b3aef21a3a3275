/** Growth: the copy of a tree into other memory. */
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
  type Words,
} from './layout.ts';

/** Copies the tree to larger words, then marks the old ones: capacity 0 fails every check of a handle, root 0 is hit by no query. */
export function moveWords(from: Words, to: Words, capacity: number): void {
  const capacityNow = from.ints[CAPACITY]!;
  layOut(to, capacity, from.ints[FAN_OUT]!);
  for (const word of [ROOT, HEIGHT, FREE, BUMP, SIZE]) to.ints[word] = from.ints[word]!;
  for (let node = HEADER; node < from.ints[BUMP]!; node += NODE) copyNode(from, to, node);
  for (let handle = 0; handle < capacityNow; handle++) {
    const where = from.ints[from.whereIs + handle]!;
    if (where !== 0) to.ints[to.whereIs + handle] = where;
  }
  to.ints[AVAILABLE] = to.ints[AVAILABLE]! + 1 - inUse(from);
  from.ints[MAGIC] = MAGIC_MOVED;
  for (const word of [CAPACITY, ROOT, HEIGHT, SIZE]) from.ints[word] = 0;
}

/** Nodes in use. */
function inUse(words: Words): number {
  return (words.whereIs / 2 - HEADER) / NODE - words.ints[AVAILABLE]!;
}

function copyNode(from: Words, to: Words, node: number): void {
  for (const word of [OCCUPIED, PARENT]) to.ints[2 * node + word] = from.ints[2 * node + word]!;
  for (let k = GROUPS; k < STARTS + SLOTS; k++) to.doubles[node + k] = from.doubles[node + k]!;
  for (let k = 0; k < SLOTS; k++) {
    to.ints[2 * node + REFERENCES + k] = from.ints[2 * node + REFERENCES + k]!;
  }
}
