/** `compare`: the main command. */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { embeddedRecordingPath } from '@mmu-notifier/workloads/node';
import { compare } from './compare.ts';
import { exitCodes } from './errors.ts';
import { mirrorRules } from './mirror.ts';
import { collect, integer, mirrorRule, outputFile, strategyList } from './options.ts';
import { startProgress } from './progress.ts';
import { scalingCommand } from './scaling/scaling-command.ts';
import { machine, schema, type CompareReport, type StrategyReport } from './report-format.ts';
import { openSource, type SourceSpec } from './source.ts';
import {
  defaultContenders,
  indexNames,
  withIndex,
  type Contender,
  type IndexName,
} from './strategies.ts';
import { headline, reading, table } from './table.ts';

interface Options {
  readonly trace?: string[];
  readonly workload?: string[];
  readonly strategy?: Contender[];
  readonly index?: IndexName;
  readonly devices: number;
  readonly mirror: string;
  readonly seed: number;
  readonly events: number;
  readonly observations: number;
  readonly agents?: number;
  readonly quick?: true;
  readonly strict?: true;
  readonly json?: string;
}

const embedded = 'redis-bgsave';
const rules = Object.entries(mirrorRules).map(([rule, what]) => `${rule} = ${what}`);

/** The command, for commander. */
export const compareCommand: Command = new Command('compare')
  .summary('replay a recording or a workload through every strategy')
  .description(
    'Replays recordings of real programs, or generated workloads, through strategies of mmu notifiers, and compares ' +
      `correctness and overhead. Without --trace and --workload: the embedded recording ${embedded}.`,
  )
  .option(
    '--trace <file>',
    'recording of perf script or strace, plain or gzip; may be repeated',
    collect,
  )
  .option('--workload <name>', 'generated workload, see `list`; may be repeated', collect)
  .option('--strategy <names>', 'strategies, separated by commas, see `list`', strategyList)
  .addOption(
    new Option('--index <name>', 'container of the strategies that take one').choices(indexNames),
  )
  .option('--devices <n>', 'devices that mirror memory', integer(1, 64), 2)
  .option('--mirror <rule>', `what they mirror: ${rules.join('; ')}`, mirrorRule, 'anonymous')
  .option('--seed <n>', 'seed of everything random', integer(0, 2 ** 31 - 1), 1)
  .option('--events <n>', 'events of a generated workload', integer(1, 10_000_000), 20_000)
  .option('--observations <n>', 'processes to measure for each strategy', integer(1, 99), 3)
  .option('--quick', 'one observation for each strategy')
  .option(
    '--agents <n>',
    'instead: spread the threads and devices over 1, 2, … n worker threads',
    integer(1, 32),
  )
  .option('--strict', 'lines of a recording that are not known are errors')
  .option('--json <file>', 'write the report to a file as well, format in the README', outputFile)
  .addHelpText(
    'after',
    '\nExit codes: 0; 1 a strategy that claims to be correct was not; 2 bad usage or input; 130 interrupted.',
  )
  .action(async (options: Options) => {
    process.exitCode = await runCompare(options);
  });

async function runCompare(options: Options): Promise<number> {
  const specs = sourceSpecs(options);
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  if (options.agents !== undefined) {
    const { agents, json } = options;
    const scaling = { contenders: contendersOf(options), specs, agents, json };
    return scalingCommand(scaling, interrupt.signal);
  }
  const reports: CompareReport[] = [];
  for (const spec of specs) {
    if (interrupt.signal.aborted) break;
    reports.push(await compareOne(spec, options, interrupt.signal));
    // After every recording: an interruption of the next one loses nothing.
    if (options.json !== undefined) {
      const content = specs.length === 1 ? reports[0] : reports;
      writeFileSync(options.json, `${JSON.stringify(content, null, 2)}\n`);
    }
  }
  if (interrupt.signal.aborted) {
    console.error('Interrupted: the tables hold what was done by then.');
    return exitCodes.interrupted;
  }
  const wrong = reports.flatMap(({ strategies }) => strategies).filter(isWrong);
  return wrong.length > 0 ? exitCodes.violation : exitCodes.ok;
}

async function compareOne(
  source: SourceSpec,
  options: Options,
  signal: AbortSignal,
): Promise<CompareReport> {
  const { events, processes, unknownLines } = await openSource(source);
  const { kind, devices, mirror, seed } = source;
  const trace = {
    name: basename(source.name),
    kind,
    events: events.length,
    processes,
    devices,
    mirror,
    unknownLines,
  };
  console.log(headline(trace, seed));
  for (const [reason, lines] of Object.entries(unknownLines)) {
    console.log(`not replayed: ${lines} lines (${reason})`);
  }
  const progress = startProgress();
  let strategies: StrategyReport[];
  try {
    strategies = await compare({
      contenders: contendersOf(options),
      source,
      observations: options.quick === true ? 1 : options.observations,
      onProgress: (done, what) => progress.update(done, what),
      signal,
    });
  } finally {
    progress.stop();
  }
  console.log(table(strategies));
  console.log(`\n${reading(strategies)}\n`);
  const none = strategies.find(({ name }) => name === 'none');
  if (none?.verdict === 'ok') {
    console.error(
      'Nothing went stale without a notifier: devices mirrored nothing that changed. Try --mirror all.',
    );
  }
  return { schema, machine: machine(), seed, trace, strategies };
}

function contendersOf({ strategy = [...defaultContenders], index }: Options): Contender[] {
  if (index === undefined) return strategy;
  return strategy.map((contender) => withIndex(contender, index) ?? contender);
}

function sourceSpecs(options: Options): SourceSpec[] {
  const { trace = [], workload = [], devices, mirror, seed, events, strict = false } = options;
  const common = { devices, mirror, seed, events, strict };
  const recordings =
    trace.length + workload.length === 0 ? [embeddedRecordingPath(embedded)] : trace;
  return [
    ...recordings.map((name) => ({ kind: 'recording' as const, name, ...common })),
    ...workload.map((name) => ({ kind: 'workload' as const, name, ...common })),
  ];
}

function isWrong({ claimsCorrect, verdict }: StrategyReport): boolean {
  return verdict === 'failed' || (claimsCorrect && verdict === 'stale');
}
