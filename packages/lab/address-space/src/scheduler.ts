/**
 * Simulated processors in one event loop.
 *
 * 1. A {@link Task} is a generator that yields wherever another agent may run. Between two yields it is alone.
 * 2. Each agent has a clock of its own, which the seed moves on by a random amount at each of its steps; the one
 *    that is due first runs. An agent that yields a promise cannot until it settles; it then resumes with the
 *    value, or with the rejection thrown into it.
 * 3. Microtasks run only while somebody waits for a promise, a fixed number of turns after each step, and timers only
 *    when nobody can run. So the order of everything depends on the seed and the tasks alone.
 * 4. Agents in the background do not move the clocks of the others: as long as nobody waits for them, the order of
 *    the others is the same with and without them. So what devices do, which differs between strategies, need
 *    not change what the program does.
 * 5. If nobody can run and nothing comes during a bounded number of turns, that is a deadlock: an error.
 */
import { checkFunction, checkMethod, type MaybePromise } from '@mmu-notifier/core';
import { delay } from '@mmu-notifier/sync';
import { Agenda, type Due } from './agenda.ts';
import { Random } from './random.ts';

/** An operation in steps: yields where others may run, `yield`ed promises are awaited. See {@link waitFor}. */
export type Task<T> = Generator<MaybePromise<unknown> | undefined, T, unknown>;

/** What {@link waitFor} yields: a promise, with words for the report of a deadlock. */
class Wait {
  readonly promise: Promise<unknown>;
  readonly what: string;

  constructor(promise: Promise<unknown>, what: string) {
    this.promise = promise;
    this.what = what;
  }
}

/**
 * In a task: the value now, or when its promise settles. Without a promise it neither yields nor allocates
 * more than its own generator; where even that counts, test with {@link isPromise} first.
 *
 * @param what names the wait in the report of a deadlock
 */
export function* waitFor<T>(value: MaybePromise<T>, what = 'a promise'): Task<T> {
  return isPromise(value) ? ((yield new Wait(value, what)) as T) : value;
}

/** Whether an operation that may wait has to. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}

/** Who runs a task. */
export interface Agent {
  readonly name: string;
  /** 1, 2, … in order of `spawn`. */
  readonly number: number;
}

class Running implements Agent, Due {
  readonly name: string;
  readonly number: number;
  readonly task: Task<unknown>;
  readonly onDone: ((value: unknown) => void) | undefined;
  readonly isBackground: boolean;
  readonly random: Random;
  /** When it takes its next step, in the scheduler's time. */
  dueTime: number;
  /** What the next step passes in: the value of what it waited for, or its rejection. */
  input: unknown = undefined;
  rejected = false;
  waitsFor = '';

  constructor(
    name: string,
    number: number,
    task: Task<unknown>,
    onDone: ((value: unknown) => void) | undefined,
    isBackground: boolean,
    random: Random,
    now: number,
  ) {
    this.name = name;
    this.number = number;
    this.task = task;
    this.onDone = onDone;
    this.isBackground = isBackground;
    this.random = random;
    this.dueTime = now;
    this.advance(now);
  }

  /** Moves its clock on: a step takes up to {@link stepTimeMax}, and now and then it is preempted for long. */
  advance(now: number): void {
    const draw = this.random.next();
    const stretch = draw < preemptedBelow ? preemptionSteps : 1;
    const time = 1 + (draw & (stepTimeMax - 1)) * stretch;
    this.dueTime = Math.max(this.dueTime, now) + time;
  }
}

/** A power of two: the low bits of a random number say how long a step takes, the whole of it about preemption. */
const stepTimeMax = 1024;
/** One step in 32 is as long as up to 32 others: long enough for a section of somebody else's to come and go. */
const preemptionSteps = 32;
const preemptedBelow = 2 ** 32 / 32;

/** Options of {@link Scheduler}. */
export interface SchedulerOptions {
  /** Any integer; the same seed gives the same schedule. Default 1. */
  readonly seed?: number;
}

/** Microtask turns after each step while somebody waits: enough for a wake-up to reach whoever waits. */
const turnsPerStep = 16;

/** Microtask turns, then timer turns, after which agents that all wait are deadlocked. */
const microtaskTurnsMax = 1000;
const timerTurnsMax = 20;

/** See the file's head. A step costs a generator's resumption and some 30 ns; more while somebody waits. */
export class Scheduler {
  readonly random: Random;
  readonly #runnable = new Agenda<Running>();
  readonly #blocked = new Set<Running>();
  #current: Running | undefined;
  readonly #seed: number;
  #steps = 0;
  /** The time of the last step of an agent that is not in the background. */
  #now = 0;
  #spawned = 0;
  #spawnedInBackground = 0;

  constructor(options: SchedulerOptions = {}) {
    this.#seed = options.seed ?? 1;
    this.random = new Random(this.#seed);
  }

  /** Steps so far: the time of the simulation. */
  get steps(): number {
    return this.#steps;
  }

  /** Agents that have not finished. */
  get agentCount(): number {
    return this.#runnable.size + this.#blocked.size;
  }

  /** Whose step it is; `undefined` between steps. */
  get current(): Agent | undefined {
    return this.#current;
  }

  /**
   * Adds an agent. `onDone` runs in the step that finishes the task.
   *
   * @param background see the file's head
   */
  spawn<T>(task: Task<T>, onDone?: (value: T) => void, name?: string, background = false): Agent {
    checkMethod(task, 'next', 'task');
    const number = ++this.#spawned;
    const order = background ? ~++this.#spawnedInBackground : number - this.#spawnedInBackground;
    const agent = new Running(
      name ?? `agent ${number}`,
      number,
      task,
      onDone as ((value: unknown) => void) | undefined,
      background,
      new Random(Math.imul(this.#seed, 0x9e3779b1) + order),
      this.#now,
    );
    this.#runnable.add(agent);
    return agent;
  }

  /** A promise that settles after an agent of its own made `turns` steps: a sleep in simulated time. */
  sleep(turns: number, name?: string): Promise<void> {
    return new Promise((resolve) => {
      this.spawn(sleeping(turns), resolve, name ?? 'a sleep', true);
    });
  }

  /**
   * One step of one agent. Returns `false` when nobody can run.
   *
   * @throws Error naming the agent whose task threw; its cause is what was thrown. That agent is gone.
   */
  step(): boolean {
    const agent = this.#runnable.takeFirst();
    if (agent === undefined) return false;
    if (!agent.isBackground) this.#now = agent.dueTime;
    agent.advance(agent.dueTime);
    const { task, input } = agent;
    this.#steps++;
    this.#current = agent;
    let result: IteratorResult<unknown, unknown>;
    try {
      if (agent.rejected) {
        agent.rejected = false;
        agent.input = undefined;
        result = task.throw(input);
      } else {
        agent.input = undefined;
        result = task.next(input);
      }
      if (result.done === true) agent.onDone?.(result.value);
      else if (result.value === undefined) this.#runnable.add(agent);
      else this.#wait(agent, result.value);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${agent.name}, at step ${this.#steps}: ${reason}`, { cause });
    } finally {
      this.#current = undefined;
    }
    return true;
  }

  /**
   * Runs until every agent has finished.
   *
   * @throws Error as {@link step} does, or for a deadlock, saying what each agent waits for
   */
  run(): Promise<void> {
    return this.runUntil(() => false);
  }

  /** Runs until the condition holds, asked before each step, or every agent has finished. Throws as {@link run}. */
  async runUntil(condition: () => boolean): Promise<void> {
    checkFunction(condition, 'condition');
    while (!condition()) {
      if (this.step()) {
        for (let turn = 0; turn < turnsPerStep && this.#blocked.size > 0; turn++) await undefined;
      } else {
        if (this.#blocked.size === 0) return;
        await this.#untilRunnable();
      }
    }
  }

  async #untilRunnable(): Promise<void> {
    for (let turn = 0; turn < microtaskTurnsMax; turn++) {
      await undefined;
      if (this.#runnable.size > 0) return;
    }
    for (let turn = 0; turn < timerTurnsMax; turn++) {
      await delay(0);
      if (this.#runnable.size > 0) return;
    }
    const waits = [...this.#blocked].map((agent) => `${agent.name} waits for ${agent.waitsFor}`);
    throw new Error(`deadlock at step ${this.#steps}: ${waits.join('; ')}`);
  }

  #wait(agent: Running, yielded: unknown): void {
    const wait = yielded instanceof Wait ? yielded : undefined;
    const promise = wait?.promise ?? yielded;
    if (!isPromise(promise)) {
      agent.input = promise;
      this.#runnable.add(agent);
      return;
    }
    agent.waitsFor = wait?.what ?? 'a promise';
    this.#blocked.add(agent);
    const resume = (input: unknown, rejected: boolean): void => {
      this.#blocked.delete(agent);
      agent.input = input;
      agent.rejected = rejected;
      agent.advance(this.#now);
      this.#runnable.add(agent);
    };
    promise.then(
      (value) => resume(value, false),
      (error: unknown) => resume(error, true),
    );
  }
}

function* sleeping(turns: number): Task<void> {
  for (let turn = 0; turn < turns; turn++) yield;
}
