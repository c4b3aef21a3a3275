/**
 * Locks and completions of drivers, and the words that they live in.
 *
 * A driver waits as whoever called it does: by promises in the plain form, by blocking in a `…Sync` form, which in
 * one event loop is `MMN_WOULD_BLOCK`. The helpers that end in `In` do either, by the context of the call.
 */
import type { DriverLock, MaybePromise } from '@mmu-notifier/core';
import { isPromise } from '@mmu-notifier/core';
import {
  headerWords,
  Region,
  run,
  runSync,
  WaitQueue,
  waitQueueWords,
  type Waiting,
} from '@mmu-notifier/sync';
import type { CallContext } from './ops.ts';

/** Takes a lock. */
export function lockIn(lock: DriverLock, { isSync, signal }: CallContext): MaybePromise<void> {
  return isSync ? lock.lockSync() : lock.lock(signal);
}

/** Runs a slow path that waits. */
export function runIn<T>(waiting: Waiting<T>, { isSync, signal }: CallContext): MaybePromise<T> {
  return isSync ? runSync(waiting) : run(waiting, signal);
}

/** Records before the first growth. */
const recordsFirst = 16;

/**
 * The words of a driver's locks and queues: `fixedWords` for the driver, then a record for each registration. Grows by
 * doubling; records are given back and used again.
 */
export class LockMemory {
  readonly region: Region;
  readonly #recordWords: number;
  readonly #recordsAt: number;
  readonly #free: number[] = [];
  #bump = 0;
  #capacity = recordsFirst;

  /** @param kind what the words belong to, for messages */
  constructor(kind: string, fixedWords: number, recordWords: number) {
    this.#recordWords = recordWords;
    this.#recordsAt = headerWords + fixedWords;
    const { byteLength } = this;
    this.region = Region.create({ kind, capacity: this.#capacity, byteLength });
  }

  /** The driver's first word. */
  get fixedAt(): number {
    return headerWords;
  }

  /** The first word of a record, all zero. */
  take(): number {
    const freed = this.#free.pop();
    if (freed !== undefined) return freed;
    if (this.#bump === this.#capacity) {
      this.#capacity *= 2;
      this.region.grow(this.#capacity, this.byteLength);
    }
    return this.#recordsAt + this.#bump++ * this.#recordWords;
  }

  /** Gives a record back that nobody holds or waits in. */
  free(record: number): void {
    this.region.words.fill(0, record, record + this.#recordWords);
    this.#free.push(record);
  }

  get byteLength(): number {
    const words = this.#recordsAt + this.#capacity * this.#recordWords;
    return (words + (words & 1)) * 4;
  }
}

/**
 * Something that happens again and again and can be waited for: struct completion with complete_all.
 *
 * A wait ends when it happens once, even if it is taken back at once: whoever waited looks for himself.    [R5]
 */
export class Completion {
  /** Words that it takes. */
  static readonly words: number = waitQueueWords;
  readonly #queue: WaitQueue;
  #isDone: boolean;
  #times = 0;

  /** @param index the first of its words in the region; zero when first used */
  constructor(region: Region, index: number, isDone: boolean) {
    this.#queue = new WaitQueue(region, index);
    this.#isDone = isDone;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** From now on there is something to wait for. Linux: reinit_completion. */
  reinit(): void {
    this.#isDone = false;
  }

  /** It happens: everybody who waits goes on. Linux: complete_all. */
  complete(): void {
    this.#isDone = true;
    this.#times++;
    this.#queue.wakeAll();
  }

  /** Waits until it happens, or is done already; `false` after `timeoutMs` of the clock in use. */
  wait(timeoutMs: number, context: CallContext): MaybePromise<boolean> {
    if (this.#isDone) return true;
    const times = this.#times;
    return runIn(
      this.#queue.wait(() => this.#isDone || this.#times !== times, timeoutMs),
      context,
    );
  }
}

/** A subscriber's lock inside a driver's: taken after it, given back before it. */
export class NestedLock implements DriverLock {
  readonly #outer: DriverLock;
  readonly #inner: DriverLock;

  constructor(outer: DriverLock, inner: DriverLock) {
    this.#outer = outer;
    this.#inner = inner;
  }

  tryLock(): boolean {
    if (!this.#outer.tryLock()) return false;
    if (this.#inner.tryLock()) return true;
    this.#outer.unlock();
    return false;
  }

  lock(signal?: AbortSignal): MaybePromise<void> {
    const outer = this.#outer.lock(signal);
    return isPromise(outer) ? outer.then(() => this.#lockInner(signal)) : this.#lockInner(signal);
  }

  lockSync(): void {
    this.#outer.lockSync();
    try {
      this.#inner.lockSync();
    } catch (error) {
      this.#outer.unlock();
      throw error;
    }
  }

  unlock(): void {
    this.#inner.unlock();
    this.#outer.unlock();
  }

  #lockInner(signal: AbortSignal | undefined): MaybePromise<void> {
    const inner = this.#inner.lock(signal);
    return isPromise(inner) ? inner.catch((error) => this.#giveUp(error)) : inner;
  }

  #giveUp(error: unknown): never {
    this.#outer.unlock();
    throw error;
  }
}
