/** The budget of the unified notifier's hot path, and what is left of it. */
import type { Observation } from '../method.ts';
import { MODES, observeHotPath, type Mode, type Part } from '../notifier/hot-path.ts';
import { makeSections, type Sections } from '../notifier/operations.ts';
import { OperationsFolder, readBytes } from '../operations-folder.ts';
import type { CaseResult } from '../runner.ts';
import type { Case, Level, Plan, Section } from '../section.ts';

const SEED = 20_191_015;

const SIZES: Record<Level, { subscriptions: readonly number[]; rounds: number; budgetMs: number }> =
  {
    smoke: { subscriptions: [10], rounds: 1, budgetMs: 5 },
    short: { subscriptions: [1000], rounds: 5, budgetMs: 40 },
    alone: { subscriptions: [1, 1000], rounds: 5, budgetMs: 100 },
    full: { subscriptions: [1, 1000], rounds: 8, budgetMs: 200 },
  };

/** What a process needs to know. */
interface Input {
  file: string;
  /** Of sections that miss, if those of `file` hit. */
  misses: string | null;
  operation: 'section' | 'read';
  part: Part;
  budgetMs: number;
}

/** The columns of the table. Budgets are in nanoseconds. */
const COLUMNS: readonly {
  column: string;
  operation: 'section' | 'read';
  sections: Sections;
  part: Part;
  budgets?: Partial<Record<Mode, number>>;
}[] = [
  { column: 'no hit', operation: 'section', sections: 'no hit', part: 'total' },
  { column: 'the tree', operation: 'section', sections: 'no hit', part: 'tree' },
  {
    column: 'no hit, apart from the tree',
    operation: 'section',
    sections: 'no hit',
    part: 'rest',
    budgets: { 'one event loop': 8, 'shared memory': 50 },
  },
  {
    column: 'one hit, apart from the tree',
    operation: 'section',
    sections: 'one hit',
    part: 'rest',
    budgets: { 'one event loop': 15, 'shared memory': 65 },
  },
  { column: 'Atomics, no hit', operation: 'section', sections: 'no hit', part: 'atomics' },
  { column: 'Atomics, one hit', operation: 'section', sections: 'one hit', part: 'atomics' },
  {
    column: 'read',
    operation: 'read',
    sections: 'no hit',
    part: 'total',
    budgets: { 'one event loop': 30 },
  },
];

export const hotPathSection: Section = {
  name: 'hot-path',
  title: 'The budget of the hot path',
  prepare,
  observe(input, contender): Promise<Observation> {
    const { file, misses, operation, part, budgetMs } = input as unknown as Input;
    const bytes = {
      sections: readBytes(file),
      misses: misses === null ? undefined : readBytes(misses),
    };
    return observeHotPath(contender as Mode, bytes, operation, part, budgetMs);
  },
  conclude,
};

function prepare(level: Level): Promise<Plan> {
  const { subscriptions, rounds, budgetMs } = SIZES[level];
  const files = new OperationsFolder();
  const fileOf = (sections: Sections, count: number): string =>
    files.file(`${sections}-${count}`, () => makeSections(sections, count, SEED));
  const cases: Case[] = [];
  for (const count of subscriptions) {
    for (const { column, operation, sections, part } of COLUMNS) {
      const file = fileOf(sections, count);
      const misses = sections === 'no hit' ? null : fileOf('no hit', count);
      cases.push({
        row: `${count.toLocaleString('en')} subscription${count === 1 ? '' : 's'}`,
        column,
        input: { file, misses, operation, part, budgetMs },
        rounds,
        contenders: namesOf(part).map((name) => ({ name })),
      });
    }
  }
  return Promise.resolve({
    cases,
    excluded: [],
    notes: [
      'no hit, one hit: the start and the end of a section, with a callback that counts. The tree, in shared memory: the lookups of the same sections in a tree of the same spans, alone; with a hit, two of them. In one event loop: what a section that misses costs more among the subscriptions than in an address space without any.',
      'A difference of times also holds what the processor no longer does at once: lookups alone, one after another, overlap.',
      'Atomics: the calls that a section makes, counted, and timed with nothing between them. Less than that no section can cost on this machine.',
      'read: readBegin and publish, nothing being invalidated, with a mutex and an install that does nothing.',
    ],
    facts: { seed: String(SEED) },
    dispose: () => files.dispose(),
  });
}

/** Nobody calls Atomics in one event loop. */
function namesOf(part: Part): Mode[] {
  return part === 'atomics' ? ['shared memory'] : (Object.keys(MODES) as Mode[]);
}

/** Budget by budget: kept, or by how much not. */
function conclude(cases: readonly CaseResult[]): string[] {
  const lines: string[] = [];
  for (const { column, budgets = {} } of COLUMNS) {
    for (const [mode, budget] of Object.entries(budgets)) {
      const medians = cases
        .filter((one) => one.column === column)
        .map(({ row, contenders }) => {
          const ns = contenders.find(({ name }) => name === mode)?.time.median ?? NaN;
          const verdict = ns <= budget ? 'kept' : `missed by ${(ns - budget).toFixed(0)} ns`;
          return `${ns.toFixed(1)} ns with ${row}, ${verdict}`;
        });
      lines.push(`Budget of ${column}, ${mode}: ${budget} ns. ${medians.join('; ')}.`);
    }
  }
  return lines;
}
