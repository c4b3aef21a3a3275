/**
 * The outside world of asynchronous code: everything that completes later, in an order that nobody controls. Here the explorer does.
 *
 * 1. Promise reactions are the engine's own, first in first out: they are no choice.
 * 2. A completion is asked for (`later`, a timer, a notified waitAsync) and at some point arrives. Arrivals are the choices; one is
 *    made when everything else has come to rest.
 * 3. Timers fire in the order of their due times, like the engine's; other completions may arrive at any point between.
 */

/** Something that will arrive. */
export interface Completion {
  readonly name: string;
  /** Milliseconds of virtual time; undefined for what is no timer. */
  readonly dueMs: number | undefined;
  arrive(): void;
}

/** What explored asynchronous code may ask for. */
export interface EventWorld {
  /** A promise that is fulfilled when the explorer lets it: a disk, a network, a device. `value` may be computed on arrival. */
  later<T>(name: string, value: T | (() => T)): Promise<T>;
  /** The same, rejected. */
  fail(name: string, error: unknown): Promise<never>;
  /** An integer from 0 up to but not including `count`; every one is explored. */
  choose(count: number): number;
}

interface Waiter {
  readonly words: object;
  readonly index: number;
  settle(outcome: 'ok' | 'timed-out'): void;
}

/** The completions of one execution. */
export class World implements EventWorld {
  nowMs = 0;
  readonly #choose: (count: number) => number;
  readonly #pending = new Set<Completion>();
  readonly #waiters = new Set<Waiter>();

  constructor(choose: (count: number) => number) {
    this.#choose = choose;
  }

  later<T>(name: string, value: T | (() => T)): Promise<T> {
    return new Promise((resolve, reject) => {
      this.add(name, undefined, () => {
        try {
          resolve(typeof value === 'function' ? (value as () => T)() : value);
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }

  fail(name: string, error: unknown): Promise<never> {
    return this.later<never>(name, () => {
      throw error;
    });
  }

  choose(count: number): number {
    return this.#choose(count);
  }

  /** Something that may arrive from now on. Returns what takes it back. */
  add(name: string, delayMs: number | undefined, action: () => void): () => void {
    const dueMs = delayMs === undefined ? undefined : this.nowMs + Math.max(delayMs, 0);
    const completion: Completion = {
      name,
      dueMs,
      arrive: () => {
        this.#pending.delete(completion);
        this.nowMs = Math.max(this.nowMs, dueMs ?? 0);
        action();
      },
    };
    this.#pending.add(completion);
    return () => this.#pending.delete(completion);
  }

  /** What can arrive next: the earliest timer, and everything that is no timer; the longest pending first. */
  candidates(): Completion[] {
    const all = [...this.#pending];
    const timers = all.filter(({ dueMs }) => dueMs !== undefined);
    const first = timers.reduce<Completion | undefined>(
      (best, each) => (best === undefined || each.dueMs! < best.dueMs! ? each : best),
      undefined,
    );
    return all.filter((each) => each.dueMs === undefined || each === first);
  }

  /** The model of Atomics.waitAsync within one event loop. */
  waitAsync(
    words: Int32Array,
    index: number,
    expected: number,
    timeoutMs = Infinity,
  ): WaitAsyncResult {
    if (words[index] !== expected) return { async: false, value: 'not-equal' };
    if (timeoutMs <= 0) return { async: false, value: 'timed-out' };
    return {
      async: true,
      value: new Promise((resolve) => {
        const waiter: Waiter = { words: words.buffer, index: words.byteOffset + index * 4, settle };
        const cancel = Number.isFinite(timeoutMs)
          ? this.add(`time-out of a wait, ${timeoutMs} ms`, timeoutMs, () => settle('timed-out'))
          : undefined;
        this.#waiters.add(waiter);
        const waiters = this.#waiters;
        function settle(outcome: 'ok' | 'timed-out'): void {
          waiters.delete(waiter);
          cancel?.();
          resolve(outcome);
        }
      }),
    };
  }

  /** The model of Atomics.notify: the wake-ups arrive later, in any order. */
  notify(words: Int32Array, index: number, count = Infinity): number {
    const at = words.byteOffset + index * 4;
    const woken = [...this.#waiters]
      .filter((waiter) => waiter.words === words.buffer && waiter.index === at)
      .slice(0, Math.min(count, 2 ** 31));
    for (const waiter of woken) {
      this.#waiters.delete(waiter);
      this.add(`wake-up of word ${index}`, undefined, () => waiter.settle('ok'));
    }
    return woken.length;
  }
}

/** What Atomics.waitAsync returns. */
export type WaitAsyncResult =
  | { readonly async: false; readonly value: 'not-equal' | 'timed-out' }
  | { readonly async: true; readonly value: Promise<'ok' | 'timed-out'> };
