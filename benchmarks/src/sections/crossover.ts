/** Every scheme against the number of subscriptions: lists, trees, and the unified notifier. */
import { contenderOf, defaultContenders, withIndex } from '@mmu-notifier/harness/strategies';
import {
  countReached,
  observeCrossover,
  type CrossoverInput,
  type Meets,
} from '../crossover/run.ts';
import type { Observation } from '../method.ts';
import type { Case, Contender, Level, Plan, Section } from '../section.ts';

const SEED = 20_191_015;
const MEETS: readonly Meets[] = ['no hit', 'one hit'];

const SIZES: Record<Level, { subscriptions: readonly number[]; rounds: number; budgetMs: number }> =
  {
    smoke: { subscriptions: [10], rounds: 1, budgetMs: 1 },
    short: { subscriptions: [1000], rounds: 1, budgetMs: 30 },
    alone: { subscriptions: [1, 10, 100, 1000], rounds: 1, budgetMs: 30 },
    full: { subscriptions: [1, 10, 100, 1000, 10_000, 100_000], rounds: 3, budgetMs: 100 },
  };

/** Where interval-tree-1d, and the list of scif-dma that every copy goes through, take too long to fill. */
const slowMax = 10_000;

export const crossoverSection: Section = {
  name: 'crossover',
  title: 'Sections against the number of subscriptions',
  prepare,
  observe(input, contender): Promise<Observation> {
    return observeCrossover(contender, input as unknown as CrossoverInput);
  },
};

async function prepare(level: Level): Promise<Plan> {
  const { subscriptions, rounds, budgetMs } = SIZES[level];
  const labels = labelsOf();
  for (const label of labels) await check(label);
  const cases: Case[] = MEETS.flatMap((meets) =>
    subscriptions.map((count) => ({
      row: meets,
      column: count.toLocaleString('en'),
      input: { subscriptions: count, meets, seed: SEED, budgetMs },
      rounds: count > slowMax ? 1 : rounds, // filling them takes minutes
      contenders: contendersFor(labels, count),
    })),
  );
  return {
    cases,
    excluded: [],
    notes: [
      'Columns: subscriptions that do not touch each other, each of which has something to tear down. no hit, one hit: the start and the end of a section that meets none of them, or one.',
      '`interval` has the flat tree, `interval:local` one of arrays. Strategies in their default variants, in one event loop: ad-hoc schemes as of v5.3, defects and all (but scif-dma, whose v5.3 caches no small windows, with a cache). `@flat`: with the flat tree instead of interval-tree-1d. That and scif-dma go up to 10,000: filling them takes too long.',
      'One hit: what was torn down faults again before it is hit again, and that is not counted, nor is what a section leaves to a worker. A scheme that forgets what was torn down has less to look through in the next sections.',
      'reference, hlist-srcu, kvm, vhost, gntdev, scif-dma and hmm keep lists or arrays, the others trees. hlist-srcu and hmm call everybody for every section, and each looks for itself whether it is meant.',
    ],
    facts: { seed: String(SEED) },
    dispose: () => {},
  };
}

/** The unified notifier first, as what the others are compared with; schemes with a tree once with each container. */
function labelsOf(): string[] {
  const labels = defaultContenders
    .filter(({ label }) => label !== 'none' && label !== 'interval')
    .flatMap((contender) => {
      if (contender.label === 'scif-dma') return ['scif-dma:cached']; // v5.3 caches nothing so small
      const flat = withIndex(contender, 'flat');
      return flat === undefined ? [contender.label] : [flat.label, contender.label];
    });
  return ['interval', ...labels];
}

function contendersFor(labels: readonly string[], subscriptions: number): Contender[] {
  return labels
    .filter((label) => subscriptions <= slowMax || !isSlow(label))
    .map((name) => ({ name }));
}

/** Whether a scheme takes time quadratic in its subscriptions until all have faulted, or worse. */
function isSlow(label: string): boolean {
  const keepsInLibrary =
    withIndex(contenderOf(label), 'flat') !== undefined && !label.includes('@');
  return keepsInLibrary || label.startsWith('scif-dma');
}

/** Every section reaches whom it meets, and nobody else is called. */
async function check(label: string): Promise<void> {
  for (const meets of MEETS) {
    const input = { subscriptions: 20, meets, seed: SEED, budgetMs: 0 };
    const reached = await countReached(label, input);
    const expected = meets === 'no hit' ? 0 : 20;
    if (reached !== expected) {
      throw new Error(
        `${label}, ${meets}: expected ${expected} callbacks that meet, got ${reached}`,
      );
    }
  }
}
