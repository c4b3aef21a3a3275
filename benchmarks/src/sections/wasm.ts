/** What WebAssembly would save: the numbers behind the decision in docs/design.md. */
import type { Observation } from '../method.ts';
import { OperationsFolder, readBytes } from '../operations-folder.ts';
import type { Case, Level, Plan, Section } from '../section.ts';
import { makeOperations } from '../tree/operations.ts';
import { buildWasm } from '../wasm/module.ts';
import { observeCall, observeSearch, type Language, type Work } from '../wasm/run.ts';

const SEED = 20_191_015;
const LANGUAGES: readonly Language[] = ['JavaScript', 'WebAssembly'];

const SIZES: Record<Level, { ranges: readonly number[]; rounds: number; budgetMs: number }> = {
  smoke: { ranges: [100], rounds: 1, budgetMs: 5 },
  short: { ranges: [100, 10_000], rounds: 3, budgetMs: 50 },
  alone: { ranges: [100, 10_000], rounds: 5, budgetMs: 50 },
  full: { ranges: [100, 1000, 10_000, 100_000], rounds: 8, budgetMs: 150 },
};

type Input = { readonly module: string; readonly budgetMs: number } & (
  | { readonly kind: 'call'; readonly work: Work }
  | { readonly kind: 'search'; readonly file: string }
);

export const wasmSection: Section = {
  name: 'wasm',
  title: 'WebAssembly, if there were a build',
  prepare: (level) => Promise.resolve(plan(level)),
  observe(input, contender): Promise<Observation> {
    const { module, budgetMs, ...what } = input as unknown as Input;
    const language = contender as Language;
    return what.kind === 'call'
      ? observeCall(language, what.work, module, budgetMs)
      : observeSearch(language, readBytes(what.file), module, budgetMs);
  },
};

function plan(level: Level): Plan {
  const { ranges, rounds, budgetMs } = SIZES[level];
  const files = new OperationsFolder();
  const built = buildWasm();
  const cases: Case[] = [];
  const add = (row: string, column: string, what: Record<string, string>): void => {
    const input = { module: built!.file, budgetMs, ...what };
    const contenders = LANGUAGES.map((name) => ({ name }));
    cases.push({ row, column, input, rounds, contenders });
  };
  if (built !== undefined) {
    for (const work of ['call', 'lock and unlock'] as const) {
      add('shared memory', work, { kind: 'call', work });
    }
    for (const count of ranges) {
      for (const workload of ['sparse', 'miss'] as const) {
        const file = files.file(`${workload}-${count}`, () =>
          makeOperations({ workload, ranges: count, operations: 20_000, seed: SEED }),
        );
        const column = `first, ${workload}`;
        add(`${count.toLocaleString('en')} ranges`, column, { kind: 'search', file });
      }
    }
  }
  return {
    cases,
    excluded:
      built === undefined
        ? [{ contender: 'WebAssembly', reason: 'no clang that builds for it, with lld' }]
        : [],
    notes: [
      'call: a function that returns its argument; lock and unlock: one compare-exchange and one store, in two calls',
      'first: the search of the flat tree for its first hit, in C over the same words; it checks no argument',
    ],
    facts: {
      seed: String(SEED),
      ...(built === undefined ? {} : { 'C compiler': built.compiler }),
    },
    dispose: () => files.dispose(),
  };
}
