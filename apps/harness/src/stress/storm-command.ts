/** `stress --storm`: the longest waits of several strategies in one table. */
import { writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { exitCodes, UsageError } from '../errors.ts';
import { machine } from '../report-format.ts';
import { RunRecord } from './record.ts';
import type { Contender } from '../strategies.ts';
import { runStorm, type StormReport } from './storm.ts';

/** What the command needs of its options. */
export interface StormOptions {
  readonly contenders: readonly Contender[];
  readonly seconds: number;
  readonly json?: string | undefined;
  readonly record?: string | undefined;
}

/** Version of the format of `--json` and of the record; it grows with every incompatible change. */
export const stormSchema = 'mmu-notifier/storm/1';

/** A storm's result in a record. */
export interface StormResult {
  readonly label: string;
  readonly report: StormReport;
}

/** Runs a storm for each contender, one after the other, and prints the table. Returns the exit code. */
export async function stormCommand(
  { contenders, seconds, json, record: path }: StormOptions,
  signal: AbortSignal,
): Promise<number> {
  for (const { label, traits } of contenders) {
    if (traits.modes.includes('shared-memory') && traits.name !== 'none') continue;
    throw new UsageError(`expected strategies in shared memory with --storm, got '${label}'`);
  }
  const strategies = contenders.map(({ label }) => label);
  const record = new RunRecord<StormResult>(path, { schema: stormSchema, seconds, strategies });
  for (const contender of contenders.slice(record.before)) {
    try {
      const report = await runStorm(contender, seconds, signal);
      record.add({ label: contender.label, report });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    if (signal.aborted) break;
  }
  const reports = record.results;
  if (!signal.aborted) record.finish({ storms: reports.length });
  console.log(stormTable(reports));
  console.log(
    `\nEach storm lasts ${seconds} s. A section is open at every moment; the reader's page is in one of eight.`,
  );
  if (json !== undefined) {
    const content = { schema: stormSchema, machine: machine(), seconds, reports };
    writeFileSync(json, `${JSON.stringify(content, null, 2)}\n`);
  }
  return signal.aborted ? exitCodes.interrupted : exitCodes.ok;
}

/** The head of the table, without the breaks that a terminal's has. */
export const stormHead: readonly string[] = [
  'strategy',
  'sections',
  "longest over the\nreader's page, ms",
  'reads',
  'longest wait\nof the reader, ms',
  'subscribed\nand closed',
  'longest wait\nelsewhere, ms',
];

/** The cells of a row, under {@link stormHead}. */
export function stormCells({ label, report }: StormResult): string[] {
  const { storm, reader, closer } = report;
  return [
    label,
    String(storm.count),
    storm.longestMs.toFixed(1),
    String(reader.count),
    reader.longestMs.toFixed(1),
    String(closer.count),
    closer.longestMs.toFixed(1),
  ];
}

function stormTable(results: readonly StormResult[]): string {
  const table = new Table({
    head: [...stormHead],
    colAligns: ['left', ...Array.from({ length: 6 }, () => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const result of results) table.push(stormCells(result));
  return table.toString();
}
