/**
 * Writes the tables of docs/choosing.md between their markers: what the strategies say of themselves, from their traits,
 * and what a section costs, from the recorded benchmark. `--check` only compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contenders } from '../apps/harness/src/strategies.ts';

const path = join(import.meta.dirname, '../docs/choosing.md');
const results = join(import.meta.dirname, '../benchmarks/results/crossover.json');

const scopes = {
  subscription: 'sections that hit it',
  'address-space': 'any section',
  none: 'never',
} as const;

/** The document, with the tables as the packages and the results say it now. */
export function withTables(text: string): string {
  const recorded = JSON.parse(readFileSync(results, 'utf8')) as Recorded;
  return between(between(text, 'traits', tableOf(traits())), 'costs', costs(recorded));
}

function between(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) {
    throw new Error(`expected ${open.trim()} and ${close} in docs/choosing.md, got one or none`);
  }
  return `${text.slice(0, start + open.length)}${content}\n${text.slice(end)}`;
}

function tableOf([head = [], ...rows]: readonly (readonly string[])[], align = '---'): string {
  const dashes = head.map((_, at) => (at === 0 ? '---' : align));
  return [head, dashes, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function traits(): string[][] {
  const rows = contenders
    .filter(({ strategy }) => strategy.name !== 'none')
    .map(({ label, traits }) => [
      `\`${label}\``,
      traits.summary,
      traits.correct ? 'yes' : 'no',
      scopes[traits.retryScope],
      traits.filtersByRange ? 'those it hits' : 'everybody',
      traits.subscribeWaits ? 'waits' : 'at once',
      traits.modes.includes('shared-memory') ? 'threads' : 'one event loop',
      traits.knownRaces.map(({ id }) => id).join(' '),
    ]);
  const head = [
    '',
    'how',
    'never stale',
    'a read is refused by',
    'a section calls',
    'subscribing',
    'for',
    'known defects',
  ];
  return [head, ...rows];
}

/** What `npm run bench -- --record` writes, as far as it is read here. */
export interface Recorded {
  readonly machine: { readonly cpu: string; readonly node: string; readonly date: string };
  readonly sections: readonly {
    readonly cases: readonly {
      readonly row: string;
      /** How many subscriptions. */
      readonly column: string;
      readonly contenders: readonly {
        readonly name: string;
        readonly time: { readonly median: number };
      }[];
    }[];
  }[];
}

/** A line for each contender, the cheapest at the most subscriptions that all were measured with first. */
export function costs({ machine, sections }: Recorded): string {
  const cases = sections.flatMap((section) => section.cases);
  const ns = (row: string, column: string, name: string): number | undefined =>
    cases
      .find((one) => one.row === row && one.column === column)
      ?.contenders.find((one) => one.name === name)?.time.median;
  const without = cases.filter(({ row }) => row === 'no hit');
  const names = without[0]!.contenders.map(({ name }) => name);
  const measured = without.filter(({ contenders }) => contenders.length === names.length);
  const byWhich = measured.at(-1)!.column;
  const rows = names
    .toSorted((a, b) => ns('no hit', byWhich, a)! - ns('no hit', byWhich, b)!)
    .map((name) => [
      `\`${name}\``,
      ...without.map(({ column }) => duration(ns('no hit', column, name))),
      duration(ns('one hit', byWhich, name)),
    ]);
  const head = ['', ...without.map(({ column }) => column), `one hit, ${byWhich}`];
  const where = `${machine.cpu}, Node.js ${machine.node.slice(1)}, ${machine.date}`;
  return `${tableOf([head, ...rows], '--:')}\n\nMedians; ${where}.`;
}

/** Two digits of it, in the unit that needs no zeros. */
function duration(ns: number | undefined): string {
  if (ns === undefined) return '';
  const [unit, size] = ns < 1e3 ? ['ns', 1] : ns < 1e6 ? ['µs', 1e3] : (['ms', 1e6] as const);
  return `${Number((ns / size).toPrecision(2))} ${unit}`;
}

if (process.argv[1] === import.meta.filename) {
  const text = readFileSync(path, 'utf8');
  const updated = withTables(text);
  if (!process.argv.includes('--check')) writeFileSync(path, updated);
  else if (updated !== text) {
    console.error(
      'docs/choosing.md: expected the tables that `npm run docs:choosing` writes, got others',
    );
    process.exitCode = 1;
  }
}
