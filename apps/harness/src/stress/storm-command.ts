/** `stress --storm`: the longest waits of several strategies in one table. */
import { writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { exitCodes, UsageError } from '../errors.ts';
import { machine } from '../report-format.ts';
import type { Contender } from '../strategies.ts';
import { runStorm, type StormReport } from './storm.ts';

/** What the command needs of its options. */
export interface StormOptions {
  readonly contenders: readonly Contender[];
  readonly seconds: number;
  readonly json?: string | undefined;
}

/** Version of the format of `--json`. */
const schema = 'mmu-notifier/storm/1';

/** Runs a storm for each contender, one after the other, and prints the table. Returns the exit code. */
export async function stormCommand(
  { contenders, seconds, json }: StormOptions,
  signal: AbortSignal,
): Promise<number> {
  for (const { label, traits } of contenders) {
    if (traits.modes.includes('shared-memory') && traits.name !== 'none') continue;
    throw new UsageError(`expected strategies in shared memory with --storm, got '${label}'`);
  }
  const reports: { readonly label: string; readonly report: StormReport }[] = [];
  for (const contender of contenders) {
    try {
      reports.push({ label: contender.label, report: await runStorm(contender, seconds, signal) });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    if (signal.aborted) break;
  }
  console.log(stormTable(reports));
  console.log(
    `\nEach storm lasts ${seconds} s. A section is open at every moment; the reader's page is in one of eight.`,
  );
  if (json !== undefined) {
    const content = { schema, machine: machine(), seconds, reports };
    writeFileSync(json, `${JSON.stringify(content, null, 2)}\n`);
  }
  return signal.aborted ? exitCodes.interrupted : exitCodes.ok;
}

function stormTable(reports: readonly { label: string; report: StormReport }[]): string {
  const table = new Table({
    head: [
      'strategy',
      'sections',
      "longest over the\nreader's page, ms",
      'reads',
      'longest wait\nof the reader, ms',
      'subscribed\nand closed',
      'longest wait\nelsewhere, ms',
    ],
    colAligns: ['left', ...Array.from({ length: 6 }, () => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const { label, report } of reports) {
    const { storm, reader, closer } = report;
    table.push([
      label,
      storm.count,
      storm.longestMs.toFixed(1),
      reader.count,
      reader.longestMs.toFixed(1),
      closer.count,
      closer.longestMs.toFixed(1),
    ]);
  }
  return table.toString();
}
