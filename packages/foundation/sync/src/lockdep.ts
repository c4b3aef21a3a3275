/**
 * The debug mode: what lockdep, might_sleep and non_block_start do in Linux. Off by default, and then each
 * primitive pays one test of a variable.
 *
 * It reports, with both sides of the story:
 *  1. sleeping in a non-blockable section, or with a spin lock held;
 *  2. lock order inversions: A taken under B after B was once taken under A, also through other locks;
 *  3. an unlock by somebody who does not hold the lock, and a lock taken again by its holder.
 *
 * Locks are ordered by class, which is the name they were created with: all subscriptions' locks are one
 * class. "Who" is a task: the agent, unless `currentTask` says otherwise. In one event loop several tasks
 * interleave, so there a caller who has task identities (AsyncLocalStorage, a simulator's scheduler) gives them.
 */
import { NotifierError } from '@mmu-notifier/core';

/** What the debug mode found. */
export interface LockdepReport {
  readonly kind: 'sleep-in-atomic' | 'order-inversion' | 'stranger-unlock' | 'recursive-lock';
  readonly message: string;
}

/** Options of {@link enableLockdep}. */
export interface LockdepOptions {
  /** Who is running. Default: one task for the agent. */
  readonly currentTask?: () => unknown;
  /** Default: throw a NotifierError `MMN_LOCK` with the message. */
  readonly report?: (report: LockdepReport) => void;
}

/** How a lock is held. Two shared holds of one rw semaphore by one task are not a recursion. */
export type HoldMode = 'exclusive' | 'shared';

interface Held {
  readonly lock: object;
  readonly name: string;
  readonly spinning: boolean;
  readonly mode: HoldMode;
}

interface Task {
  readonly held: Held[];
  nonBlockable: number;
}

class Lockdep {
  readonly #currentTask: () => unknown;
  readonly #report: (report: LockdepReport) => void;
  readonly #tasks = new Map<unknown, Task>();
  /** order.get(a) has b: b was taken with a held; the value is where. */
  readonly #order = new Map<string, Map<string, string>>();

  constructor(options: LockdepOptions) {
    this.#currentTask = options.currentTask ?? (() => undefined);
    this.#report =
      options.report ??
      ((report) => {
        throw new NotifierError('MMN_LOCK', report.message);
      });
  }

  /** `tried`: a trylock cannot deadlock, so it makes no order. */
  acquire(lock: object, name: string, spinning: boolean, mode: HoldMode, tried: boolean): void {
    const task = this.#task();
    if (!tried) {
      for (const other of task.held) {
        if (other.lock === lock && (mode === 'exclusive' || other.mode === 'exclusive')) {
          this.#found('recursive-lock', `'${name}' is taken by a task that holds it already`);
        } else if (other.name !== name) {
          this.#addOrder(other.name, name);
        }
      }
    }
    task.held.push({ lock, name, spinning, mode });
  }

  release(lock: object, name: string): void {
    const { held } = this.#task();
    const at = held.findLastIndex((other) => other.lock === lock);
    if (at === -1) {
      this.#found('stranger-unlock', `'${name}' is released by a task that does not hold it`);
    } else {
      held.splice(at, 1);
    }
  }

  nonBlockable(change: 1 | -1): void {
    this.#task().nonBlockable += change;
  }

  mightSleep(what: string): void {
    const task = this.#task();
    const spinning = task.held.find((held) => held.spinning);
    if (spinning !== undefined) {
      this.#found('sleep-in-atomic', `${what} may sleep with spin lock '${spinning.name}' held`);
    } else if (task.nonBlockable > 0) {
      this.#found('sleep-in-atomic', `${what} may sleep in a non-blockable section`);
    }
  }

  #task(): Task {
    const key = this.#currentTask();
    let task = this.#tasks.get(key);
    if (task === undefined) this.#tasks.set(key, (task = { held: [], nonBlockable: 0 }));
    return task;
  }

  #addOrder(first: string, second: string): void {
    const after = this.#order.get(first);
    if (after?.has(second) === true) return;
    const path = this.#path(second, first);
    const here = new Error('taken').stack?.split('\n').slice(3, 8).join('\n') ?? '';
    if (path !== undefined) {
      const [from, to] = path;
      this.#found(
        'order-inversion',
        `'${second}' is taken with '${first}' held, but '${to}' was taken with '${from}' held before:\n` +
          `now\n${here}\nbefore\n${this.#order.get(from)?.get(to) ?? ''}`,
      );
    }
    if (after === undefined) this.#order.set(first, new Map([[second, here]]));
    else after.set(second, here);
  }

  /** The first step of a path of orders from one class to another, if there is one. */
  #path(from: string, to: string): readonly [string, string] | undefined {
    const seen = new Set<string>([from]);
    const open: [string, readonly [string, string] | undefined][] = [[from, undefined]];
    for (let item = open.pop(); item !== undefined; item = open.pop()) {
      const [name, firstStep] = item;
      for (const next of this.#order.get(name)?.keys() ?? []) {
        const step = firstStep ?? ([name, next] as const);
        if (next === to) return step;
        if (!seen.has(next)) {
          seen.add(next);
          open.push([next, step]);
        }
      }
    }
    return undefined;
  }

  #found(kind: LockdepReport['kind'], message: string): void {
    this.#report({ kind, message: `lockdep: ${message}` });
  }
}

/** The debug mode when it is on. Primitives test it; nobody else should. */
export let lockdep: Lockdep | undefined;

/** Turns the debug mode on for this agent, with an empty history; returns what turns it off. */
export function enableLockdep(options: LockdepOptions = {}): () => void {
  lockdep = new Lockdep(options);
  return () => {
    lockdep = undefined;
  };
}

/** Says that the caller may sleep here. Linux: might_sleep. */
export function mightSleep(what: string): void {
  if (lockdep !== undefined) lockdep.mightSleep(what);
}

/** Begins a part in which nobody may sleep. Linux: non_block_start. */
export function nonBlockStart(): void {
  if (lockdep !== undefined) lockdep.nonBlockable(1);
}

/** Ends what {@link nonBlockStart} began. */
export function nonBlockEnd(): void {
  if (lockdep !== undefined) lockdep.nonBlockable(-1);
}
