/**
 * Deferred work: what a driver may not do in a callback and leaves to a worker.
 *
 * 1. Items run one after the other, in the order in which they were queued, never inside the call that queued them.
 * 2. The event loop runs them: by default in a microtask, when the code that queued them has returned or waits. A
 *    laboratory that decides who runs when gives a `defer` of its own.
 * 3. An item that throws is an uncaught exception, as an oops in a worker is: it has nobody to go to.
 *
 * Linux: kernel/workqueue.c, an ordered queue.
 */
import { deferred, type Deferred, type MaybePromise } from '@mmu-notifier/core';

/** Has something run later, exactly once. */
export type Defer = (run: () => MaybePromise<void>) => void;

/** Runs in a microtask. */
export const deferToMicrotask: Defer = (run) => queueMicrotask(() => void run());

/** See the file's head. */
export class WorkQueue {
  readonly #defer: Defer;
  readonly #items: (() => MaybePromise<void>)[] = [];
  #isRunning = false;
  #flushed: Deferred<void> | undefined;

  constructor(defer: Defer = deferToMicrotask) {
    this.#defer = defer;
  }

  /** Whether nothing is queued and nothing runs. */
  get isIdle(): boolean {
    return !this.#isRunning;
  }

  /** Queues an item. Never waits. Linux: queue_work. */
  queue(item: () => MaybePromise<void>): void {
    this.#items.push(item);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#defer(() => this.#run());
  }

  /** Waits until everything has run, also what is queued meanwhile. Linux: drain_workqueue. */
  drain(): MaybePromise<void> {
    if (!this.#isRunning) return undefined;
    this.#flushed ??= deferred();
    return this.#flushed.promise;
  }

  async #run(): Promise<void> {
    try {
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
        await item();
      }
    } finally {
      this.#isRunning = false;
      // What an item that threw left behind it goes on without it.
      const rest = this.#items.splice(0);
      for (const item of rest) this.queue(item);
      if (rest.length === 0) {
        this.#flushed?.resolve();
        this.#flushed = undefined;
      }
    }
  }
}
