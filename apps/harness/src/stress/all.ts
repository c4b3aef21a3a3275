/**
 * `stress --all`: every strategy in every mode that it has, one after the other, and whether each is what it says.
 *
 * 1. Who claims that no stale entry is served must serve none for all of its time, and nothing may hang.
 * 2. Who does not must be caught within that time; then it is over.
 * 3. Who has deadlocks among its known races may hang in rounds; the others of its rounds count.
 */
import { styleText } from 'node:util';
import Table from 'cli-table3';
import { exitCodes } from '../errors.ts';
import { startProgress } from '../progress.ts';
import { contenders, type Contender } from '../strategies.ts';
import { stressEventLoop } from './event-loop.ts';
import { RunRecord } from './record.ts';
import { stress, type RoundReport, type StressOptions } from './stress.ts';
import { numbers } from './stress-table.ts';

/** Version of the format of the record; it grows with every incompatible change. */
export const allSchema = 'mmu-notifier/stress-all/1';

/** What came of one run. */
export interface AllResult {
  readonly strategy: string;
  /** Worker threads; 0: one event loop. */
  readonly workers: number;
  /** It claims to serve no stale entry. */
  readonly claimsCorrect: boolean;
  /** The last two are failures. `hangs`: by a race that is known of it, and nothing stale. */
  readonly verdict: 'clean' | 'caught' | 'hangs' | 'violation' | 'missed';
  readonly seconds: number;
  readonly rounds: number;
  readonly sections: number;
  readonly faults: number;
  readonly accesses: number;
  readonly staleReads: number;
  /** Rounds in which somebody waited for ever. */
  readonly hungRounds: number;
  readonly firstStale: string | null;
  readonly firstError: string | null;
}

/** By strategy: the known races that make it hang, and nothing else wrong. */
const mayHang: Readonly<Record<string, readonly string[]>> = {
  'umem-odp': ['ODP-1', 'ODP-5'],
  'hlist-srcu:v5.3': ['L-2'],
};

/** Runs what the record does not hold yet. Returns the exit code. */
export async function runAll(
  common: Omit<StressOptions, 'contender'>,
  path: string | undefined,
): Promise<number> {
  const { workers, seed, pages, seconds, signal } = common;
  const record = new RunRecord<AllResult>(path, {
    schema: allSchema,
    workers,
    seed,
    pages,
    seconds,
  });
  const runs = allRuns(workers);
  const progress = startProgress();
  try {
    for (const [at, { contender, workers: these }] of runs.entries()) {
      if (at < record.before) continue;
      const name = `${contender.label}, ${modeOf(these)}`;
      const onProgress = (_counts: unknown, done: number): void =>
        progress.update((at + done / seconds) / runs.length, name);
      const result = await runOne({ ...common, contender, workers: these, onProgress });
      if (signal.aborted) break;
      record.add(result);
    }
  } finally {
    progress.stop();
  }
  const { results } = record;
  const failed = results.filter(isFailed);
  console.log(allTable(results));
  for (const { strategy, workers: these, verdict, ...result } of failed) {
    const what = result.firstStale ?? result.firstError ?? `not caught in ${seconds} s`;
    console.error(`${strategy}, ${modeOf(these)}: ${verdict}: ${what}`);
  }
  if (results.length === runs.length) {
    record.finish({ runs: runs.length, failed: failed.length });
  }
  if (failed.length > 0) return exitCodes.violation;
  if (!signal.aborted) return exitCodes.ok;
  console.error('Interrupted: the table holds what was done by then.');
  return exitCodes.interrupted;
}

/** Every strategy on workers if it can, and in one event loop. */
export function allRuns(workers: number): { contender: Contender; workers: number }[] {
  const shared = contenders.filter(({ traits }) => traits.modes.includes('shared-memory'));
  return [
    ...shared.map((contender) => ({ contender, workers })),
    ...contenders.map((contender) => ({ contender, workers: 0 })),
  ];
}

/** Until the time is over, or it is caught and never claimed better. */
async function runOne(options: StressOptions): Promise<AllResult> {
  const { label, traits } = options.contender;
  const caught = new AbortController();
  // each agent that hangs is an error; in one event loop they are one together
  const excused = mayHang[label] === undefined ? 0 : options.workers === 0 ? 1 : Infinity;
  const isWrong = ({ staleReads, errors, hung }: RoundReport): boolean =>
    staleReads > 0 || errors.length > Math.min(hung, excused);
  const run = options.workers === 0 ? stressEventLoop : stress;
  const report = await run({
    ...options,
    signal: AbortSignal.any([options.signal, caught.signal]),
    onRound: (round) => {
      if (!traits.correct && isWrong(round)) caught.abort();
    },
  });
  const { counts, rounds, seconds, firstStale } = report;
  const isCaught = counts.staleReads > 0 || rounds.some(isWrong);
  const hungRounds = rounds.filter(({ hung }) => hung > 0).length;
  return {
    strategy: label,
    workers: options.workers,
    claimsCorrect: traits.correct,
    verdict: verdictOf(traits.correct, isCaught, hungRounds),
    seconds: Math.round(seconds * 10) / 10,
    rounds: rounds.length,
    sections: counts.sections,
    faults: counts.faults,
    accesses: counts.accesses,
    staleReads: counts.staleReads,
    hungRounds,
    firstStale: firstStale ?? null,
    firstError: rounds.flatMap(({ errors }) => errors)[0] ?? null,
  };
}

/** It is not what it says. */
function isFailed({ verdict }: AllResult): boolean {
  return verdict === 'violation' || verdict === 'missed';
}

function verdictOf(
  claimsCorrect: boolean,
  isCaught: boolean,
  hungRounds: number,
): AllResult['verdict'] {
  if (!claimsCorrect) return isCaught ? 'caught' : 'missed';
  if (isCaught) return 'violation';
  return hungRounds > 0 ? 'hangs' : 'clean';
}

/** For people. */
export function modeOf(workers: number): string {
  return workers === 0 ? 'one event loop' : `${workers} workers`;
}

/** What the verdict rests on, in short. */
export function noteOf({
  strategy,
  hungRounds,
  rounds,
  firstStale,
  firstError,
}: AllResult): string {
  if (firstStale !== null) return firstStale.replace(/^device \d+ /, '').replace(/:.*/s, '');
  if (hungRounds > 0) {
    const known = mayHang[strategy]?.join(', ');
    return `${hungRounds} of ${rounds} rounds hang${known === undefined ? '' : ` (${known})`}`;
  }
  return firstError?.split('\n')[0]?.replace(/^round \d+, seed \d+: /, '') ?? '';
}

/** The cells of a result's row, under {@link allHead}. */
export function allCells(result: AllResult): string[] {
  const { strategy, workers, verdict, seconds, sections, faults, staleReads } = result;
  return [
    strategy,
    modeOf(workers),
    verdict,
    seconds.toFixed(1),
    numbers.format(sections),
    numbers.format(faults),
    numbers.format(staleReads),
    noteOf(result),
  ];
}

/** See {@link allCells}. */
export const allHead: readonly string[] = [
  'strategy',
  'where',
  'verdict',
  'seconds',
  'sections',
  'faults',
  'stale',
  'first, or why',
];

function allTable(results: readonly AllResult[]): string {
  const table = new Table({
    head: [...allHead],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const result of results) {
    const cells = allCells(result);
    const isGood = !isFailed(result);
    cells[2] = styleText(isGood ? 'green' : 'red', result.verdict);
    table.push(cells);
  }
  return table.toString();
}
