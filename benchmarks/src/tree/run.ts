/** One observation of one tree: the operations file, over and over. */
import { performance } from 'node:perf_hooks';
import { timePasses } from '../contention.ts';
import type { Observation } from '../method.ts';
import { makeContender, type TreeContender } from './contenders.ts';
import { INSERT, QUERY, ROW_WORDS, viewOperations, type Operations } from './operations.ts';

/** The least to warm up with: on a busy machine the engine's compiler waits for a core while the clock goes on. */
const OPERATIONS_MIN = 500_000;

/**
 * Builds the set and runs the operations for about `budgetMs`, as long before to warm up. The fastest pass counts. Passes before and after the timed
 * ones hash every hit; the timed ones count them. Throws when two passes differ.
 */
export async function observeTree(
  contender: string,
  bytes: ArrayBuffer,
  budgetMs: number,
): Promise<Observation> {
  const operations = viewOperations(bytes);
  const tree = await makeContender(contender, operations.capacity);
  const into = new Int32Array(operations.capacity);
  build(tree, operations);

  const hash = hashPass(tree, operations, into);
  const hits = countPass(tree, operations, into);
  const pass = (): void => {
    if (countPass(tree, operations, into) !== hits) throw new Error(DIFFERS);
  };
  const begin = performance.now();
  let done = 0;
  do {
    pass();
    done += operations.count;
  } while (performance.now() - begin < budgetMs || done < OPERATIONS_MIN);
  const { fastestMs, passes, contention } = timePasses([pass], budgetMs);
  if (hashPass(tree, operations, into) !== hash) throw new Error(DIFFERS);
  return {
    nsPerOperation: (fastestMs[0]! * 1e6) / operations.count,
    hash: (hash >>> 0).toString(16).padStart(8, '0'),
    passes,
    contention,
  };
}

const DIFFERS = 'the same operations gave another result the second time';

function build(tree: TreeContender, operations: Operations): void {
  const { ints, doubles, firstWord } = operations;
  for (let word = firstWord; word < firstOperation(operations); word += ROW_WORDS) {
    tree.insert(ints[2 * word + 1] ?? 0, doubles[word + 1] ?? 0, doubles[word + 2] ?? 0);
  }
}

/** Index in `doubles` of the first operation. */
function firstOperation({ firstWord, initial }: Operations): number {
  return firstWord + initial * ROW_WORDS;
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

/** What is timed. Copies of imported constants, which the engine reads from memory on every use. */
function countSome(
  tree: TreeContender,
  operations: Operations,
  from: number,
  to: number,
  into: Int32Array,
): number {
  const { ints, doubles } = operations;
  const [query, insert, rowWords] = [QUERY, INSERT, ROW_WORDS];
  let hits = 0;
  let word = firstOperation(operations) + from * rowWords;
  const end = word + (to - from) * rowWords;
  for (; word < end; word += rowWords) {
    const kind = ints[word << 1]!;
    const handle = ints[(word << 1) + 1]!;
    const start = doubles[word + 1]!;
    const last = doubles[word + 2]!;
    if (kind === query) hits += tree.query(start, last, into);
    else if (kind === insert) tree.insert(handle, start, last);
    else tree.remove(handle, start, last);
  }
  return hits;
}

/** The same work, with a hash that depends on every hit of every query, but not on their order within it. */
function hashPass(tree: TreeContender, operations: Operations, into: Int32Array): number {
  const { ints, doubles, count } = operations;
  let hash = 0;
  for (let k = 0, word = firstOperation(operations); k < count; k++, word += ROW_WORDS) {
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
