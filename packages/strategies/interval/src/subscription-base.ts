/**
 * What a subscriber's handle does alike in one event loop and in words: it publishes under the driver's lock, and it closes.
 *
 * 1. The lock is held from the decision to the end of `install`, also when that is a promise.
 * 2. A close takes the subscription out at once, then waits for whoever may be calling it yet, then for the driver's lock, which a
 *    callback whose start was given up and a publication on its way still hold.
 */
import {
  abortable,
  callbackAsync,
  checkSpan,
  isPromise,
  NotifierError,
  type DriverLock,
  type MaybePromise,
  type Seq,
  type Span,
  type Subscription,
} from '@mmu-notifier/core';
import { mightSleep } from '@mmu-notifier/sync';
import type { Binding } from './binding.ts';
import { refuseReleased } from './refusals.ts';

/** See the file's head. */
export abstract class SubscriptionBase implements Subscription {
  readonly lock: DriverLock;
  #start = 0;
  #end = 0;
  /** Inserted, and not closed. */
  #isOpen = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  readonly #locksItself: boolean;

  /** @internal */
  constructor({ lock, locksItself }: Binding) {
    this.lock = lock;
    this.#locksItself = locksItself;
  }

  abstract readBegin(signal?: AbortSignal): MaybePromise<Seq>;
  abstract readBeginSync(): Seq;
  abstract checkRetry(seq: Seq): boolean;
  abstract readRetry(seq: Seq): boolean;
  protected abstract isReleased(): boolean;
  /** @throws NotifierError `MMN_RELEASED`, `MMN_INSERTED` */
  protected abstract insertAt(span: Span): void;
  /** Whether others may be calling it yet: then `free` comes after `untilUncalled`, or its other form. */
  protected abstract remove(): boolean;
  protected abstract untilUncalled(): Promise<void>;
  protected abstract untilUncalledSync(): void;
  /** Nobody knows it any more. */
  protected abstract free(): void;
  protected abstract refuseInCallback(what: string): void;

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Inserts a prepared subscription. Never waits, so it serves a caller that holds locks as well as one that does
   * not. When it throws, the subscription is as before: closing it is harmless. (U-8)
   *
   * Linux: mmu_interval_notifier_insert and …_insert_locked.
   *
   * @throws NotifierError `MMN_ADDRESS`, `MMN_RANGE_EMPTY`, `MMN_RANGE_INVERTED`, `MMN_RELEASED`, `MMN_CLOSED`,
   *   `MMN_INSERTED`
   */
  insert(span: Span): void {
    if (this.#isClosed) this.refuseNotOpen();
    checkSpan(span, 'span');
    this.insertAt(span);
    this.adopt(span);
  }

  /** @internal it is inserted at this span, by `insert` or by another agent */
  adopt(span: Span): void {
    this.#start = span.start;
    this.#end = span.end;
    this.#isOpen = true;
  }

  publish(seq: Seq, install: () => unknown, signal?: AbortSignal): MaybePromise<boolean> {
    if (!this.#isOpen) this.refuseNotOpen();
    const waited = this.lock.lock(signal);
    if (waited !== undefined) return this.#publishLater(waited, seq, install);
    return this.#publishLocked(seq, install);
  }

  publishSync(seq: Seq, install: () => unknown): boolean {
    if (!this.#isOpen) this.refuseNotOpen();
    this.lock.lockSync();
    const published = this.#publishLocked(seq, install);
    if (isPromise(published)) throw callbackAsync(published);
    return published;
  }

  /**
   * See the contract. Beyond it: also waits for a callback whose start was given up, and for a publication that is on
   * its way, since both hold the driver's lock. So do not call it with that lock held.
   */
  close(signal?: AbortSignal): MaybePromise<void> {
    this.refuseInCallback('close');
    if (!this.#isClosed) {
      mightSleep('close');
      if (!this.#take() && this.#isQuiet()) return this.free();
      this.#closing = this.#closeLater();
    }
    return abortable(this.#closing, signal);
  }

  closeSync(): void {
    this.refuseInCallback('close');
    const isFirst = !this.#isClosed;
    if (!isFirst && this.#closing === undefined) return;
    mightSleep('closeSync');
    if (isFirst) this.#take();
    try {
      this.#waitToCloseSync();
    } catch (error) {
      if (isFirst) {
        this.#closing = this.#closeLater();
        this.#closing.catch(() => {}); // who closes again is told
      }
      throw error;
    }
    if (isFirst) this.free();
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Whether nobody holds the driver's lock. A driver that locks for itself looks after its own callbacks. */
  #isQuiet(): boolean {
    if (this.#locksItself) return true;
    try {
      if (!this.lock.tryLock()) return false;
    } catch {
      return false; // its holder has died: who waits for the lock is told
    }
    this.lock.unlock();
    return true;
  }

  async #closeLater(): Promise<void> {
    await this.untilUncalled();
    if (!this.#isQuiet()) {
      await this.lock.lock();
      this.lock.unlock();
    }
    this.free();
    this.#closing = undefined;
  }

  #waitToCloseSync(): void {
    this.untilUncalledSync();
    if (this.#isQuiet()) return;
    this.lock.lockSync();
    this.lock.unlock();
  }

  /** Whether somebody else may be calling it yet. */
  #take(): boolean {
    this.#isOpen = false;
    this.#isClosed = true;
    return this.remove();
  }

  async #publishLater(waited: Promise<void>, seq: Seq, install: () => unknown): Promise<boolean> {
    await waited;
    if (!this.#isOpen) {
      this.lock.unlock();
      this.refuseNotOpen();
    }
    return this.#publishLocked(seq, install);
  }

  /** Decides and installs, with the lock held; unlocks when that is over. */
  #publishLocked(seq: Seq, install: () => unknown): MaybePromise<boolean> {
    const { lock } = this;
    const collided = this.readRetry(seq);
    let installed: unknown = undefined;
    try {
      if (!collided) installed = install();
    } catch (error) {
      lock.unlock();
      throw error;
    }
    if (isPromise(installed)) return this.#unlockAfter(installed);
    lock.unlock();
    return collided ? this.#refuse() : true;
  }

  async #unlockAfter(installed: Promise<unknown>): Promise<true> {
    try {
      await installed;
      return true;
    } finally {
      this.lock.unlock();
    }
  }

  /** A refused publication: `false`, or an error if it can never succeed again. */
  #refuse(): false {
    if (this.isReleased()) refuseReleased();
    return false;
  }

  protected refuseNotOpen(): never {
    const came = this.#isClosed ? 'a closed one' : 'one that is not inserted';
    throw new NotifierError('MMN_CLOSED', `expected an open subscription, got ${came}`);
  }
}
