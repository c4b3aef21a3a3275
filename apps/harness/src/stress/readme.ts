/**
 * Writes what the records in results/ hold into the README, between its markers. `--check` only compares.
 *
 * A table whose record is missing stays as it is.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../report-format.ts';
import { allCells, allHead, allSchema, type AllResult } from './all.ts';
import { killKinds } from './faults.ts';
import { killsSchema } from './kills.ts';
import { readRecord } from './record.ts';
import { stormCells, stormHead, stormSchema, type StormResult } from './storm-command.ts';
import type { RoundReport } from './stress.ts';

const folder = join(import.meta.dirname, '../..');
const path = join(folder, 'README.md');

/** By marker: how a record becomes Markdown. The record of `<!-- NAME -->` is results/NAME.jsonl. */
const tables: Readonly<Record<string, (record: string) => string>> = {
  'stress-all': allTable,
  'stress-kills': killsTable,
  'stress-storm': stormTable,
};

/** A README with the tables of the records in a folder. */
export function withTables(text: string, results: string): string {
  let updated = text;
  for (const [name, tableOf] of Object.entries(tables)) {
    const record = join(results, `${name}.jsonl`);
    if (!existsSync(record)) continue;
    const markers = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`);
    const table = tableOf(record);
    updated = updated.replace(
      markers,
      (_all, open: string, close: string) => `${open}${table}\n${close}`,
    );
  }
  return updated;
}

function allTable(record: string): string {
  const { asked, machine, results } = readRecord<AllResult>(record, allSchema);
  const rows = results.map((result) => {
    const [strategy, ...cells] = allCells(result);
    return [`\`${strategy!}\``, ...cells];
  });
  return (
    `${markdown(allHead, rows)}\n\n` +
    `\`npm run stress -- --all --workers ${String(asked['workers'])} --seconds ${String(asked['seconds'])} --seed ${String(asked['seed'])}\`. ${where(machine)}`
  );
}

function killsTable(record: string): string {
  const { asked, machine, results } = readRecord<RoundReport>(record, killsSchema);
  const kinds = killKinds.filter((kind) => results.some(({ fault }) => fault === kind));
  const groups = [...kinds.map((kind) => ({ name: kind, kinds: [kind] })), { name: 'all', kinds }];
  const rows = groups.map((group) => {
    const these = results.filter(({ fault }) => fault !== undefined && group.kinds.includes(fault));
    const told = these.filter(({ death }) => death !== undefined).length;
    return [
      group.name,
      these.length,
      these.length - told,
      told,
      sum(these.map(({ staleReads }) => staleReads)),
      sum(these.map(({ hung }) => hung)),
      sum(these.map(({ errors }) => errors.length)),
      Math.round(Math.max(...these.map(({ afterMs }) => afterMs))),
    ].map(String);
  });
  const head = [
    'ended',
    'rounds',
    'survivors went on',
    'were told of the dead',
    'stale reads',
    'hung',
    'other errors',
    'back within, ms',
  ];
  return (
    `${markdown(head, rows)}\n\n` +
    `\`npm run stress -- --kills ${results.length} --strategy ${String(asked['strategy'])} --workers ${String(asked['workers'])} --seed ${String(asked['seed'])}\`. ${where(machine)}`
  );
}

function stormTable(record: string): string {
  const { asked, machine, results } = readRecord<StormResult>(record, stormSchema);
  const head = stormHead.map((name) => name.replace('\n', ' '));
  const rows = results.map(stormCells);
  return `${markdown(head, rows)}\n\n\`npm run stress -- --storm --seconds ${String(asked['seconds'])}\`. ${where(machine)}`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function where({ cpu, cores, node }: Machine): string {
  return `${cpu}, ${cores} processors, Node.js ${node}.`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

if (process.argv[1] === import.meta.filename) {
  const text = readFileSync(path, 'utf8');
  const updated = withTables(text, join(folder, 'results'));
  if (!process.argv.includes('--check')) writeFileSync(path, updated);
  else if (updated !== text) {
    console.error('README.md: expected the tables of the records in results/, got others');
    process.exitCode = 1;
  }
}
