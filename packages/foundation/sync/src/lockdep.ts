/**
 * The debug mode: what lockdep, might_sleep and non_block_start do in Linux. Off by default, and then it
 * costs nothing: see `debugMode`.
 *
 * It reports, with both sides of the story:
 *  1. sleeping in a non-blockable section, or with a spin lock held;
 *  2. lock order inversions: A taken under B after B was once taken under A, also through other locks;
 *  3. an unlock by somebody who does not hold the lock, and a lock taken again by its holder.
 *
 * Locks are ordered by class, which is the name they were created with: all subscriptions' locks are one
 * class. A lock itself is known by its word, so two objects over one word are one lock. "Who" is a task: the
 * agent, unless `currentTask` says otherwise. In one event loop several tasks interleave, so there a caller who
 * has task identities (AsyncLocalStorage, a simulator's scheduler) gives them. A task whose wait ends is asked
 * for again then: the identity must follow it across an `await`.
 *
 * A primitive calls `check` before it takes a lock in a way that may wait, `hold` once it has it, however it got
 * it, and `release` before it gives it back. So a wait that was aborted leaves nothing behind.
 */
import { NotifierError } from '@mmu-notifier/core';
import type { Region } from './memory.ts';

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

/** What identifies a lock, and its class. */
interface TrackedLock {
  readonly region: Region;
  readonly index: number;
  readonly name: string;
}

interface Held extends TrackedLock {
  readonly spinning: boolean;
  readonly mode: HoldMode;
}

function isSameLock(a: TrackedLock, b: TrackedLock): boolean {
  return a.region === b.region && a.index === b.index;
}

interface Task {
  readonly key: unknown;
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

  /** Not for a trylock, which cannot deadlock and so makes no order. */
  check(lock: TrackedLock, mode: HoldMode): void {
    for (const other of this.#task().held) {
      if (isSameLock(other, lock)) {
        if (mode === 'exclusive' || other.mode === 'exclusive') {
          this.#found('recursive-lock', `'${lock.name}' is taken by a task that holds it already`);
        }
      } else if (other.name !== lock.name) {
        this.#addOrder(other.name, lock.name);
      }
    }
  }

  hold({ region, index, name }: TrackedLock, mode: HoldMode, spinning: boolean): void {
    this.#task().held.push({ region, index, name, mode, spinning });
  }

  release(lock: TrackedLock): void {
    const task = this.#task();
    const at = task.held.findLastIndex((other) => isSameLock(other, lock));
    if (at === -1) {
      this.#found('stranger-unlock', `'${lock.name}' is released by a task that does not hold it`);
      return;
    }
    task.held.splice(at, 1);
    this.#forgetIdle(task);
  }

  nonBlockStart(): void {
    this.#task().nonBlockable++;
  }

  nonBlockEnd(): void {
    const task = this.#task();
    if (task.nonBlockable === 0) {
      this.#found('stranger-unlock', 'a non-blockable section is ended by a task that is in none');
      return;
    }
    task.nonBlockable--;
    this.#forgetIdle(task);
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
    if (task === undefined) this.#tasks.set(key, (task = { key, held: [], nonBlockable: 0 }));
    return task;
  }

  /** Tasks come and go: one that holds nothing needs no entry. */
  #forgetIdle(task: Task): void {
    if (task.held.length === 0 && task.nonBlockable === 0) this.#tasks.delete(task.key);
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

/**
 * The debug mode when it is on. Primitives test it; nobody else should. The engine folds a field that was never
 * written into the code of who reads it, as a constant, and throws that code away when it is written after all: so the
 * test costs nothing until then, if its module knows the object by a constant of its own (`const debug = debugMode`), and
 * not by an import. Linux: static keys.
 */
export const debugMode: { lockdep: Lockdep | undefined } = { lockdep: undefined };
const debug = debugMode;

/**
 * Turns the debug mode on for this agent, with an empty history; returns what turns it off. To be called while
 * this agent holds no lock: it would not know that one.
 */
export function enableLockdep(options: LockdepOptions = {}): () => void {
  debug.lockdep = new Lockdep(options);
  return () => {
    debug.lockdep = undefined;
  };
}

/** Says that the caller may sleep here. Linux: might_sleep. */
export function mightSleep(what: string): void {
  if (debug.lockdep !== undefined) debug.lockdep.mightSleep(what);
}

/** Begins a part in which nobody may sleep. Linux: non_block_start. */
export function nonBlockStart(): void {
  if (debug.lockdep !== undefined) debug.lockdep.nonBlockStart();
}

/** Ends what {@link nonBlockStart} began. */
export function nonBlockEnd(): void {
  if (debug.lockdep !== undefined) debug.lockdep.nonBlockEnd();
}
