/**
 * The comparison: the same stream through every strategy, each time in a process of its own, several times
 * in rotated order. Counts must not differ between the observations of a strategy; times are medians.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from 'simple-statistics';
import type { Answer, Order } from './observation.ts';
import type { ReplayResult } from './replay.ts';
import type { QuantilesNs, StrategyReport } from './report-format.ts';
import type { SourceSpec } from './source.ts';
import type { Contender } from './strategies.ts';

/** What to compare. */
export interface Comparison {
  readonly contenders: readonly Contender[];
  readonly source: SourceSpec;
  /** Replays of each strategy; more give steadier times. */
  readonly observations: number;
  /** Called as work gets done, `done` from 0 to 1. */
  readonly onProgress: (done: number, what: string) => void;
  /** Stops after the observation at hand is thrown away. */
  readonly signal: AbortSignal;
}

/** One replayed strategy, or why it could not be. */
interface Seen {
  readonly results: ReplayResult[];
  bytesPerSubscription: number | null;
  error: string | null;
}

/**
 * Runs the comparison. When the signal aborts it returns what was seen by then: the strategies that were
 * replayed at least once.
 */
export async function compare(comparison: Comparison): Promise<StrategyReport[]> {
  const { contenders, source, observations, onProgress, signal } = comparison;
  const seen = new Map<Contender, Seen>(
    contenders.map((contender) => [
      contender,
      { results: [], bytesPerSubscription: null, error: null },
    ]),
  );
  const total = contenders.length * (observations + 1);
  let done = 0;
  const work = async (contender: Contender, order: Order): Promise<void> => {
    const of = seen.get(contender)!;
    if (of.error !== null || signal.aborted) return;
    const answer = await observe(order, signal, (share) =>
      onProgress((done + share) / total, contender.label),
    );
    if (answer === undefined) return;
    if (answer.kind === 'failed') of.error = answer.message;
    else if (answer.kind === 'weighed') of.bytesPerSubscription = answer.bytes;
    else if (answer.kind === 'replayed') of.results.push(answer.result);
    onProgress(++done / total, contender.label);
  };
  for (let round = 0; round < observations; round++) {
    for (const contender of rotated(contenders, round)) {
      await work(contender, { kind: 'replay', label: contender.label, source });
    }
  }
  for (const contender of contenders) {
    await work(contender, { kind: 'weigh', label: contender.label });
  }
  return [...seen]
    .filter(([, { results, error }]) => results.length > 0 || error !== null)
    .map(([contender, of]) => report(contender, of));
}

/** Each round starts with another strategy, so that none is always measured on a warm, or a tired, machine. */
function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

const childFile = fileURLToPath(new URL('observation.ts', import.meta.url));

/** Runs one process; `undefined` when it was stopped by the signal. */
function observe(
  order: Order,
  signal: AbortSignal,
  onShare: (share: number) => void,
): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const child: ChildProcess = fork(childFile, [], {
      execArgv: [...process.execArgv, '--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let answer: Answer | undefined;
    const stop = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', stop, { once: true });
    child.on('message', (message: Answer) => {
      if (message.kind === 'progress') onShare(message.done / message.of);
      else answer = message;
    });
    child.on('exit', (code, killedBy) => {
      signal.removeEventListener('abort', stop);
      if (answer === undefined && !signal.aborted) {
        const how = killedBy === null ? `exit code ${code}` : `signal ${killedBy}`;
        answer = { kind: 'failed', message: `the process ended early with ${how}` };
      }
      resolve(answer);
    });
    child.send(order);
  });
}

function report({ strategy, variant, traits }: Contender, of: Seen): StrategyReport {
  const { results, bytesPerSubscription } = of;
  const first = results[0];
  const error = of.error ?? unsteady(results);
  const counts = first?.counts;
  const stale = counts?.staleReads ?? 0;
  return {
    name: strategy.name,
    variant,
    verdict: error !== null ? 'failed' : stale > 0 ? 'stale' : 'ok',
    claimsCorrect: traits.correct,
    staleReads: stale,
    firstStale: first?.firstStale ?? null,
    callbacks: counts?.callbacks ?? { needed: 0, needless: 0 },
    retries: counts?.retries ?? { true: 0, false: 0, longestRun: 0 },
    nsPerInvalidation: medians(results.map(({ nsPerInvalidation }) => nsPerInvalidation)),
    nsPerFault: medians(results.map(({ nsPerFault }) => nsPerFault)),
    bytesPerSubscription,
    sections: counts?.sections ?? 0,
    faults: counts?.published ?? 0,
    wouldBlock: counts?.wouldBlock ?? 0,
    secondsPerReplay: first === undefined ? null : median(results.map(({ seconds }) => seconds)),
    peakMemoryBytes:
      first === undefined ? null : Math.max(...results.map((result) => result.peakMemoryBytes)),
    observations: results.length,
    error,
  };
}

function medians(quantiles: readonly ({ p50: number; p99: number } | undefined)[]): QuantilesNs {
  const measured = quantiles.filter((quantile) => quantile !== undefined);
  if (measured.length === 0) return { p50: null, p99: null };
  return {
    p50: middle(measured.map(({ p50 }) => p50)),
    p99: middle(measured.map(({ p99 }) => p99)),
  };
}

/** To a tenth of a nanosecond. */
function middle(values: number[]): number {
  return Math.round(median(values) * 10) / 10;
}

/** The same seed must give the same counts, or what was measured was not the same work. */
function unsteady(results: readonly ReplayResult[]): string | null {
  const counts = new Set(results.map((result) => JSON.stringify(result.counts)));
  if (counts.size <= 1) return null;
  return `expected the same counts from every observation of one seed, got ${[...counts].join(' and ')}`;
}
