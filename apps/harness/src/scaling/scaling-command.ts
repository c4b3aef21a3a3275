/** `compare --agents N`: how each strategy in shared memory scales with the agents that a stream is spread over. */
import { writeFileSync } from 'node:fs';
import { styleText } from 'node:util';
import Table from 'cli-table3';
import { exitCodes } from '../errors.ts';
import { machine } from '../report-format.ts';
import { openSource, type SourceSpec } from '../source.ts';
import type { Contender } from '../strategies.ts';
import { makePlan } from './plan.ts';
import { runPlan, type ScalingPoint } from './scaling.ts';

/** What `compare` was asked for. */
export interface ScalingOptions {
  readonly contenders: readonly Contender[];
  readonly specs: readonly SourceSpec[];
  readonly agents: number;
  readonly json?: string | undefined;
}

/** Version of the format of `--json`; it grows with every incompatible change. */
const schema = 'mmu-notifier/scaling/1';
/** For each strategy and number of agents. */
const seconds = 2;
const numbers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

interface Row {
  readonly label: string;
  readonly claimsCorrect: boolean;
  readonly points: ScalingPoint[];
}

/** Prints a table for each stream; returns the exit code. */
export async function scalingCommand(
  { contenders, specs, agents, json }: ScalingOptions,
  signal: AbortSignal,
): Promise<number> {
  const able = contenders.filter(({ traits }) => traits.modes.includes('shared-memory'));
  const others = contenders.filter((contender) => !able.includes(contender));
  if (others.length > 0) {
    console.log(
      `For one event loop only, left out: ${others.map(({ label }) => label).join(', ')}`,
    );
  }
  const counts = [1, 2, 4, 8, 16].filter((count) => count < agents);
  const reports: { readonly stream: string; readonly seed: number; readonly rows: Row[] }[] = [];
  for (const spec of specs) {
    const { events } = await openSource(spec);
    const rows: Row[] = able.map(({ label, traits }) => ({
      label,
      claimsCorrect: traits.correct,
      points: [],
    }));
    reports.push({ stream: spec.name, seed: spec.seed, rows });
    for (const count of [...counts, agents]) {
      const plan = makePlan(events, count);
      for (const [at, contender] of able.entries()) {
        if (signal.aborted) break;
        rows[at]!.points.push(await runPlan(contender, plan, { seconds, signal }));
      }
    }
    console.log(scalingTable(rows, [...counts, agents]));
  }
  console.log(
    "\nThe stream's threads and devices on so many worker threads, as fast as they can, round and round: sections and faults" +
      '\na second, and how many times as many as with one. More agents than processors share those.',
  );
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify({ schema, machine: machine(), reports }, null, 2)}\n`);
  }
  const wrong = reports
    .flatMap(({ rows }) => rows)
    .some(
      ({ claimsCorrect, points }) => claimsCorrect && points.some((each) => each.staleReads > 0),
    );
  if (wrong) return exitCodes.violation;
  return signal.aborted ? exitCodes.interrupted : exitCodes.ok;
}

function scalingTable(rows: readonly Row[], counts: readonly number[]): string {
  const table = new Table({
    head: [
      'strategy',
      'stale\nreads',
      ...counts.map(
        (count) => `${count} ${count === 1 ? 'agent' : 'agents'}\nsections/s, faults/s`,
      ),
    ],
    colAligns: ['left', ...counts.map(() => 'right' as const), 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { label, points } of rows) {
    const stale = points.reduce((sum, { staleReads }) => sum + staleReads, 0);
    const [one] = points;
    table.push([
      label,
      stale === 0 ? styleText('green', '0') : styleText('red', numbers.format(stale)),
      ...points.map((point) => {
        const rates = `${numbers.format(point.sectionsPerSecond)}, ${numbers.format(point.faultsPerSecond)}`;
        if (one === undefined || point === one) return rates;
        return `${rates} (×${(point.sectionsPerSecond / one.sectionsPerSecond).toFixed(2)})`;
      }),
    ]);
  }
  return table.toString();
}
