/** A stress run's numbers for people. */
import { styleText } from 'node:util';
import type { StressOptions, StressReport } from './stress.ts';

/** As in the other tables. */
export const numbers: Intl.NumberFormat = new Intl.NumberFormat('en-US', {
  maximumFractionDigits: 0,
});

/** What is run, in one line. */
export function headline(options: StressOptions): string {
  const { contender, workers, pages, seed } = options;
  const agents = workers === 0 ? 'tasks in one event loop' : `${workers} workers`;
  return `${contender.label}: ${agents}, ${pages} pages, seed ${seed}`;
}

/** Lines of names and numbers, and what went wrong. */
export function stressTable(report: StressReport, workers: number): string {
  const { counts, seconds, rounds, firstStale } = report;
  const perSecond = numbers.format(counts.operations / Math.max(workers, 1) / seconds);
  const rows: [string, string][] = [
    [
      'sections',
      `${numbers.format(counts.sections)}, ${numbers.format(counts.wouldBlock)} would have blocked`,
    ],
    ['callbacks', numbers.format(counts.callbacks)],
    ['faults', numbers.format(counts.faults)],
    [
      'retries',
      `${numbers.format(counts.retriesTrue)} true, ${numbers.format(counts.retriesFalse)} false, longest run ${numbers.format(counts.longestRun)}`,
    ],
    [
      "driver's locks",
      `${numbers.format(counts.locks)}, held by another ${numbers.format(counts.contended)} times${of(counts.contended, counts.locks)}`,
    ],
    ['longest wait', `${counts.longestWaitMs.toFixed(1)} ms`],
    ['subscriptions', numbers.format(counts.subscriptions)],
    [
      'operations',
      `${numbers.format(counts.operations)}, ${perSecond} a second${workers > 1 ? ' and worker' : ''}`,
    ],
    ['accesses', numbers.format(counts.accesses)],
    [
      'stale reads',
      counts.staleReads === 0
        ? styleText('green', '0')
        : styleText('red', numbers.format(counts.staleReads)),
    ],
  ];
  const lines = [
    `${rounds.length} rounds in ${seconds.toFixed(1)} s`,
    ...rows.map(([name, value]) => `  ${name.padEnd(16)}${value}`),
    ...faultLines(report),
  ];
  if (firstStale !== undefined) lines.push(`First stale: ${firstStale}`);
  const errors = [...new Set(rounds.flatMap((round) => round.errors))];
  for (const error of errors.slice(0, 3)) lines.push(styleText('red', error));
  if (errors.length > 3) lines.push(`and ${errors.length - 3} more errors`);
  return lines.join('\n');
}

function of(part: number, whole: number): string {
  return whole === 0 ? '' : ` (${((100 * part) / whole).toFixed(2)} %)`;
}

/** By kind: how many rounds, how many survivors went on or failed with an error that names the dead. */
function faultLines({ rounds, counts }: StressReport): string[] {
  const kinds = [...new Set(rounds.flatMap(({ fault }) => fault ?? []))].sort();
  if (kinds.length === 0) return [];
  const lines = kinds.map((kind) => {
    const these = rounds.filter(({ fault }) => fault === kind);
    const failed = these.filter(({ death }) => death !== undefined).length;
    const died = these.filter(({ dead }) => dead !== undefined).length;
    const longestMs = Math.max(...these.map(({ afterMs }) => afterMs));
    const outcome =
      died === 0
        ? 'all went on'
        : `survivors went on in ${these.length - failed}, were told of the dead in ${failed}; back within ${numbers.format(longestMs)} ms`;
    return `  fault ${kind.padEnd(10)}${these.length} rounds: ${outcome}`;
  });
  lines.push(
    `  errors told     ${numbers.format(counts.deadAgents)} of dead agents, ${numbers.format(counts.callbacksFailed)} of callbacks, ${numbers.format(counts.full)} of a full region`,
  );
  const example = rounds.find(({ death }) => death !== undefined)?.death;
  if (example !== undefined) lines.push(`  for example     ${example}`);
  return lines;
}
