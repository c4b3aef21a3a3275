/** `explore`: every interleaving of a strategy's shipped code, in small situations. The searches are in explore-worker.ts. */
import { writeFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { Worker } from 'node:worker_threads';
import { ExplorerError } from '@mmu-notifier/explorer';
import { replayOnWorkers } from '@mmu-notifier/explorer/workers';
import { Command, Option } from 'commander';
import { exitCodes, UsageError } from '../errors.ts';
import { collect, integer, outputFile, strategyList } from '../options.ts';
import { defaultContenders, type Contender } from '../strategies.ts';
import { replayOne, type Row } from './explore-one.ts';
import type { Job, News, Task } from './explore-worker.ts';
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
    '\nExit codes: 0 complete without a violation; 1 a violation; 2 bad usage; 3 a budget stopped a search; 130 interrupted.',
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
  const jobs = pairs.map(({ contender, situation: { name, mode } }) => ({
    strategy: contender.label,
    scenario: name,
    mode,
  }));
  return runSearches(
    [...jobs.filter(isInEventLoop), ...jobs.filter((job) => !isInEventLoop(job))],
    options,
  );
}

const isInEventLoop = ({ mode }: Job): boolean => mode === 'event-loop';
const isViolation = ({ verdict }: Row): boolean => verdict !== 'ok';

async function runSearches(jobs: readonly Job[], options: Options): Promise<number> {
  const { json, first = false, search: strategy, seconds, preemptions, shape } = options;
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const rows: Row[] = [];
  let isInterrupted = false;
  const write = (): void => {
    if (json === undefined) return;
    const left = isInterrupted ? jobs.slice(rows.length) : [];
    const results = { schema: 'mmu-notifier/explore/1', interrupted: isInterrupted, left, rows };
    writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  };
  process.once('SIGINT', () => {
    isInterrupted = true;
    Atomics.store(stop, 0, 1);
    write(); // should it not stop, and be interrupted again
  });
  const line = progressLine();
  const search = {
    seconds,
    strategy,
    ...(preemptions === undefined ? {} : { preemptions }),
    ...(shape === undefined ? {} : { shape }),
  };
  await inWorker({ jobs, search, first, stop }, (news) => {
    if (news.kind === 'progress') {
      line.update(news);
      return;
    }
    line.clear();
    rows.push(news.row);
    print(news.row);
    write();
  });
  line.clear();
  if (isInterrupted) {
    const left = jobs.length - rows.length;
    const others = left === 0 ? '' : `; ${left} of ${jobs.length} searches did not begin`;
    console.error(`Interrupted: the rows hold what was done by then${others}.`);
    return exitCodes.interrupted;
  }
  if (rows.some(isViolation)) return exitCodes.violation;
  return rows.some(({ status }) => status === 'stopped') ? budgetCode : exitCodes.ok;
}

/** @throws what the thread throws */
function inWorker(task: Task, onNews: (news: News) => void): Promise<void> {
  const worker = new Worker(new URL('./explore-worker.ts', import.meta.url), { workerData: task });
  worker.on('message', onNews);
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
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
  const { strategy, scenario, mode, verdict, shape, counts, schedule, diagram } = row;
  const status =
    row.completeTo === null
      ? row.status
      : `${row.status}, complete to ${row.completeTo} preemptions`;
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
  readonly update: (news: News & { readonly kind: 'progress' }) => void;
  readonly clear: () => void;
}

const lineEveryMs = 100;

/** A line that is written over on a terminal, nothing in a pipe. */
function progressLine(): ProgressLine {
  const { stderr } = process;
  if (!stderr.isTTY) return { update() {}, clear() {} };
  const clear = '\r\u001b[K';
  let lastMs = 0;
  return {
    update({ job: { strategy, scenario }, executions, seconds }) {
      const nowMs = performance.now();
      if (nowMs - lastMs < lineEveryMs) return;
      lastMs = nowMs;
      stderr.write(
        `${clear}${strategy} ${scenario}: ${executions} executions, ${seconds.toFixed(1)} s`,
      );
    },
    clear: () => void stderr.write(clear),
  };
}
