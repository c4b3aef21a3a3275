/**
 * The budget of the hot path: what a section costs apart from the tree and from the loop of the benchmark, and what a read costs, when
 * nobody else is at work.
 *
 * What is taken off is measured in the same process, in turns with the whole, and of each the fastest pass counts. In shared memory: the
 * lookups alone, in a tree of the same spans; a section that hits has two. In one event loop, whose tree is nobody else's: what a section that
 * misses costs more among the same subscriptions than where nobody subscribes, and the loop alone.
 */
import { BareTree } from '@mmu-notifier/interval-tree/bare';
import type { Invalidation, Seq } from '@mmu-notifier/core';
import { measure } from 'mitata';
import type { Observation } from '../method.ts';
import { makeAddressSpace } from './contenders.ts';
import { prepareNotifier, type Work } from './run.ts';

/** What is reported: the whole, the loop and the tree's part, or the whole without them. */
export type Part = 'total' | 'overhead' | 'rest';

/** How often the two take turns. */
const turns = 5;

/** Where the words are, and as which contender of the notifiers. */
export const MODES = {
  'one event loop': 'interval',
  'shared memory': 'interval/shared, shared memory',
} as const;

export type Mode = keyof typeof MODES;

/** What is raised, and the same subscriptions with sections that miss them. */
export interface HotPathFiles {
  readonly sections: ArrayBuffer;
  readonly misses: ArrayBuffer;
}

/** One observation, of a mode. The hash is of the hits. */
export async function observeHotPath(
  mode: Mode,
  files: HotPathFiles,
  operation: 'section' | 'read',
  part: Part,
  budgetMs: number,
): Promise<Observation> {
  const work = prepareNotifier(MODES[mode], files.sections);
  const hits = work.countHits();
  const options = { min_cpu_time: (budgetMs / turns) * 1e6, batch_samples: 512 };
  let passes = 0;
  const fastest = async (run: () => unknown): Promise<number> => {
    const { min, ticks } = await measure(run, options);
    passes += ticks;
    return min;
  };
  const total = operation === 'section' ? startAndEnd(work) : readAndPublish(work);
  const overheads = operation === 'section' ? overheadsOf(work, mode, files.misses) : [];
  let totalNs = Infinity;
  const times = overheads.map(() => Infinity);
  for (let turn = 0; turn < turns; turn++) {
    totalNs = Math.min(totalNs, await fastest(total));
    for (const [at, { run }] of overheads.entries()) {
      times[at] = Math.min(times[at]!, await fastest(run));
    }
  }
  if (work.countHits() !== hits) throw new Error('the same sections met others the second time');
  const overhead = overheads.reduce((sum, { sign }, at) => sum + sign * times[at]!, 0);
  const nsPerOperation = { total: totalNs, overhead, rest: totalNs - overhead }[part];
  return { nsPerOperation, hash: hits.toString(16), passes };
}

/** What adds up to the loop and the tree's part. */
function overheadsOf(work: Work, mode: Mode, misses: ArrayBuffer): Overhead[] {
  if (mode === 'shared memory') return [{ sign: 1, run: lookup(work) }]; // in a loop itself
  const among = prepareNotifier(MODES[mode], misses);
  const { mm } = makeAddressSpace(MODES[mode], 1);
  return [
    { sign: 1, run: startAndEnd(among) },
    { sign: -1, run: startAndEnd({ mm, sections: among.sections }) },
    { sign: 1, run: takeNext(work) },
  ];
}

interface Overhead {
  readonly sign: 1 | -1;
  run(): unknown;
}

/** The loop alone. */
function takeNext({ sections }: Work): () => unknown {
  const { length } = sections;
  let k = 0;
  return () => {
    k = k + 1 === length ? 0 : k + 1;
    return sections[k];
  };
}

/** Nothing has to wait, or `countHits` had said so: no look at what is returned. */
function startAndEnd({ mm, sections }: Pick<Work, 'mm' | 'sections'>): () => void {
  const { length } = sections;
  let k = 0;
  return () => {
    k = k + 1 === length ? 0 : k + 1;
    void mm.invalidateRangeEnd(mm.invalidateRangeStart(sections[k]!) as Invalidation);
  };
}

function install(): void {}

function readAndPublish({ subscriptions }: Work): () => void {
  const { length } = subscriptions;
  let k = 0;
  return () => {
    k = k + 1 === length ? 0 : k + 1;
    const subscription = subscriptions[k]!;
    if (subscription.publish(subscription.readBegin() as Seq, install) !== true) {
      throw new Error('a publication was refused without a section');
    }
  };
}

/** Looks each section up, and goes on from what it hits, as a walk does. */
function lookup({ subscriptions, sections }: Work): () => number {
  const memory = new SharedArrayBuffer(BareTree.byteLength(subscriptions.length));
  const tree = BareTree.create(memory, subscriptions.length);
  for (const [handle, { start, end }] of subscriptions.entries())
    tree.insert(handle, start, end - 1);
  const { length } = sections;
  let k = 0;
  return () => {
    k = k + 1 === length ? 0 : k + 1;
    const { start, end } = sections[k]!;
    let hits = 0;
    for (let hit = tree.first(start, end - 1); hit >= 0; hit = tree.next(hit, start, end - 1))
      hits++;
    return hits;
  };
}
