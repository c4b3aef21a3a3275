/** One observation of JavaScript or WebAssembly at the same work over the same words. */
import { IntervalTree } from '@mmu-notifier/interval-tree';
import { Region, SpinLock } from '@mmu-notifier/sync';
import { measure } from 'mitata';
import type { Observation } from '../method.ts';
import { ROW_WORDS, viewOperations } from '../tree/operations.ts';
import { instantiate, type WasmExports } from './module.ts';

export type Language = 'JavaScript' | 'WebAssembly';
export type Work = 'call' | 'lock and unlock';

/** A call that does nothing, or a spin lock taken and given back. */
export async function observeCall(
  language: Language,
  work: Work,
  file: string,
  budgetMs: number,
): Promise<Observation> {
  const run = await (work === 'call' ? calls(language, file) : locks(language, file));
  const { min, ticks } = await measure(run, { min_cpu_time: budgetMs * 1e6 });
  return { nsPerOperation: min, hash: work, passes: ticks };
}

async function calls(language: Language, file: string): Promise<() => number> {
  const { identity } =
    language === 'JavaScript'
      ? { identity: (value: number) => value }
      : (await instantiate(file, 0)).exports;
  let value = 0;
  return () => (value = identity(value));
}

async function locks(language: Language, file: string): Promise<() => void> {
  if (language === 'JavaScript') {
    const description = { kind: 'benchmark', capacity: 1, byteLength: 256 };
    const region = Region.create(description, new SharedArrayBuffer(256));
    const lock = new SpinLock(region, 40);
    return () => {
      lock.lock();
      lock.unlock();
    };
  }
  const { exports, base } = await instantiate(file, 8);
  return () => {
    exports.spin_lock(base);
    exports.spin_unlock(base);
  };
}

/** The first hit of every query of an operations file, over the tree's words in shared memory. */
export async function observeSearch(
  language: Language,
  bytes: ArrayBuffer,
  file: string,
  budgetMs: number,
): Promise<Observation> {
  const { ints, doubles, capacity, firstWord, initial, count } = viewOperations(bytes);
  const { exports, memory, base } = await instantiate(file, IntervalTree.byteLength(capacity));
  const tree = IntervalTree.create(memory, { byteOffset: base, capacity });
  const firstQuery = firstWord + initial * ROW_WORDS;
  for (let word = firstWord; word < firstQuery; word += ROW_WORDS) {
    tree.insert(ints[2 * word + 1]!, doubles[word + 1]!, doubles[word + 2]!);
  }
  const end = firstQuery + count * ROW_WORDS;
  const pass =
    language === 'JavaScript'
      ? () => searchInJavaScript(tree, doubles, firstQuery, end)
      : () => searchInWebAssembly(exports, base, doubles, firstQuery, end);
  const hash = pass();
  const { min, ticks } = await measure(pass, { min_cpu_time: budgetMs * 1e6, inner_gc: false });
  if (pass() !== hash) throw new Error('the same queries gave another result the second time');
  return { nsPerOperation: min / count, hash: (hash >>> 0).toString(16), passes: ticks };
}

function searchInJavaScript(
  tree: IntervalTree,
  doubles: Float64Array,
  from: number,
  to: number,
): number {
  let hash = 0;
  for (let word = from; word < to; word += ROW_WORDS) {
    hash = (Math.imul(hash, 31) + tree.first(doubles[word + 1]!, doubles[word + 2]!)) | 0;
  }
  return hash;
}

function searchInWebAssembly(
  { first }: WasmExports,
  base: number,
  doubles: Float64Array,
  from: number,
  to: number,
): number {
  let hash = 0;
  for (let word = from; word < to; word += ROW_WORDS) {
    hash = (Math.imul(hash, 31) + first(base, doubles[word + 1]!, doubles[word + 2]!)) | 0;
  }
  return hash;
}
