/** The report as a table for people, and the words under it. */
import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { QuantilesNs, StrategyReport, Trace } from './report-format.ts';
import { contenderOf } from './strategies.ts';

const numbers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** Rules between rows only, so that the table fits on a terminal. */
const lean = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  right: '',
  middle: ' ',
  'mid-mid': '─',
  'left-mid': '',
  'right-mid': '',
};

/** One row a strategy. */
export function table(strategies: readonly StrategyReport[]): string {
  const view = new Table({
    head: [
      'strategy',
      'verdict',
      'stale\nreads',
      'callbacks\nneeded/needless',
      'retries\ntrue/false',
      'longest\nrun',
      'ns/invalidation\np50/p99',
      'ns/fault\np50/p99',
      'bytes/\nsubscription',
    ],
    colAligns: ['left', 'left', ...Array.from({ length: 7 }, () => 'right' as const)],
    style: { head: [], border: [], compact: true },
    chars: lean,
  });
  for (const strategy of strategies) {
    const { callbacks, retries } = strategy;
    view.push([
      nameOf(strategy),
      verdict(strategy),
      numbers.format(strategy.staleReads),
      `${numbers.format(callbacks.needed)}/${numbers.format(callbacks.needless)}`,
      `${numbers.format(retries.true)}/${numbers.format(retries.false)}`,
      numbers.format(retries.longestRun),
      quantiles(strategy.nsPerInvalidation),
      quantiles(strategy.nsPerFault),
      strategy.bytesPerSubscription === null ? '–' : numbers.format(strategy.bytesPerSubscription),
    ]);
  }
  return view.toString();
}

/** What was replayed, in one line. */
export function headline(trace: Trace, seed: number): string {
  const { name, events, processes, devices, mirror, kind } = trace;
  const how = kind === 'recording' ? `mirroring ${mirror}` : 'as generated';
  return `${name}: ${numbers.format(events)} events, ${processes} processes, ${devices} devices ${how}, seed ${seed}`;
}

/** How to read the table and what to try next. */
export function reading(strategies: readonly StrategyReport[]): string {
  const stale = strategies.filter(({ verdict }) => verdict === 'stale');
  const lines = [
    'A stale read is a device served from a page that had changed: a correct strategy has none, and `none`,',
    'which notifies nobody, must have some, or the oracle would be blind. Needless callbacks and false retries',
    'are the price of not knowing ranges; compare times within one table only. Try next `npm run compare --`',
    'with --workload oom --strategy interval,interval:v1, or --trace YOUR.strace; `npm run harness -- list`.',
  ];
  for (const strategy of stale) {
    if (strategy.firstStale !== null) {
      lines.push('', `${nameOf(strategy)}, first: ${strategy.firstStale}`);
    }
  }
  for (const strategy of strategies) {
    if (strategy.error !== null) lines.push('', `${nameOf(strategy)} failed: ${strategy.error}`);
  }
  return lines.join('\n');
}

function nameOf({ name, variant }: StrategyReport): string {
  return contenderOf(`${name}:${variant}`).label;
}

function verdict({ verdict, claimsCorrect }: StrategyReport): string {
  if (verdict === 'ok') return styleText('green', 'ok');
  const expected = verdict === 'stale' && !claimsCorrect;
  return styleText(expected ? 'yellow' : 'red', expected ? 'stale (known)' : verdict);
}

function quantiles({ p50, p99 }: QuantilesNs): string {
  if (p50 === null || p99 === null) return '–';
  return `${numbers.format(p50)}/${numbers.format(p99)}`;
}
