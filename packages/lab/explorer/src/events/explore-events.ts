/**
 * Explores asynchronous code of one event loop over the orders in which its completions arrive.
 *
 * Each execution runs the code again from the start. Executions are tried in the order of their *delays*: how often something other
 * than the longest-pending completion arrives. So the first failure has the fewest. No two executions are merged: what is
 * independent in a heap of objects, nobody knows.
 */
import { ExplorerError } from '../errors.ts';
import type { Status } from '../failure.ts';
import { createRandom } from '../search/sample.ts';
import type { Budget } from '../scenario.ts';
import { atRest, patchTimers } from './patch-timers.ts';
import { World, type EventWorld } from './world.ts';

/** What to explore, and how. */
export interface EventScenario {
  /** The code, from its very beginning: whatever it uses must be made in here. Fails by throwing. */
  readonly run: (world: EventWorld) => unknown;
  /** `delays`: every order, fewest delays first. `random`: random orders, never complete. Default `delays`. */
  readonly strategy?: 'delays' | 'random';
  /** Most delays. Default: no limit. */
  readonly delays?: number;
  readonly budget?: Omit<Budget, 'steps'>;
  readonly seed?: number;
  /** Most arrivals in one execution. Default 10,000. */
  readonly arrivalsMax?: number;
}

/** One failing execution. */
export interface EventFailure {
  readonly verdict: 'assertion' | 'deadlock' | 'nondeterminism' | 'endless';
  readonly message: string;
  readonly error: unknown;
  /** Replays it: see {@link replayEvents}. */
  readonly schedule: string;
  readonly delays: number;
  /** What arrived, in order. */
  readonly arrivals: readonly string[];
  readonly diagram: string;
}

/** The result. */
export interface EventExploration {
  readonly verdict: 'ok' | EventFailure['verdict'];
  readonly status: Status;
  readonly summary: string;
  readonly executions: number;
  readonly failure: EventFailure | undefined;
}

/** One choice that was made: which of how many, and a name for messages. */
interface Choice {
  readonly picked: number;
  readonly count: number;
  readonly name: string;
  /** Whether picking anything but the first is a delay. */
  readonly isArrival: boolean;
}

interface Outcome {
  readonly choices: readonly Choice[];
  readonly failure: { verdict: EventFailure['verdict']; error: unknown } | undefined;
}

type Pick = (at: number, count: number) => number;

const executionsDefault = 10_000;

/** Explores the orders of arrival. While it runs, timers and `Atomics.waitAsync` belong to it: await it before anything else. */
export async function exploreEvents(scenario: EventScenario): Promise<EventExploration> {
  const { strategy = 'delays', delays: bound = Infinity, seed = 1 } = scenario;
  const budget =
    scenario.budget ?? (strategy === 'random' ? { executions: executionsDefault } : {});
  const startMs = performance.now();
  let executions = 0;
  const conclude = (status: Status, words: string, outcome?: Outcome): EventExploration => {
    const failure = outcome && report(outcome);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(2);
    const summary = `${failure ? `found ${failure.verdict}` : words}: ${executions} executions, ${seconds} s`;
    return { verdict: failure?.verdict ?? 'ok', status, summary, executions, failure };
  };
  const isSpent = (): string | undefined => {
    if (executions >= (budget.executions ?? Infinity)) return 'executions';
    const seconds = (performance.now() - startMs) / 1000;
    return seconds >= (budget.seconds ?? Infinity) ? 'seconds' : undefined;
  };
  const random = createRandom(seed);
  for (let delays = 0; ; delays++) {
    let prefix: readonly number[] | undefined = [];
    let cut = false;
    while (prefix !== undefined) {
      const spent = isSpent();
      if (spent !== undefined)
        return conclude('stopped', `stopped by the budget of ${spent}, nothing found so far`);
      const known: readonly number[] = prefix;
      const pick: Pick =
        strategy === 'random' ? (_, count) => random(count) : (at) => known[at] ?? 0;
      const outcome = await execute(scenario, pick);
      executions++;
      if (outcome.failure !== undefined) return conclude('stopped', '', outcome);
      if (strategy === 'random') continue;
      const next = nextPrefix(outcome.choices, delays);
      prefix = next.prefix;
      cut ||= next.cut;
    }
    if (!cut) return conclude('complete', 'complete, nothing found');
    if (delays >= bound)
      return conclude('complete-to-bound', `complete up to ${bound} delays, nothing found`);
  }
}

/** Runs one schedule again; returns the failure that it leads to, if any. */
export async function replayEvents(
  scenario: EventScenario,
  schedule: string,
): Promise<EventFailure | undefined> {
  if (!/^(\d+(,\d+)*)?$/.test(schedule)) {
    throw new ExplorerError(`expected a schedule such as '0,2,1', got '${schedule}'`);
  }
  const picks = schedule === '' ? [] : schedule.split(',').map(Number);
  const outcome = await execute(scenario, (at) => picks[at] ?? 0);
  return outcome.failure && report(outcome);
}

/** The next execution in depth-first order that has at most so many delays. */
function nextPrefix(
  choices: readonly Choice[],
  delays: number,
): { prefix: number[] | undefined; cut: boolean } {
  let cut = false;
  for (let at = choices.length - 1; at >= 0; at--) {
    const { picked, count, isArrival } = choices[at]!;
    if (picked + 1 >= count) continue;
    const before = delaysOf(choices.slice(0, at));
    if (isArrival && before + 1 > delays) {
      cut = true;
      continue;
    }
    return { prefix: [...choices.slice(0, at).map((choice) => choice.picked), picked + 1], cut };
  }
  return { prefix: undefined, cut };
}

function delaysOf(choices: readonly Choice[]): number {
  return choices.filter(({ isArrival, picked }) => isArrival && picked > 0).length;
}

async function execute(scenario: EventScenario, pick: Pick): Promise<Outcome> {
  const choices: Choice[] = [];
  const choose = (
    count: number,
    nameOf: (picked: number) => string,
    isArrival: boolean,
  ): number => {
    const picked = pick(choices.length, count);
    const wrong = picked >= count;
    choices.push({ picked, count, name: wrong ? '?' : nameOf(picked), isArrival });
    if (wrong)
      throw new ExplorerError(
        `choice ${choices.length} was one of more than ${picked}, now of ${count}`,
      );
    return picked;
  };
  const world = new World((count) =>
    choose(count, (picked) => `choose(${count}) = ${picked}`, false),
  );
  const unpatch = patchTimers(() => world);
  let settled: { error: unknown } | 'fine' | undefined;
  try {
    void Promise.resolve()
      .then(() => scenario.run(world))
      .then(
        () => (settled = 'fine'),
        (error: unknown) => (settled = { error }),
      );
    for (;;) {
      await atRest();
      if (settled === 'fine') return { choices, failure: undefined };
      if (settled !== undefined) return { choices, failure: toFailure(settled.error) };
      const candidates = world.candidates();
      if (candidates.length === 0) {
        const error = new Error('the code waits for something that nobody will ever complete');
        return { choices, failure: { verdict: 'deadlock', error } };
      }
      if (choices.length > (scenario.arrivalsMax ?? executionsDefault)) {
        const error = new Error(`${choices.length} arrivals, and no end`);
        return { choices, failure: { verdict: 'endless', error } };
      }
      candidates[choose(candidates.length, (picked) => candidates[picked]!.name, true)]!.arrive();
    }
  } catch (error) {
    return { choices, failure: toFailure(error) };
  } finally {
    unpatch();
  }
}

function toFailure(error: unknown): Outcome['failure'] {
  return { verdict: error instanceof ExplorerError ? 'nondeterminism' : 'assertion', error };
}

function report({ choices, failure }: Outcome): EventFailure {
  const { verdict, error } = failure!;
  const message = error instanceof Error ? error.message : String(error);
  const rows = choices.map(({ name, picked, count, isArrival }, i) => {
    const late = isArrival && picked > 0 ? `   (overtakes ${picked} of ${count - 1})` : '';
    return `${String(i + 1).padStart(3)}  ${name}${isArrival ? ' arrives' : ''}${late}`;
  });
  return {
    verdict,
    message,
    error,
    schedule: choices.map(({ picked }) => picked).join(','),
    delays: delaysOf(choices),
    arrivals: choices.filter(({ isArrival }) => isArrival).map(({ name }) => name),
    diagram: [...rows, `=> ${verdict}: ${message}`].join('\n'),
  };
}
