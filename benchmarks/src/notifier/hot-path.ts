/**
 * The budget of the hot path: what a section costs apart from the tree, and what a read costs, when nobody else is at work.
 *
 * The tree's part is measured in the same process on a tree of the same spans: the first lookup of a section, and for a section
 * that hits also the one that ends the walk. Both are repeated in turns, and of each the fastest pass counts.
 */
import { BareTree } from '@mmu-notifier/interval-tree/bare';
import type { Invalidation, Seq } from '@mmu-notifier/core';
import { measure } from 'mitata';
import type { Observation } from '../method.ts';
import { prepareNotifier, type Work } from './run.ts';

/** What is reported: the whole, the tree's part, or the whole without it. */
export type Part = 'total' | 'tree' | 'rest';

/** How often the two take turns. */
const turns = 5;

/** Where the words are, and as which contender of the notifiers. */
export const MODES = {
  'one event loop': 'interval',
  'shared memory': 'interval/shared, shared memory',
} as const;

export type Mode = keyof typeof MODES;

/** One observation, of a mode. The hash is of the hits. */
export async function observeHotPath(
  mode: Mode,
  bytes: ArrayBuffer,
  operation: 'section' | 'read',
  part: Part,
  budgetMs: number,
): Promise<Observation> {
  const work = prepareNotifier(MODES[mode], bytes);
  const hits = work.countHits();
  const total = operation === 'section' ? startAndEnd(work) : readAndPublish(work);
  const tree = operation === 'section' ? lookup(work, mode) : undefined;
  const options = { min_cpu_time: (budgetMs / turns) * 1e6, batch_samples: 512 };
  let [totalNs, treeNs, passes] = [Infinity, tree === undefined ? 0 : Infinity, 0];
  for (let turn = 0; turn < turns; turn++) {
    const { min, ticks } = await measure(total, options);
    totalNs = Math.min(totalNs, min);
    passes += ticks;
    if (tree !== undefined) treeNs = Math.min(treeNs, (await measure(tree, options)).min);
  }
  if (work.countHits() !== hits) throw new Error('the same sections met others the second time');
  const nsPerOperation = { total: totalNs, tree: treeNs, rest: totalNs - treeNs }[part];
  return { nsPerOperation, hash: hits.toString(16), passes };
}

/** Nothing has to wait, or `countHits` had said so: no look at what is returned. */
function startAndEnd({ mm, sections }: Work): () => void {
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
function lookup({ subscriptions, sections }: Work, mode: Mode): () => number {
  const bytes = BareTree.byteLength(subscriptions.length);
  const memory = mode === 'shared memory' ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
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
