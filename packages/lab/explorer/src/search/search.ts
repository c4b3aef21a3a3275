/**
 * What all searches have in common: a machine, the counting, the budget, and what to do at the end of an execution.
 *
 * A schedule is a list of decisions, one for each step: the thread, and for a `choose` what it returns.
 */
import type { Judge } from '../engine/judge.ts';
import type { Fault } from '../engine/guard.ts';
import type { Machine } from '../engine/machine.ts';
import { Kind } from '../memory/operation.ts';
import type { Budget, Counts } from '../scenario.ts';

/** Thread number and choice of one step. */
export type Decision = number;

/** Builds a decision. */
export function decision(thread: number, choice = 0): Decision {
  return thread | (choice << 4);
}

export const threadOf = (step: Decision): number => step & 15;
export const choiceOf = (step: Decision): number => step >> 4;

/** How a search ended. `limit`: an execution had more steps than allowed. `asked`: somebody wanted no more. */
export type SearchEnd =
  | 'complete'
  | 'failure'
  | 'executions'
  | 'steps'
  | 'seconds'
  | 'limit'
  | 'asked';

/** What a search is given. */
export interface SearchOptions {
  readonly preemptions: number;
  readonly budget: Budget;
  readonly stepsPerExecution: number;
  readonly seed: number;
  readonly depth: number;
  readonly onProgress: ((counts: Counts) => void) | undefined;
  readonly isStopped: (() => boolean) | undefined;
  /** Told of the end of each execution. Returning true stops the search. Default: stop at the first fault. */
  readonly onEnd?: (fault: Fault | 'fine', machine: Machine) => boolean;
  readonly codeRuns: () => number;
}

const progressEverySeconds = 0.1;

/** See the file's head. */
export class Search {
  readonly machine: Machine;
  readonly options: SearchOptions;
  /** The first fault, and the schedule that leads to it. */
  found: { readonly fault: Fault; readonly schedule: readonly Decision[] } | undefined;
  executions = 0;
  redundant = 0;
  states = 0;
  /** Set when a bound on preemptions has cut something off. */
  isBounded = false;
  /** Everything with at most so many preemptions was covered; -1 when nothing can be said before the end. */
  completeTo = -1;
  readonly #judge: Judge;
  readonly #startMs = performance.now();
  #nextProgress = progressEverySeconds;

  constructor(machine: Machine, judge: Judge, options: SearchOptions) {
    this.machine = machine;
    this.#judge = judge;
    this.options = options;
  }

  /** Call it at the end of each execution; says whether and why to stop. */
  end(schedule: () => readonly Decision[]): SearchEnd | undefined {
    const judgement = this.#judge.judge();
    if (judgement === 'cut-short') {
      this.redundant++;
    } else {
      this.executions++;
      const stop = this.options.onEnd?.(judgement, this.machine);
      if (judgement !== 'fine') this.found ??= { fault: judgement, schedule: schedule() };
      if (stop ?? judgement !== 'fine') return 'failure';
    }
    return this.overBudget();
  }

  /** Call it often; says whether the budget is spent. */
  overBudget(): SearchEnd | undefined {
    const { budget } = this.options;
    if (this.executions >= (budget.executions ?? Infinity)) return 'executions';
    if (this.machine.steps >= (budget.steps ?? Infinity)) return 'steps';
    const seconds = this.seconds();
    if (seconds >= this.#nextProgress) {
      this.#nextProgress = seconds + progressEverySeconds;
      this.options.onProgress?.(this.counts());
      if (this.options.isStopped?.() === true) return 'asked';
    }
    return seconds >= (budget.seconds ?? Infinity) ? 'seconds' : undefined;
  }

  seconds(): number {
    return (performance.now() - this.#startMs) / 1000;
  }

  counts(): Counts {
    return {
      executions: this.executions,
      redundant: this.redundant,
      steps: this.machine.steps,
      plainAccesses: this.machine.accesses,
      states: this.states,
      codeRuns: this.options.codeRuns() + this.#judge.executions,
      seconds: this.seconds(),
    };
  }

  /** How many ways the next step of a thread can go. */
  choices(t: number): number {
    const { operation } = this.machine.point(t);
    return operation?.kind === Kind.choose ? Number(operation.operand) : 1;
  }
}
