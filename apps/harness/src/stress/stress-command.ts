/** `stress`: agents on worker threads hammer one address space, and faults befall them. */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { exitCodes, UsageError } from '../errors.ts';
import { integer, outputFile } from '../options.ts';
import { startProgress } from '../progress.ts';
import { machine } from '../report-format.ts';
import { contenderOf, contenders, type Contender } from '../strategies.ts';
import { runAll } from './all.ts';
import { stressEventLoop } from './event-loop.ts';
import { faultKinds, killKinds, type FaultKind } from './faults.ts';
import { recordKills } from './kills.ts';
import { stormCommand } from './storm-command.ts';
import { stress, type StressOptions, type StressReport } from './stress.ts';
import { headline, numbers, stressTable } from './stress-table.ts';

interface Options {
  readonly strategy?: string;
  readonly workers: number;
  readonly seconds: number;
  readonly seed: number;
  readonly pages: number;
  readonly fault: number;
  readonly faultKind?: FaultKind[];
  readonly kills?: number;
  readonly record?: string;
  readonly ownerRun?: true;
  readonly storm?: true;
  readonly all?: true;
  readonly json?: string;
}

/** Version of the format of `--json`; it grows with every incompatible change. */
const schema = 'mmu-notifier/stress/1';
/** Short, for many releases. */
const roundMs = 250;
const kinds = Object.entries(faultKinds).map(([kind, what]) => `${kind} = ${what}`);

/** The command, for commander. */
export const stressCommand: Command = new Command('stress')
  .summary('hammer one address space from several worker threads, with faults')
  .description(
    'Agents on worker threads change, fault, access, subscribe and close on one notifier in shared memory, round after ' +
      'round; at the end of each round the address space is released. Every access of a device is checked with the driver’s lock held.',
  )
  .option('--strategy <name>', 'a strategy, see `list`; several with --storm (default: interval)')
  .option('--workers <n>', 'agents; 0: seeded tasks in one event loop', integer(0, 16), 2)
  .option('--seconds <n>', 'how long', integer(1, 86_400), 10)
  .option('--seed <n>', 'seed of everything random', integer(0, 2 ** 31 - 1), 1)
  .option('--pages <n>', 'pages of memory', integer(8, 4096), 64)
  .option('--fault <rate>', 'share of the rounds that have a fault, from 0 to 1', share, 0)
  .addOption(
    new Option('--fault-kind <kinds>', `which faults, separated by commas: ${kinds.join('; ')}`)
      .argParser(kindList)
      .default(undefined, 'all'),
  )
  .option(
    '--kills <n>',
    'instead: n rounds in each of which an agent is terminated',
    integer(1, 1e6),
  )
  .option(
    '--record <file>',
    'with --all, --kills or --storm: keep each result in a file of JSON lines, and resume from it',
    outputFile,
  )
  .option('--owner-run', 'callbacks run on the agent that subscribed, by message')
  .option('--storm', 'instead: the longest waits while sections overlap without pause')
  .option(
    '--all',
    'instead: every strategy for that long, until it is caught if it claims no better; 1 if one is not what it says',
  )
  .option('--json <file>', 'write the report to a file as well', outputFile)
  .addHelpText(
    'after',
    '\nExit codes: 0; 1 a stale read, an agent that hangs or an error that no fault explains; 2 bad usage; 130 interrupted.',
  )
  .action(async (options: Options) => {
    process.exitCode = await run(options);
  });

async function run(options: Options): Promise<number> {
  const { strategy = 'interval', seed, pages, workers, seconds, json } = options;
  checkOptions(options);
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  if (options.storm === true) {
    const labels = (options.strategy ?? 'interval,interval:scoped').split(',');
    const { record } = options;
    const storm = { contenders: labels.map(contenderOf), seconds, json, record };
    return stormCommand(storm, interrupt.signal);
  }
  const contender = contenderOf(strategy);
  if (workers > 0) requireSharedMode(contender);
  const common: StressOptions = {
    contender,
    workers,
    seed,
    pages,
    seconds,
    rounds: Infinity,
    firstRound: 0,
    roundMs,
    faultRate: options.fault,
    faultKinds: options.faultKind ?? (Object.keys(faultKinds) as FaultKind[]),
    ownerRun: options.ownerRun === true,
    signal: interrupt.signal,
  };
  if (options.all === true) return runAll(common, options.record);
  if (options.kills !== undefined) {
    const kill = { ...common, seconds: Infinity, rounds: options.kills, faultRate: 1 };
    return recordKills({ ...kill, faultKinds: options.faultKind ?? killKinds }, options.record);
  }
  console.log(headline(common));
  const progress = startProgress();
  let report: StressReport;
  try {
    report = await (workers === 0 ? stressEventLoop : stress)({
      ...common,
      onProgress: (counts, done) =>
        progress.update(done / seconds, `${numbers.format(counts.sections)} sections`),
    });
  } finally {
    progress.stop();
  }
  console.log(stressTable(report, workers));
  if (json !== undefined) {
    const { name, variant } = contender.traits;
    const head = { schema, machine: machine(), strategy: { name, variant }, workers, seed, pages };
    writeFileSync(json, `${JSON.stringify({ ...head, ...report }, null, 2)}\n`);
  }
  if (isFailed(report)) return exitCodes.violation;
  if (!report.isInterrupted) return exitCodes.ok;
  console.error('Interrupted: the table holds what was done by then.');
  return exitCodes.interrupted;
}

/** Options that do not go together. */
function checkOptions(options: Options): void {
  const { workers, fault, kills, record, json } = options;
  const instead = (['storm', 'kills', 'all'] as const).filter(
    (name) => options[name] !== undefined,
  );
  const [mode] = instead;
  if (instead.length > 1) {
    throw new UsageError(
      `expected one of --storm, --kills and --all, got --${instead.join(', --')}`,
    );
  }
  if (record !== undefined && mode === undefined) {
    throw new UsageError(
      'expected --record with --storm, --kills or --all; --json has a single run',
    );
  }
  if (json !== undefined && (mode === 'kills' || mode === 'all')) {
    throw new UsageError(`expected --record with --${mode}, got --json`);
  }
  if (mode === 'all' && options.strategy !== undefined) {
    throw new UsageError(`expected no --strategy with --all, got '${options.strategy}'`);
  }
  if (mode === 'all' && (workers === 0 || fault > 0)) {
    throw new UsageError('expected workers and no faults with --all');
  }
  if (kills !== undefined && workers < 2) {
    throw new UsageError(
      `expected --workers of at least 2 with --kills, so that one survives, got ${workers}`,
    );
  }
  if (workers === 0 && fault > 0) {
    throw new UsageError('expected --workers of at least 1 with --fault, got 0');
  }
}

function requireSharedMode(contender: Contender): void {
  if (contender.traits.modes.includes('shared-memory')) return;
  const able = contenders.filter(({ traits }) => traits.modes.includes('shared-memory'));
  throw new UsageError(
    `expected a strategy in shared memory (${able.map(({ label }) => label).join(', ')}), ` +
      `got '${contender.label}', which is for one event loop only: use --workers 0`,
  );
}

/** A stale read, or something that no fault explains. */
function isFailed({ counts, rounds }: StressReport): boolean {
  return counts.staleReads > 0 || rounds.some(({ errors }) => errors.length > 0);
}

function share(text: string): number {
  const value = Number(text);
  if (/^\d*\.?\d+$/.test(text) && value <= 1) return value;
  throw new UsageError(`expected a share from 0 to 1, got '${text}'`);
}

function kindList(text: string): FaultKind[] {
  return text.split(',').map((kind) => {
    if (Object.hasOwn(faultKinds, kind)) return kind as FaultKind;
    const known = Object.keys(faultKinds).join(', ');
    throw new UsageError(`expected faults (${known}), got '${kind}'`);
  });
}
