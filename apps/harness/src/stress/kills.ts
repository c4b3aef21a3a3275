/** Many rounds in each of which an agent is terminated, kept in a record, so that a long series can be resumed. */
import { exitCodes } from '../errors.ts';
import { startProgress } from '../progress.ts';
import { RunRecord } from './record.ts';
import { stress, type RoundReport, type StressOptions } from './stress.ts';
import { headline, stressTable } from './stress-table.ts';

/** Version of the format of the record; it grows with every incompatible change. */
export const killsSchema = 'mmu-notifier/stress-kills/2';

/** Runs the rounds that the record does not hold yet. Returns the exit code. */
export async function recordKills(
  options: StressOptions,
  path: string | undefined,
): Promise<number> {
  const { contender, workers, pages, seed, faultKinds, ownerRun } = options;
  const strategy = contender.label;
  const asked = { schema: killsSchema, strategy, workers, pages, seed, faultKinds, ownerRun };
  const record = new RunRecord<RoundReport>(path, asked);
  console.log(headline(options));
  const progress = startProgress();
  const report = await stress({
    ...options,
    firstRound: record.before,
    onRound(round) {
      record.add(round);
      const done = record.results.length;
      progress.update(done / options.rounds, `${done} of ${options.rounds} kills`);
    },
  }).finally(() => progress.stop());
  const rounds = record.results;
  console.log(stressTable({ ...report, rounds }, options.workers));
  if (record.before > 0) {
    console.log(`The counts are of the last ${report.rounds.length} rounds, the faults of all.`);
  }
  const failed = rounds.filter(({ staleReads, errors }) => staleReads > 0 || errors.length > 0);
  if (!report.isInterrupted) record.finish({ rounds: rounds.length, failed: failed.length });
  if (failed.length > 0) {
    console.error(`Failed: rounds ${failed.map(({ round }) => round).join(', ')}.`);
    return exitCodes.violation;
  }
  return report.isInterrupted ? exitCodes.interrupted : exitCodes.ok;
}
