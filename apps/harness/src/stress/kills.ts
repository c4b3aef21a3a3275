/** Many rounds in each of which an agent is terminated, kept one a line, so that a long series can be resumed. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { exitCodes } from '../errors.ts';
import { startProgress } from '../progress.ts';
import { stress, type RoundReport, type StressOptions } from './stress.ts';
import { headline, stressTable } from './stress-table.ts';

/** Runs the rounds that the record does not hold yet. Returns the exit code. */
export async function recordKills(
  options: StressOptions,
  record: string | undefined,
): Promise<number> {
  const before =
    record !== undefined && existsSync(record)
      ? readFileSync(record, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as RoundReport)
      : [];
  console.log(headline(options));
  const progress = startProgress();
  let done = before.length;
  const report = await stress({
    ...options,
    firstRound: before.length,
    onRound(round) {
      done++;
      progress.update(done / options.rounds, `${done} of ${options.rounds} kills`);
      if (record !== undefined) appendFileSync(record, `${JSON.stringify(round)}\n`);
    },
  }).finally(() => progress.stop());
  const rounds = [...before, ...report.rounds];
  console.log(stressTable({ ...report, rounds }, options.workers));
  if (before.length > 0) {
    console.log(`The counts are of the last ${report.rounds.length} rounds, the faults of all.`);
  }
  const failed = rounds.filter(({ staleReads, errors }) => staleReads > 0 || errors.length > 0);
  if (failed.length > 0) {
    console.error(`Failed: rounds ${failed.map(({ round }) => round).join(', ')}.`);
    return exitCodes.violation;
  }
  return report.isInterrupted ? exitCodes.interrupted : exitCodes.ok;
}
