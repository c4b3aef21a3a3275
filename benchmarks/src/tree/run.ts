/** One observation of one tree: the operations file, over and over. */
import { performance } from 'node:perf_hooks';
import type { Observation } from '../method.ts';
import { makeContender, type TreeContender } from './contenders.ts';
import { HEADER_BYTES, INSERT, MAGIC, QUERY, ROW_BYTES } from './operations.ts';

const ROW_WORDS = ROW_BYTES / 8;

/** An operations file, viewed. */
interface Operations {
  ints: Int32Array;
  doubles: Float64Array;
  capacity: number;
  /** Index in `doubles` of the first operation, and their number. */
  first: number;
  count: number;
}

/**
 * Builds the set and runs the operations for about `budgetMs`, as long again to warm up. The fastest pass counts: other programs on the machine
 * only ever make one slower. Passes before and after the timed ones hash every hit; the timed ones count them. Throws when two passes differ.
 */
export async function observeTree(
  contender: string,
  bytes: ArrayBuffer,
  budgetMs: number,
): Promise<Observation> {
  const operations = view(bytes);
  const tree = await makeContender(contender, operations.capacity);
  const into = new Int32Array(operations.capacity);
  build(tree, operations);

  const hash = hashPass(tree, operations, into);
  const hits = countPass(tree, operations, into);
  let passes = 0;
  let fastestMs = Infinity;
  const begin = performance.now();
  do {
    const start = performance.now();
    const isWarm = start - begin > budgetMs;
    const again = countPass(tree, operations, into);
    const ms = performance.now() - start;
    if (again !== hits) throw new Error(DIFFERS);
    if (isWarm) {
      passes++;
      fastestMs = Math.min(fastestMs, ms);
    }
  } while (passes === 0 || performance.now() - begin < 2 * budgetMs);
  if (hashPass(tree, operations, into) !== hash) throw new Error(DIFFERS);
  return {
    nsPerOperation: (fastestMs * 1e6) / operations.count,
    hash: (hash >>> 0).toString(16).padStart(8, '0'),
    passes,
  };
}

const DIFFERS = 'the same operations gave another result the second time';

function view(bytes: ArrayBuffer): Operations {
  const ints = new Int32Array(bytes);
  const [magic, version, capacity = 0, initial = 0, count = 0] = ints;
  if (magic !== MAGIC || version !== 1) throw new Error('not an operations file of version 1');
  const first = HEADER_BYTES / 8 + initial * ROW_WORDS;
  return { ints, doubles: new Float64Array(bytes), capacity, first, count };
}

function build(tree: TreeContender, { ints, doubles, first }: Operations): void {
  for (let word = HEADER_BYTES / 8; word < first; word += ROW_WORDS) {
    tree.insert(ints[2 * word + 1] ?? 0, doubles[word + 1] ?? 0, doubles[word + 2] ?? 0);
  }
}

/** Operations to a call of `countSome`: small, so that the engine optimizes the function and not one endless call of it. */
const CHUNK = 1000;

/** One pass as it is timed: it counts the hits. */
function countPass(tree: TreeContender, operations: Operations, into: Int32Array): number {
  let hits = 0;
  for (let k = 0; k < operations.count; k += CHUNK) {
    hits += countSome(tree, operations, k, Math.min(k + CHUNK, operations.count), into);
  }
  return hits;
}

function countSome(
  tree: TreeContender,
  { ints, doubles, first }: Operations,
  from: number,
  to: number,
  into: Int32Array,
): number {
  let hits = 0;
  for (let k = from, word = first + from * ROW_WORDS; k < to; k++, word += ROW_WORDS) {
    const kind = ints[2 * word]!;
    const handle = ints[2 * word + 1]!;
    const start = doubles[word + 1]!;
    const last = doubles[word + 2]!;
    if (kind === QUERY) hits += tree.query(start, last, into);
    else if (kind === INSERT) tree.insert(handle, start, last);
    else tree.remove(handle, start, last);
  }
  return hits;
}

/** The same work, with a hash that depends on every hit of every query, but not on their order within it. */
function hashPass(
  tree: TreeContender,
  { ints, doubles, first, count }: Operations,
  into: Int32Array,
): number {
  let hash = 0;
  for (let k = 0, word = first; k < count; k++, word += ROW_WORDS) {
    const kind = ints[2 * word]!;
    const handle = ints[2 * word + 1]!;
    const start = doubles[word + 1]!;
    const last = doubles[word + 2]!;
    if (kind === QUERY) {
      const found = tree.query(start, last, into);
      for (let j = 0; j < found; j++) hash = (hash + Math.imul(into[j]! + 1, 2 * k + 1)) | 0;
    } else if (kind === INSERT) {
      tree.insert(handle, start, last);
    } else {
      tree.remove(handle, start, last);
    }
  }
  return hash;
}
