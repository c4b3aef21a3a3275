/** The way in: explores a scenario, and tells what it found. */
import { Nondeterminism } from './engine/execution.ts';
import type { Fault } from './engine/guard.ts';
import { FinerGrain, type Machine } from './engine/machine.ts';
import { Prepared } from './engine/prepare.ts';
import { recheck } from './engine/recheck.ts';
import { ExplorerError } from './errors.ts';
import type { Exploration, Failure } from './failure.ts';
import { withPatch } from './memory/patch.ts';
import { createNames, type NameOf } from './report/names.ts';
import { createFailure } from './report/report.ts';
import { parseSchedule } from './report/schedule.ts';
import { trace, type Trace } from './report/trace.ts';
import type { Options, Scenario } from './scenario.ts';
import { depthFirst } from './search/dfs.ts';
import { dpor, prepareDpor } from './search/dpor.ts';
import { sample } from './search/sample.ts';
import { Search, type Decision, type SearchEnd, type SearchOptions } from './search/search.ts';
import { byStates } from './search/states.ts';
import { summarize } from './summary.ts';

const samplesDefault = 10_000;
const minimizeSecondsDefault = 5;

/** What only tests of the explorer need. */
export interface InternalOptions {
  readonly visiblePlain?: boolean;
  readonly spins?: boolean;
  readonly onEnd?: (fault: Fault | 'fine', machine: Machine) => boolean;
}

/**
 * Explores the interleavings of a scenario's threads until one fails, all are covered, or the budget is spent.
 * The code runs unmodified: while exploring, `Atomics` and typed arrays on the shared memory are modelled.
 *
 * ```ts
 * const result = explore({
 *   threads: {
 *     a: (shared) => Atomics.store(new Int32Array(shared), 0, 1),
 *     b: (shared) => Atomics.load(new Int32Array(shared), 0),
 *   },
 * });
 * // result.verdict === 'ok', result.status === 'complete'
 * ```
 *
 * @throws ExplorerError when the code uses something that is not modelled, or the options make no sense
 */
export function explore(scenario: Scenario & Options): Exploration {
  return exploreWith(scenario, {});
}

/** {@link explore}, with what only tests of the explorer need. */
export function exploreWith(scenario: Scenario & Options, internal: InternalOptions): Exploration {
  checkOptions(scenario);
  return withPatch(() => {
    const prepared = new Prepared(scenario);
    for (;;) {
      try {
        return run(prepared, scenario, internal);
      } catch (error) {
        if (!(error instanceof FinerGrain)) throw error;
      }
    }
  });
}

/**
 * Runs one schedule again, as a failure reports it.
 *
 * @returns the failure that it leads to; undefined when it leads to none
 * @throws ExplorerError when the schedule does not fit the scenario
 */
export function replay(scenario: Scenario & Options, schedule: string): Failure | undefined {
  return traceSchedule(scenario, schedule).failure;
}

/** {@link replay}, with every access. */
export function traceSchedule(
  scenario: Scenario & Options,
  schedule: string,
): { trace: Trace; failure: Failure | undefined; names: readonly string[]; byteLength: number } {
  return withPatch(() => {
    const prepared = new Prepared(scenario);
    const { names, byteLength } = prepared;
    const decisions = parseSchedule(schedule);
    const nameOf = createNames(scenario.names);
    const traced = traceFinely(prepared, decisions, nameOf, scenario.races !== false);
    const failure = traced.fault && createFailure(names, traced, traced.fault, false);
    return { trace: traced, failure, names, byteLength };
  });
}

function run(
  prepared: Prepared,
  options: Scenario & Options,
  internal: InternalOptions,
): Exploration {
  const { strategy = 'dpor', races = true } = options;
  const { onEnd, ...forMachine } = internal;
  const { machine, judge, tries } = prepared.createMachine({ races, ...forMachine });
  const codeRuns = (): number => tries.reduce((sum, trie) => sum + trie.executions, 0);
  const search = new Search(machine, judge, {
    ...searchOptions(options),
    codeRuns,
    ...(onEnd === undefined ? {} : { onEnd }),
  });
  if (strategy === 'dpor') prepareDpor(machine, options.preemptions !== undefined);
  let end: SearchEnd;
  try {
    machine.start();
    end = carryOut(search, strategy);
    if (search.found === undefined) recheck(tries);
  } catch (error) {
    if (!(error instanceof Nondeterminism)) throw error;
    return nondeterministic(search, error, options);
  }
  const { found } = search;
  if (found !== undefined && 'error' in found.fault && found.fault.error instanceof ExplorerError) {
    throw found.fault.error;
  }
  // Who listens to each end wants no report of the first.
  const failure =
    onEnd === undefined &&
    found &&
    report(prepared, options, found.fault, found.schedule, strategy);
  return summarize(search, options, end, failure || undefined);
}

function carryOut(search: Search, strategy: NonNullable<Options['strategy']>): SearchEnd {
  // It failed before anybody had a choice.
  if (search.machine.failure !== undefined) return search.end(() => []) ?? 'complete';
  switch (strategy) {
    case 'dpor':
      return dpor(search);
    case 'dfs':
      return depthFirst(search);
    case 'states':
      return byStates(search);
    default:
      return sample(search, strategy);
  }
}

/** Makes the failing schedule as small as can be, runs it once more, and describes it. */
function report(
  prepared: Prepared,
  options: Scenario & Options,
  fault: Fault,
  schedule: readonly Decision[],
  strategy: NonNullable<Options['strategy']>,
): Failure {
  const nameOf = createNames(options.names);
  // Without this, a race on the way to the failure that was found would be reported in its place.
  const races = fault.kind === 'data-race' || fault.kind === 'use-after-free';
  const first = traceFinely(prepared, schedule, nameOf, races);
  const found = first.fault ?? fault;
  if (strategy === 'states') return createFailure(prepared.names, first, found, true);
  const seconds = options.minimizeSeconds ?? minimizeSecondsDefault;
  if (seconds === 0) return createFailure(prepared.names, first, found, false);

  const { machine, judge } = prepared.createMachine({ races });
  const search = new Search(machine, judge, {
    ...searchOptions(options),
    onProgress: undefined,
    preemptions: first.preemptions,
    budget: { seconds },
    codeRuns: () => 0,
    onEnd: (each) => each !== 'fine' && each.kind === found.kind,
  });
  machine.start();
  const goal = { kind: found.kind, preemptions: first.preemptions, steps: first.schedule.length };
  const end = byStates(search, goal);
  if (search.found === undefined) {
    return createFailure(prepared.names, first, found, end === 'complete');
  }
  const best = traceFinely(prepared, search.found.schedule, nameOf, races);
  return createFailure(prepared.names, best, best.fault ?? search.found.fault, true);
}

function traceFinely(
  prepared: Prepared,
  schedule: readonly Decision[],
  nameOf: NameOf,
  races: boolean,
): Trace {
  for (;;) {
    try {
      return trace(prepared, schedule, nameOf, races);
    } catch (error) {
      if (!(error instanceof FinerGrain)) throw error;
    }
  }
}

function nondeterministic(search: Search, error: Nondeterminism, options: Options): Exploration {
  const failure: Failure = {
    verdict: 'nondeterminism',
    message: error.message,
    error,
    schedule: '',
    preemptions: 0,
    steps: 0,
    isMinimal: false,
    events: [],
    diagram: `=> nondeterminism: ${error.message}`,
  };
  return summarize(search, options, 'failure', failure);
}

function searchOptions(options: Options): Omit<SearchOptions, 'codeRuns'> {
  const { strategy, budget = {} } = options;
  const isSampling = strategy === 'random' || strategy === 'pct';
  return {
    preemptions: options.preemptions ?? Infinity,
    budget:
      isSampling && Object.keys(budget).length === 0 ? { executions: samplesDefault } : budget,
    stepsPerExecution: options.stepsPerExecution ?? 2_000,
    seed: options.seed ?? 1,
    depth: options.depth ?? 3,
    onProgress: options.onProgress,
    isStopped: options.isStopped,
  };
}

function checkOptions(options: Options): void {
  const { strategy = 'dpor', preemptions = 0, depth = 1 } = options;
  if (!['dpor', 'dfs', 'states', 'random', 'pct'].includes(strategy)) {
    throw new ExplorerError(
      `expected a strategy dpor, dfs, states, random or pct, got '${strategy}'`,
    );
  }
  if (!(preemptions >= 0)) {
    throw new ExplorerError(`expected a number of preemptions from 0 on, got ${preemptions}`);
  }
  if (!(depth >= 1)) throw new ExplorerError(`expected a depth from 1 on, got ${depth}`);
  if (options.preemptions !== undefined && (strategy === 'random' || strategy === 'pct')) {
    throw new ExplorerError(
      `expected no bound on preemptions with the strategy ${strategy}, got ${options.preemptions}`,
    );
  }
}
