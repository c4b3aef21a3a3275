/**
 * The outside world of asynchronous code: everything that completes later, in an order that nobody controls. Here the explorer does.
 *
 * 1. Promise reactions are the engine's own, first in first out: they are no choice.
 * 2. A completion is asked for (`later`, a timer, a notified waitAsync) and at some point arrives. Arrivals are the choices; one is
 *    made when everything else has come to rest.
 * 3. Timers fire in the order of their due times, like the engine's; other completions may arrive at any point between.
 */

import { Actor, type EventActor } from './actor.ts';

/** Something that will arrive. */
export interface Completion {
  readonly name: string;
  /** Whose next step it is, if it is an actor's. */
  readonly actor: Actor | undefined;
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
  /**
   * Has somebody act beside the others. Gives what `run` returns. Whoever is waited for in vain is named by the
   * step after which nothing came of him.
   */
  spawn<T>(name: string, run: (actor: EventActor) => T | Promise<T>): Promise<T>;
  /** Ends the execution as a failure: for what is found where nobody would hear of a throw. The first one counts. */
  abort(error: unknown): void;
  /** Puts a line into the diagram, where the actor stands who took the last step. */
  note(text: string): void;
  /** Virtual time in milliseconds: moved by the timers that fire. */
  readonly nowMs: number;
}

/** A line of the diagram: an arrival, or a note. */
export interface Line {
  readonly actor: Actor | undefined;
  readonly text: string;
  /** The number of the arrival or choice; undefined for a note. */
  readonly number: number | undefined;
}

interface Waiter {
  readonly words: object;
  readonly index: number;
  settle(outcome: 'ok' | 'timed-out'): void;
}

/** The completions of one execution. */
export class World implements EventWorld {
  nowMs = 0;
  readonly actors: Actor[] = [];
  readonly lines: Line[] = [];
  aborted: { readonly error: unknown } | undefined;
  /** Whose step arrived last. */
  last: Actor | undefined;
  readonly #choose: (count: number) => number;
  readonly #pending = new Set<Completion>();
  readonly #waiters = new Set<Waiter>();

  constructor(choose: (count: number) => number) {
    this.#choose = choose;
  }

  later<T>(name: string, value: T | (() => T)): Promise<T> {
    return this.arrival(name, undefined, value);
  }

  /** The same, as the next step of an actor. */
  arrival<T>(name: string, actor: Actor | undefined, value: T | (() => T)): Promise<T> {
    return new Promise((resolve, reject) => {
      const action = (): void => {
        try {
          resolve(typeof value === 'function' ? (value as () => T)() : value);
        } catch (error) {
          reject(error as Error);
        }
      };
      this.add(name, undefined, action, actor);
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

  async spawn<T>(name: string, run: (actor: EventActor) => T | Promise<T>): Promise<T> {
    const actor = new Actor(name, this);
    this.actors.push(actor);
    try {
      return await run(actor);
    } finally {
      actor.hasEnded = true;
    }
  }

  abort(error: unknown): void {
    this.aborted ??= { error };
  }

  note(text: string, actor: Actor | undefined = this.last): void {
    this.lines.push({ actor, text, number: undefined });
  }

  /** Something that may arrive from now on. Returns what takes it back. */
  add(
    name: string,
    delayMs: number | undefined,
    action: () => void,
    actor?: Actor | undefined,
  ): () => void {
    const dueMs = delayMs === undefined ? undefined : this.nowMs + Math.max(delayMs, 0);
    const completion: Completion = {
      name,
      actor,
      dueMs,
      arrive: () => {
        this.#pending.delete(completion);
        this.last = actor;
        if (actor !== undefined) actor.doing = name;
        this.nowMs = Math.max(this.nowMs, dueMs ?? 0);
        action();
      },
    };
    this.#pending.add(completion);
    return () => this.#pending.delete(completion);
  }

  /**
   * What can arrive next: the earliest timer, and everything that is no timer; the longest pending first, or else the next step of the
   * actor that took the last one.
   */
  candidates(keepsOn: boolean): Completion[] {
    const all = [...this.#pending];
    const timers = all.filter(({ dueMs }) => dueMs !== undefined);
    const first = timers.reduce<Completion | undefined>(
      (best, each) => (best === undefined || each.dueMs! < best.dueMs! ? each : best),
      undefined,
    );
    const ready = all.filter((each) => each.dueMs === undefined || each === first);
    if (!keepsOn || this.last === undefined) return ready;
    const isNext = ({ actor }: Completion): boolean => actor === this.last;
    return [...ready.filter(isNext), ...ready.filter((each) => !isNext(each))];
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
