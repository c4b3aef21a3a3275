/** Who sleeps in Atomics.wait, in which order, and who has slept through a wake-up. Kept in cells. */
import type { Operation } from '../memory/operation.ts';
import type { Cells } from './cells.ts';

/** The wait queues of all words. */
export class WaitQueues {
  readonly #cells: Cells;
  readonly #threads: number;
  readonly #operationOf: (t: number) => Operation;
  /** For each thread: its place among all sleepers, or 0 when it is awake. */
  readonly #tickets: number;
  /** For each thread: the byte, plus one, of a notify that woke nobody since the thread's last operation, or 0. */
  readonly #missed: number;

  /** @param operationOf what a thread is about to do, or sleeps in */
  constructor(cells: Cells, threads: number, operationOf: (t: number) => Operation) {
    this.#cells = cells;
    this.#threads = threads;
    this.#operationOf = operationOf;
    this.#tickets = cells.reserve(threads + 1);
    this.#missed = cells.reserve(threads + 1);
  }

  isAsleep(t: number): boolean {
    return this.#cells.words[this.#tickets + t] !== 0;
  }

  /** Puts a thread to sleep, behind all others. */
  enter(t: number): void {
    const { words } = this.#cells;
    let last = 0;
    for (let u = 0; u < this.#threads; u++) last = Math.max(last, words[this.#tickets + u]!);
    this.#cells.set(this.#tickets + t, last + 1);
  }

  leave(t: number): void {
    this.#cells.set(this.#tickets + t, 0);
  }

  /** Who has slept longest on a word, or -1. */
  first(offset: number): number {
    const { words } = this.#cells;
    let first = -1;
    for (let t = 0; t < this.#threads; t++) {
      const ticket = words[this.#tickets + t]!;
      if (ticket === 0 || this.#operationOf(t).offset !== offset) continue;
      if (first === -1 || ticket < words[this.#tickets + first]!) first = t;
    }
    return first;
  }

  /** A thread does something else than falling asleep: what it has missed no longer counts. */
  forgetMissed(t: number): void {
    this.#cells.set(this.#missed + t, 0);
  }

  /** A notify by `notifier` has found nobody: whoever falls asleep next without looking again has missed it. */
  addMissed(notifier: number, offset: number): void {
    for (let t = 0; t < this.#threads; t++) {
      if (t !== notifier && !this.isAsleep(t)) this.#cells.set(this.#missed + t, offset + 1);
    }
  }

  hasMissed(t: number): boolean {
    return this.#cells.words[this.#missed + t] === this.#operationOf(t).offset + 1;
  }
}
