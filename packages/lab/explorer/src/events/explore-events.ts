/**
 * Explores asynchronous code of one event loop over the orders in which its completions arrive.
 *
 * Each execution runs the code again from the start. Executions are tried in the order of what they cost, each once, so the first failure
 * is one of the cheapest: of the fewest *delays* (something other than the longest-pending completion arrives), or of the fewest
 * *preemptions* (another comes though the actor that took the last step could go on). No two executions are merged: what is independent
 * in a heap of objects, nobody knows.
 */
import { ExplorerError } from '../errors.ts';
import type { Status } from '../failure.ts';
import { createRandom } from '../search/sample.ts';
import type { Budget } from '../scenario.ts';
import { execute, type Outcome, type Pick } from './execution.ts';
import {
  costOf,
  delay,
  preemption,
  report,
  type Cost,
  type EventFailure,
  type EventVerdict,
} from './failure.ts';
import type { EventWorld } from './world.ts';

/** What to explore, and how. */
export interface EventScenario {
  /** The code, from its very beginning: whatever it uses must be made in here. Fails by throwing. */
  readonly run: (world: EventWorld) => unknown;
  /**
   * `delays`: every order, fewest delays first; the default. `preemptions`: every order, fewest preemptions first; for code with actors.
   * `random`: random orders, never complete.
   */
  readonly strategy?: 'delays' | 'preemptions' | 'random';
  /** Most delays. Default: no limit. */
  readonly delays?: number;
  /** Most preemptions. Default: no limit. */
  readonly preemptions?: number;
  readonly budget?: Omit<Budget, 'steps'>;
  readonly seed?: number;
  /** Most arrivals in one execution. Default 10,000. */
  readonly arrivalsMax?: number;
  /** Which failures count; others are passed over. Default: all. */
  readonly counts?: (failure: EventFailure) => boolean;
  /** What to spend on finding a shorter failure of the same cost and verdict. Default 1 second. 0: take the first one. */
  readonly minimizeSeconds?: number;
  /** Called after each execution. */
  readonly onProgress?: (executions: number) => void;
  /** Asked after each execution. True ends the search as a spent budget does, and so the search for a shorter failure. */
  readonly isStopped?: () => boolean;
}

/** The result. */
export interface EventExploration {
  readonly verdict: 'ok' | EventVerdict;
  readonly status: Status;
  /** If it was stopped: every order with at most so many delays, or preemptions, was covered. */
  readonly completeTo: number | undefined;
  readonly summary: string;
  /** Until the first failure that counts. */
  readonly executions: number;
  /** Arrivals in all of them. */
  readonly arrivals: number;
  readonly seconds: number;
  readonly failure: EventFailure | undefined;
}

const executionsDefault = 10_000;

/** Explores the orders of arrival. While it runs, timers and `Atomics.waitAsync` belong to it: await it before anything else. */
export async function exploreEvents(scenario: EventScenario): Promise<EventExploration> {
  const { strategy = 'delays', counts = () => true } = scenario;
  if (!['delays', 'preemptions', 'random'].includes(strategy)) {
    throw new ExplorerError(
      `expected a strategy delays, preemptions or random, got '${String(strategy)}'`,
    );
  }
  const budget =
    scenario.budget ?? (strategy === 'random' ? { executions: executionsDefault } : {});
  const startMs = performance.now();
  const elapsed = (): number => (performance.now() - startMs) / 1000;
  let executions = 0;
  let arrivals = 0;
  const conclude = (status: Status, words: string, failure?: EventFailure): EventExploration => {
    const seconds = elapsed();
    const what = failure === undefined ? words : `found ${failure.verdict}`;
    const summary = `${what}: ${executions} executions, ${seconds.toFixed(2)} s`;
    const verdict = failure?.verdict ?? 'ok';
    const completeTo = status === 'stopped' && orders.cost > 0 ? orders.cost - 1 : undefined;
    return { verdict, status, completeTo, summary, executions, arrivals, seconds, failure };
  };
  const isFailure = (outcome: Outcome): boolean =>
    outcome.failure !== undefined && counts(report(outcome, false));
  const orders = strategy === 'random' ? new RandomOrders(scenario) : new Orders(scenario);
  while (orders.hasNext) {
    const spent = isSpent(budget, executions, elapsed());
    if (spent !== undefined) {
      return conclude('stopped', `stopped by the budget of ${spent}, nothing found so far`);
    }
    if (scenario.isStopped?.() === true) {
      return conclude('stopped', 'stopped when asked, nothing found so far');
    }
    const outcome = await orders.next();
    executions++;
    arrivals += outcome.choices.length;
    scenario.onProgress?.(executions);
    if (!isFailure(outcome)) continue;
    return conclude('stopped', '', await smallest(orders, outcome, isFailure, scenario));
  }
  if (!orders.isCut) return conclude('complete', 'complete, nothing found');
  return conclude('complete-to-bound', `complete up to ${orders.words}, nothing found`);
}

/**
 * Runs one schedule again; returns the failure that it leads to, if any.
 *
 * @throws ExplorerError when the schedule does not fit the scenario
 */
export async function replayEvents(
  scenario: EventScenario,
  schedule: string,
): Promise<EventFailure | undefined> {
  if (!/^(\d+(,\d+)*)?$/.test(schedule)) {
    throw new ExplorerError(`expected a schedule such as '0,2,1', got '${schedule}'`);
  }
  const picks = schedule === '' ? [] : schedule.split(',').map(Number);
  const outcome = await execute(scenario, (at) => picks[at] ?? 0);
  const { failure } = outcome;
  if (failure?.error instanceof ExplorerError) throw failure.error;
  return failure && report(outcome, false);
}

function isSpent(
  { executions = Infinity, seconds = Infinity }: Budget,
  done: number,
  elapsed: number,
): string | undefined {
  if (done >= executions) return 'executions';
  return elapsed >= seconds ? 'seconds' : undefined;
}

/** Looks among the executions that cost as much for a shorter one that fails in the same way. */
async function smallest(
  orders: Orders | RandomOrders,
  first: Outcome,
  isFailure: (outcome: Outcome) => boolean,
  { minimizeSeconds = 1, isStopped }: EventScenario,
): Promise<EventFailure> {
  let best = first;
  const startMs = performance.now();
  while (orders.hasAsCheap) {
    const isSpent = performance.now() - startMs >= minimizeSeconds * 1000;
    if (isSpent || isStopped?.() === true) return report(best, false);
    const outcome = await orders.next();
    if (
      outcome.choices.length < best.choices.length &&
      outcome.failure?.verdict === first.failure!.verdict &&
      isFailure(outcome)
    ) {
      best = outcome;
    }
  }
  return report(best, orders instanceof Orders);
}

/**
 * Every execution once, the cheapest first. An execution is named by its picks up to the last that was not the first candidate; the
 * ones that differ from it at a later choice are found by running it.
 */
class Orders {
  readonly #scenario: EventScenario;
  readonly #cost: Cost;
  readonly #bound: number;
  /** What is to be run, by cost. */
  readonly #waiting: number[][][] = [[[]]];
  #at = 0;

  constructor(scenario: EventScenario) {
    const isDelays = scenario.strategy !== 'preemptions';
    this.#scenario = scenario;
    this.#cost = isDelays ? delay : preemption;
    this.#bound = (isDelays ? scenario.delays : scenario.preemptions) ?? Infinity;
    this.words = `${this.#bound} ${isDelays ? 'delays' : 'preemptions'}`;
  }

  readonly words: string;

  get hasNext(): boolean {
    while (this.#at < this.#waiting.length && this.#at <= this.#bound) {
      if (this.#waiting[this.#at]!.length > 0) return true;
      this.#at++;
    }
    return false;
  }

  /** What the next ones cost: all that cost less were run. */
  get cost(): number {
    return this.#at;
  }

  get hasAsCheap(): boolean {
    return this.#waiting[this.#at]!.length > 0;
  }

  /** Whether there are more beyond the bound. */
  get isCut(): boolean {
    return this.#waiting.slice(this.#at).some(({ length }) => length > 0);
  }

  async next(): Promise<Outcome> {
    const prefix = this.#waiting[this.#at]!.pop()!;
    const pick: Pick = (at) => prefix[at] ?? 0;
    const outcome = await execute(this.#scenario, pick);
    const { choices } = outcome;
    const picks = choices.map(({ picked }) => picked);
    let cost = costOf(choices.slice(0, prefix.length), this.#cost);
    for (let at = prefix.length; at < choices.length; at++) {
      const choice = choices[at]!;
      for (let picked = choice.count - 1; picked > 0; picked--) {
        const other = cost + this.#cost({ ...choice, picked });
        while (this.#waiting.length <= other) this.#waiting.push([]);
        this.#waiting[other]!.push([...picks.slice(0, at), picked]);
      }
      cost += this.#cost(choice);
    }
    return outcome;
  }
}

/** Random ones, without end. */
class RandomOrders {
  readonly hasNext = true;
  readonly hasAsCheap = false;
  readonly cost = 0;
  readonly isCut = true;
  readonly words = '';
  readonly #scenario: EventScenario;
  readonly #random: (count: number) => number;

  constructor(scenario: EventScenario) {
    this.#scenario = scenario;
    this.#random = createRandom(scenario.seed ?? 1);
  }

  next(): Promise<Outcome> {
    return execute(this.#scenario, (_, count) => this.#random(count));
  }
}
