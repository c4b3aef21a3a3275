/**
 * `explore`: every interleaving of a strategy's shipped code, in small situations.
 *
 * Nothing here waits: what explored code left behind (promises of its own) must not run when the model of
 * shared memory is gone, so the process exits in the same turn.
 */
import { writeFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { explore, replay, type Counts, type Exploration } from '@mmu-notifier/explorer';
import { Command } from 'commander';
import { exitCodes, UsageError } from '../errors.ts';
import { collect, integer, outputFile, strategyList } from '../options.ts';
import { defaultContenders, type Contender } from '../strategies.ts';
import { situations, type Situation } from './scenarios.ts';

interface Options {
  readonly strategy?: Contender[];
  readonly scenario?: string[];
  readonly preemptions?: number;
  readonly seconds: number;
  readonly replay?: string;
  readonly json?: string;
}

/** One situation of one strategy. */
interface Row {
  readonly strategy: string;
  readonly scenario: string;
  readonly verdict: Exploration['verdict'];
  readonly status: Exploration['status'];
  readonly counts: Counts;
  /** The failing schedule, if one was found; give it to `--replay`. */
  readonly schedule: string | null;
  readonly preemptions: number | null;
  readonly steps: number | null;
  readonly message: string | null;
  readonly diagram: string | null;
}

const names = situations.map(({ name }) => name).join(', ');
const budgetCode = 3;

/** The command, for commander. */
export const exploreCommand: Command = new Command('explore')
  .summary('search every interleaving of a strategy for races')
  .description(
    "Explores every interleaving of a strategy's shipped code on shared memory, in small situations; prints the smallest failing " +
      'schedule as a table with a column for each thread.',
  )
  .option(
    '--strategy <names>',
    'strategies, separated by commas; default: all that run on shared memory',
    strategyList,
  )
  .option(
    '--scenario <names>',
    `situations, separated by commas: ${names}; default: all of two threads`,
    collect,
  )
  .option(
    '--preemptions <n>',
    'only interleavings with at most so many preemptions',
    integer(0, 100),
  )
  .option('--seconds <n>', 'time for each situation', integer(1, 86_400), 10)
  .option('--replay <schedule>', 'run one schedule again, of one strategy and one situation')
  .option('--json <file>', 'write the results to a file as well', outputFile)
  .addHelpText(
    'after',
    '\nExit codes: 0 complete without a violation; 1 a violation; 2 bad usage; 3 a budget stopped a search.',
  )
  .action((options: Options) => {
    process.exit(runExplore(options));
  });

function runExplore(options: Options): number {
  const chosen = options.strategy ?? defaultContenders.filter(isShared);
  for (const contender of chosen) {
    if (!isShared(contender)) {
      throw new UsageError(
        `expected a strategy that runs on shared memory (${defaultContenders
          .filter(isShared)
          .map(({ label }) => label)
          .join(', ')}), got '${contender.label}'`,
      );
    }
  }
  const wanted = chooseSituations(options.scenario);
  if (options.replay !== undefined) return runReplay(chosen, wanted, options.replay);
  const rows: Row[] = [];
  for (const contender of chosen) {
    for (const situation of wanted) {
      const row = exploreOne(contender, situation, options);
      rows.push(row);
      print(row);
      if (options.json !== undefined) {
        writeFileSync(
          options.json,
          `${JSON.stringify({ schema: 'mmu-notifier/explore/1', rows }, null, 2)}\n`,
        );
      }
    }
  }
  if (rows.some(({ verdict }) => verdict !== 'ok')) return exitCodes.violation;
  return rows.some(({ status }) => status === 'stopped') ? budgetCode : exitCodes.ok;
}

function exploreOne(
  { strategy, variant, label }: Contender,
  situation: Situation,
  options: Options,
): Row {
  const { preemptions, seconds } = options;
  const progress = startLine(`${label} ${situation.name}`);
  const { verdict, status, counts, failure } = explore({
    ...situation.build(strategy, variant),
    ...(preemptions === undefined ? {} : { preemptions }),
    budget: { seconds },
    onProgress: progress.update,
  });
  progress.stop();
  return {
    strategy: label,
    scenario: situation.name,
    verdict,
    status,
    counts,
    schedule: failure?.schedule ?? null,
    preemptions: failure?.preemptions ?? null,
    steps: failure?.steps ?? null,
    message: failure?.message ?? null,
    diagram: failure?.diagram ?? null,
  };
}

function runReplay(
  chosen: readonly Contender[],
  wanted: readonly Situation[],
  schedule: string,
): number {
  const [contender, situation] = [chosen[0], wanted[0]];
  if (contender === undefined || situation === undefined || chosen.length + wanted.length > 2) {
    throw new UsageError(
      `expected --replay with one --strategy and one --scenario, got ${chosen.length} and ${wanted.length}`,
    );
  }
  const failure = replay(situation.build(contender.strategy, contender.variant), schedule);
  console.log(failure?.diagram ?? 'The schedule ends without a violation.');
  return failure === undefined ? exitCodes.ok : exitCodes.violation;
}

function print({
  strategy,
  scenario,
  verdict,
  status,
  counts,
  preemptions,
  steps,
  schedule,
  diagram,
}: Row): void {
  const { executions, steps: taken, seconds } = counts;
  const how = verdict === 'ok' ? styleText('green', 'ok') : styleText('red', verdict);
  const done = `${executions} executions, ${taken} steps, ${seconds.toFixed(2)} s`;
  const found =
    schedule === null
      ? status
      : `${steps} steps, ${preemptions} preemptions; again: npm run explore -- --strategy ${strategy} --scenario ${scenario} --replay ${schedule}`;
  console.log(`${strategy.padEnd(12)} ${scenario.padEnd(14)} ${how}, ${found} (${done})`);
  if (diagram !== null) console.log(`\n${diagram}\n`);
}

/** A line that is written over on a terminal, nothing in a pipe. */
function startLine(what: string): { update: (counts: Counts) => void; stop: () => void } {
  const { stderr } = process;
  if (!stderr.isTTY) return { update() {}, stop() {} };
  const clear = '\r\u001b[K';
  return {
    update: ({ executions, seconds }) =>
      void stderr.write(`${clear}${what}: ${executions} executions, ${seconds.toFixed(1)} s`),
    stop: () => void stderr.write(clear),
  };
}

function chooseSituations(given: readonly string[] | undefined): readonly Situation[] {
  if (given === undefined) return situations.filter(({ threads }) => threads === 2);
  return given
    .flatMap((text) => text.split(','))
    .map((name) => {
      const found = situations.find((situation) => situation.name === name.trim());
      if (found === undefined)
        throw new UsageError(`expected a situation (${names}), got '${name}'`);
      return found;
    });
}

function isShared({ traits }: Contender): boolean {
  return traits.modes.includes('shared-memory');
}
