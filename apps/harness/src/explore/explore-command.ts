/**
 * `explore`: every interleaving of a strategy's shipped code, in small situations.
 *
 * Asynchronous code comes first. After shared memory has been explored nothing waits any more: what explored code left
 * behind (promises of its own) must not run when the model of shared memory is gone, so the process exits in the same turn.
 */
import { writeFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { ExplorerError } from '@mmu-notifier/explorer';
import { replayOnWorkers } from '@mmu-notifier/explorer/workers';
import { Command, Option } from 'commander';
import { exitCodes, UsageError } from '../errors.ts';
import { collect, integer, outputFile, strategyList } from '../options.ts';
import { defaultContenders, type Contender } from '../strategies.ts';
import {
  exploreEventLoop,
  exploreShared,
  replayOne,
  type Row,
  type Search,
} from './explore-one.ts';
import { modes, situationNames, situationsFor, type Mode, type Situation } from './situations.ts';
import { workerScenarioUrl } from './worker-scenario.ts';

interface Options {
  readonly strategy?: Contender[];
  readonly scenario?: string[];
  readonly mode?: Mode;
  readonly shape?: string;
  readonly preemptions?: number;
  readonly search: 'dpor' | 'states';
  readonly seconds: number;
  readonly replay?: string;
  readonly on?: 'workers';
  readonly json?: string;
  readonly first?: boolean;
}

interface Pair {
  readonly contender: Contender;
  readonly situation: Situation;
}

const budgetCode = 3;

/** The command, for commander. */
export const exploreCommand: Command = new Command('explore')
  .summary('search every interleaving of a strategy for races')
  .description(
    "Explores every interleaving of a strategy's shipped code in small situations: threads that share memory, or asynchronous code " +
      'over the orders in which what it waits for arrives. Prints the smallest failing schedule as a table with a column for each thread.',
  )
  .option(
    '--strategy <names>',
    'strategies, separated by commas; default: all that run on shared memory and claim to be correct',
    strategyList,
  )
  .option('--scenario <names>', `situations, separated by commas: ${situationNames}`, collect)
  .addOption(
    new Option('--mode <mode>', 'where it runs; default: the first that serves').choices(modes),
  )
  .option(
    '--preemptions <n>',
    'only interleavings with at most so many preemptions',
    integer(0, 100),
  )
  .addOption(
    new Option(
      '--search <how>',
      'threads: every interleaving up to the order of independent operations, or every state, nearest first',
    )
      .choices(['dpor', 'states'])
      .default('dpor'),
  )
  .option('--seconds <n>', 'time for each situation', integer(1, 86_400), 10)
  .option('--shape <text>', 'event loop: only failures of this shape, as a row prints it')
  .option('--replay <schedule>', 'run one schedule again, of one strategy and one situation')
  .addOption(
    new Option('--on <where>', 'replay on real worker threads, in lock step').choices(['workers']),
  )
  .option('--first', 'end at the first violation')
  .option('--json <file>', 'write the results to a file as well', outputFile)
  .addHelpText(
    'after',
    '\nExit codes: 0 complete without a violation; 1 a violation; 2 bad usage; 3 a budget stopped a search.',
  )
  .action(async (options: Options) => {
    process.exit(await runExplore(options));
  });

async function runExplore(options: Options): Promise<number> {
  const chosen =
    options.strategy ??
    defaultContenders.filter(
      ({ traits }) => traits.modes.includes(options.mode ?? modes[0]) && traits.correct,
    );
  const names = options.scenario?.flatMap((text) => text.split(',')).map((name) => name.trim());
  const pairs = chosen.flatMap((contender) =>
    situationsFor(contender, names, options.mode).map((situation) => ({ contender, situation })),
  );
  if (options.replay !== undefined) return runReplay(pairs, options.replay, options.on);
  if (options.on !== undefined) throw new UsageError('expected --on with --replay, got none');
  const rows: Row[] = [];
  const report = (row: Row): void => {
    rows.push(row);
    print(row);
    if (options.json === undefined) return;
    const results = { schema: 'mmu-notifier/explore/1', rows };
    writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
  };
  const isEnough = (): boolean => options.first === true && rows.some(isViolation);
  for (const { contender, situation } of pairs) {
    if (situation.mode !== 'event-loop' || isEnough()) continue;
    const line = startLine(`${contender.label} ${situation.name}`);
    const row = await exploreEventLoop(contender, situation, searchOf(options, line));
    line.stop();
    report(row);
  }
  for (const { contender, situation } of pairs) {
    if (situation.mode !== 'shared-memory' || isEnough()) continue;
    const line = startLine(`${contender.label} ${situation.name}`);
    const row = exploreShared(contender, situation, searchOf(options, line));
    line.stop();
    report(row);
  }
  if (rows.some(isViolation)) return exitCodes.violation;
  return rows.some(({ status }) => status === 'stopped') ? budgetCode : exitCodes.ok;
}

const isViolation = ({ verdict }: Row): boolean => verdict !== 'ok';

function searchOf({ preemptions, search, seconds, shape }: Options, line: ProgressLine): Search {
  return {
    seconds,
    strategy: search,
    ...(preemptions === undefined ? {} : { preemptions }),
    ...(shape === undefined ? {} : { shape }),
    onProgress: line.update,
  };
}

async function runReplay(
  pairs: readonly Pair[],
  schedule: string,
  on: 'workers' | undefined,
): Promise<number> {
  const pair = pairs[0];
  if (pair === undefined || pairs.length > 1) {
    throw new UsageError(
      `expected --replay with one --strategy and one --scenario, got ${pairs.length} pairs of them`,
    );
  }
  try {
    return await replayPair(pair, schedule, on);
  } catch (error) {
    if (error instanceof ExplorerError) throw new UsageError(error.message);
    throw error;
  }
}

async function replayPair(
  { contender, situation }: Pair,
  schedule: string,
  on: 'workers' | undefined,
): Promise<number> {
  if (on === undefined) {
    const found = await replayOne(contender, situation, schedule);
    console.log(found?.diagram ?? 'The schedule ends without a violation.');
    return found === undefined ? exitCodes.ok : exitCodes.violation;
  }
  if (situation.mode !== 'shared-memory') {
    throw new UsageError(
      `expected a situation of mode shared-memory for workers, got '${situation.name}' in an event loop`,
    );
  }
  const result = await replayOnWorkers(workerScenarioUrl(contender, situation), schedule);
  const { followed, reproduced, message } = result;
  const how = followed ? 'followed' : 'not followed';
  console.log(`${how}, ${reproduced ? 'and the failure came again' : 'no failure'}: ${message}`);
  return reproduced ? exitCodes.violation : exitCodes.ok;
}

function print(row: Row): void {
  const { strategy, scenario, mode, verdict, shape, status, counts, schedule, diagram } = row;
  const { executions, steps, states, seconds } = counts;
  const what = shape ?? verdict;
  const how = verdict === 'ok' ? styleText('green', 'ok') : styleText('red', what);
  const much = states > 0 ? `${states} states` : `${executions} executions`;
  const done = `${much}, ${steps} steps, ${seconds.toFixed(2)} s`;
  const asked = mode === 'event-loop' ? ` --mode ${mode}` : '';
  const again = `npm run explore -- --strategy ${strategy} --scenario ${scenario}${asked} --replay ${schedule}`;
  const found =
    schedule === null
      ? status
      : `${row.steps} steps, ${row.preemptions} preemptions; again: ${again}`;
  console.log(`${strategy.padEnd(12)} ${scenario.padEnd(17)} ${how}, ${found} (${done})`);
  if (diagram !== null) console.log(`\n${diagram}\n`);
}

interface ProgressLine {
  readonly update: (executions: number, seconds: number) => void;
  readonly stop: () => void;
}

const lineEveryMs = 100;

/** A line that is written over on a terminal, nothing in a pipe. */
function startLine(what: string): ProgressLine {
  const { stderr } = process;
  if (!stderr.isTTY) return { update() {}, stop() {} };
  const clear = '\r\u001b[K';
  let lastMs = 0;
  return {
    update(executions, seconds) {
      const nowMs = performance.now();
      if (nowMs - lastMs < lineEveryMs) return;
      lastMs = nowMs;
      stderr.write(`${clear}${what}: ${executions} executions, ${seconds.toFixed(1)} s`);
    },
    stop: () => void stderr.write(clear),
  };
}
