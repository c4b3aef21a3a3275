/**
 * The budget of the hot path: what a section costs apart from the tree, and what a read costs, when nobody else is at work.
 *
 * The tree's part is measured in the same process, in turns with the whole, and of each the fastest pass counts. In shared memory: the
 * lookups alone, in a tree of the same spans; a section that hits has two. In one event loop, whose tree is nobody else's: what a section that
 * misses costs more among the same subscriptions than where nobody subscribes. So apart from it a section without a hit costs there what it
 * costs where nobody subscribes.
 */
import { BareTree } from '@mmu-notifier/interval-tree/bare';
import type {
  Invalidation,
  Notifier,
  RangeToInvalidate,
  Seq,
  Subscription,
} from '@mmu-notifier/core';
import { timePasses } from '../contention.ts';
import type { Observation } from '../method.ts';
import { atomicsNs, countAtomics } from './atomics.ts';
import { makeAddressSpace } from './contenders.ts';
import { prepareNotifier, type Work } from './run.ts';

/** What is reported: the whole, the tree's part, the whole without it, or only the Atomics calls of the whole. */
export type Part = 'total' | 'tree' | 'rest' | 'atomics';

/** Where the words are, and as which contender of the notifiers. */
export const MODES = {
  'one event loop': 'interval',
  'shared memory': 'interval/shared, shared memory',
} as const;

export type Mode = keyof typeof MODES;

/** What is raised; if that hits, also the same subscriptions with sections that miss them. */
export interface HotPathFiles {
  readonly sections: ArrayBuffer;
  readonly misses: ArrayBuffer | undefined;
}

/** One observation, of a mode. The hash is of the hits. */
export async function observeHotPath(
  mode: Mode,
  files: HotPathFiles,
  operation: 'section' | 'read',
  part: Part,
  budgetMs: number,
): Promise<Observation> {
  const hits = prepareNotifier(MODES[mode], files.sections).countHits();
  const work = prepareNotifier(MODES[mode], files.sections, 'calls');
  const total = operation === 'section' ? startAndEnd(work) : readAndPublish(work);
  const tree = operation === 'section' ? treeOf(work, mode, files.misses) : noTree;
  const timed = timePasses([total, ...tree.passes], budgetMs);
  if (work.countHits() !== hits) throw new Error('the same sections met others the second time');
  const [totalNs = NaN, ...passesNs] = timed.fastestMs.map(
    (ms) => (ms * 1e6) / work.sections.length,
  );
  const treePart = tree.nsOf(totalNs, passesNs);
  const { passes, contention } = timed;
  const parts: Record<Part, () => number> = {
    total: () => totalNs,
    tree: () => treePart,
    rest: () => totalNs - treePart,
    atomics: () => atomicsNs(countAtomics(total), budgetMs) / work.sections.length,
  };
  return { nsPerOperation: parts[part](), hash: hits.toString(16), passes, contention };
}

/** What the tree's part is computed from: the whole, and further passes. */
interface TreePart {
  readonly passes: readonly (() => unknown)[];
  nsOf(totalNs: number, passesNs: readonly number[]): number;
}

const noTree: TreePart = { passes: [], nsOf: () => 0 };

function treeOf(work: Work, mode: Mode, misses: ArrayBuffer | undefined): TreePart {
  if (mode === 'shared memory') {
    return { passes: [lookUp(work)], nsOf: (_, [lookUps = NaN]) => lookUps };
  }
  const { mm } = makeAddressSpace(MODES[mode], 1);
  const alone = startAndEnd({ mm, sections: work.sections });
  if (misses === undefined) {
    return { passes: [alone], nsOf: (total, [aloneNs = NaN]) => total - aloneNs };
  }
  const among = startAndEnd(prepareNotifier(MODES[mode], misses));
  return {
    passes: [alone, among],
    nsOf: (_, [aloneNs = NaN, amongNs = NaN]) => amongNs - aloneNs,
  };
}

function startAndEnd({ mm, sections }: Pick<Work, 'mm' | 'sections'>): () => void {
  return () => raiseAll(mm, sections);
}

/** Nothing has to wait, or `countHits` had said so: no look at what is returned. */
function raiseAll(mm: Notifier, sections: readonly RangeToInvalidate[]): void {
  for (let k = 0; k < sections.length; k++) {
    void mm.invalidateRangeEnd(mm.invalidateRangeStart(sections[k]!) as Invalidation);
  }
}

function install(): void {}

/** As many reads as there are sections. */
function readAndPublish({ subscriptions, sections }: Work): () => void {
  return () => {
    for (let k = 0; k < sections.length; k++) readOnce(subscriptions[k % subscriptions.length]!);
  };
}

function readOnce(subscription: Subscription): void {
  if (subscription.publish(subscription.readBegin() as Seq, install) !== true) {
    throw new Error('a publication was refused without a section');
  }
}

/** Looks each section up, and goes on from what it hits, as a walk does. */
function lookUp({ subscriptions, sections }: Work): () => number {
  const memory = new SharedArrayBuffer(BareTree.byteLength(subscriptions.length));
  const tree = BareTree.create(memory, subscriptions.length);
  for (const [handle, { start, end }] of subscriptions.entries())
    tree.insert(handle, start, end - 1);
  return () => {
    let hits = 0;
    for (let k = 0; k < sections.length; k++) {
      const { start, end } = sections[k]!;
      for (let hit = tree.first(start, end - 1); hit >= 0; hit = tree.next(hit, start, end - 1))
        hits++;
    }
    return hits;
  };
}
