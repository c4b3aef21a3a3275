/** Notifiers: what a section, a read and a subscription cost, beside the section's protocol in C. */
import type { Observation } from '../method.ts';
import { buildNative } from '../native.ts';
import { FEW_NAMES, NAMES } from '../notifier/contenders.ts';
import { makeSections, type Sections } from '../notifier/operations.ts';
import { observeNotifier, type Operation } from '../notifier/run.ts';
import { OperationsFolder, readBytes } from '../operations-folder.ts';
import type { Case, Contender, Level, Plan, Section } from '../section.ts';

const SEED = 20_191_015;

const SIZES: Record<Level, { subscriptions: readonly number[]; rounds: number; budgetMs: number }> =
  {
    smoke: { subscriptions: [10], rounds: 1, budgetMs: 5 },
    short: { subscriptions: [1000], rounds: 5, budgetMs: 30 },
    alone: { subscriptions: [1000], rounds: 5, budgetMs: 40 },
    full: { subscriptions: [1, 10, 100, 1000, 10_000, 100_000], rounds: 3, budgetMs: 80 },
  };

/** What a process needs to know. */
interface Input {
  file: string;
  operation: Operation;
  budgetMs: number;
}

const MIXED_NOTE =
  '`interval/shared, an empty list beside it` carries a legacy list that nobody is on; `list of an empty interval/shared` is a legacy list carried by an interval notifier without subscriptions.';

/** The columns of the table. */
const COLUMNS: readonly { column: string; operation: Operation; sections: Sections }[] = [
  { column: 'no hit', operation: 'section', sections: 'no hit' },
  { column: 'one hit', operation: 'section', sections: 'one hit' },
  { column: 'ten hits', operation: 'section', sections: 'ten hits' },
  { column: 'read', operation: 'read', sections: 'no hit' },
  { column: 'subscribe', operation: 'subscribe', sections: 'no hit' },
];

export const notifierSection: Section = {
  name: 'notifier',
  title: 'Notifiers',
  prepare,
  observe(input, contender): Promise<Observation> {
    const { file, operation, budgetMs } = input as unknown as Input;
    return observeNotifier(contender, readBytes(file), operation, budgetMs);
  },
};

function prepare(level: Level): Promise<Plan> {
  const { subscriptions, rounds, budgetMs } = SIZES[level];
  const native = buildNative();
  const files = new OperationsFolder();
  const cases: Case[] = [];
  for (const count of subscriptions) {
    for (const { column, operation, sections } of COLUMNS) {
      if (sections === 'ten hits' && count < 10) continue;
      const file = files.file(`${sections}-${count}`, () => makeSections(sections, count, SEED));
      const names = count < 100_000 && level !== 'short' ? NAMES : FEW_NAMES;
      const contenders: Contender[] = names.map((name) => ({ name }));
      if (operation === 'section' && native !== undefined) {
        const command = [native.files.observe_section, file, String(budgetMs)];
        contenders.unshift({ name: 'C', command });
      }
      const input = { file, operation, budgetMs };
      const row = `${count.toLocaleString('en')} subscription${count === 1 ? '' : 's'}`;
      cases.push({ row, column, input, rounds, contenders });
    }
  }
  return Promise.resolve({
    cases,
    excluded:
      native === undefined ? [{ contender: 'C', reason: 'no compiler (set CC to name one)' }] : [],
    notes: [
      'no hit, one hit, ten hits: the start and the end of a section, by how many subscriptions it meets; callbacks count',
      'read: readBegin and publish, nothing being invalidated; subscribe: subscribe and close',
      'C is the same protocol for one kernel: a red-black tree, spin locks, sequence numbers; it checks no argument and has no handles. Reads and subscriptions of C are not measured.',
      ...(level === 'short' ? [] : [MIXED_NOTE]),
      'hlist-srcu calls everybody for every section, and each looks for itself whether it is meant; its rows without hits are calls in vain.',
    ],
    facts: {
      seed: String(SEED),
      ...(native === undefined ? {} : { 'C compiler': native.compiler }),
    },
    dispose: () => files.dispose(),
  });
}
