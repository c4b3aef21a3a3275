/** A subscriber's handle of the unified notifier. All its state is in the region; this is one agent's view. */
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
import { mightSleep, run, runSync } from '@mmu-notifier/sync';
import type { Binding } from './binding.ts';
import type { IntervalNotifier } from './notifier.ts';
import { refuseReleased } from './transitions.ts';

/** See the contract's `Subscription`; `readRetry`, `setSeq` and `insert` are the kernel-level calls beside it. */
export class IntervalSubscription implements Subscription {
  /** The number of its record: another agent opens the same subscription with `notifier.subscriptionAt(id)`. */
  readonly id: number;
  readonly lock: DriverLock;
  #start = 0;
  #end = 0;
  /** Inserted, and not closed. */
  #isOpen = false;
  #isClosed = false;
  /** The epoch that its closing waits for, or 0. */
  #lastEpoch = 0;
  #closing: Promise<void> | undefined;
  readonly #notifier: IntervalNotifier;
  readonly #locksItself: boolean;

  /** @internal use `subscribe`, `prepare` or `subscriptionAt` */
  constructor(notifier: IntervalNotifier, id: number, binding: Binding) {
    this.#notifier = notifier;
    this.id = id;
    this.lock = binding.lock;
    this.#locksItself = binding.locksItself;
  }

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
    if (this.#isClosed) this.#refuseNotOpen();
    checkSpan(span, 'span');
    const notifier = this.#notifier;
    notifier.state.insert(this.id, span.start, span.end - 1, notifier.isV1);
    this.adopt(span);
  }

  /** @internal it is inserted at this span, by `insert` or by another agent */
  adopt(span: Span): void {
    this.#start = span.start;
    this.#end = span.end;
    this.#isOpen = true;
  }

  readBegin(signal?: AbortSignal): MaybePromise<Seq> {
    const seq = this.#loadSeq();
    const { state } = this.#notifier;
    if (!state.isBusy(this.id, seq)) return seq;
    mightSleep('readBegin');
    return run(state.waitToRead(this.id, seq), signal);
  }

  readBeginSync(): Seq {
    const seq = this.#loadSeq();
    const { state } = this.#notifier;
    return state.isBusy(this.id, seq) ? runSync(state.waitToRead(this.id, seq)) : seq;
  }

  checkRetry(seq: Seq): boolean {
    return this.#notifier.state.loadSeqLow(this.id) !== (seq | 0);
  }

  /**
   * Whether the read that began with `seq` collided. Reliable only with the driver's lock held; then `false`
   * lasts until it is released. Linux: mmu_interval_read_retry.
   */
  readRetry(seq: Seq): boolean {
    const { state, isV1 } = this.#notifier;
    // v1: READ_ONCE, since the core writes the number without the driver's lock.
    return (isV1 ? state.loadSeq(this.id) : state.seqOf(this.id)) !== seq;
  }

  /**
   * Notes a hit, as a callback with `locking: 'driver'` must, under the driver's lock, before it returns.
   * Linux: mmu_interval_set_seq.
   *
   * @throws NotifierError `MMN_NOT_OPEN` when no section is open that could have called it: an even seq would make its
   *   readers wait for an epoch that nobody ends
   */
  setSeq(): void {
    const { state } = this.#notifier;
    if (!state.isFull) {
      throw new NotifierError(
        'MMN_NOT_OPEN',
        'expected setSeq to be called in invalidate, got no section open',
      );
    }
    state.setSeq(this.id);
  }

  publish(seq: Seq, install: () => unknown, signal?: AbortSignal): MaybePromise<boolean> {
    if (!this.#isOpen) this.#refuseNotOpen();
    const waited = this.lock.lock(signal);
    if (waited !== undefined) return this.#publishLater(waited, seq, install);
    return this.#publishLocked(seq, install);
  }

  publishSync(seq: Seq, install: () => unknown): boolean {
    if (!this.#isOpen) this.#refuseNotOpen();
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
    this.#notifier.refuseInCallback('close');
    if (!this.#isClosed) {
      mightSleep('close');
      this.#remove();
      if (this.#lastEpoch === 0 && this.#isQuiet()) return this.#free();
      this.#closing = this.#closeLater();
    }
    return abortable(this.#closing, signal);
  }

  closeSync(): void {
    this.#notifier.refuseInCallback('close');
    const isFirst = !this.#isClosed;
    if (!isFirst && this.#closing === undefined) return;
    mightSleep('closeSync');
    if (isFirst) this.#remove();
    try {
      this.#waitToCloseSync();
    } catch (error) {
      if (isFirst) {
        this.#closing = this.#closeLater();
        this.#closing.catch(() => {}); // who closes again is told
      }
      throw error;
    }
    if (isFirst) this.#free();
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #remove(): void {
    const { state, isV1 } = this.#notifier;
    this.#isOpen = false;
    this.#isClosed = true;
    this.#lastEpoch = state.remove(this.id, isV1);
  }

  #free(): void {
    this.#notifier.forget(this.id);
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
    const { state, isV1 } = this.#notifier;
    if (this.#lastEpoch !== 0) await run(state.waitToClose(this.id, this.#lastEpoch, isV1));
    if (!this.#isQuiet()) {
      await this.lock.lock();
      this.lock.unlock();
    }
    this.#free();
    this.#closing = undefined;
  }

  #waitToCloseSync(): void {
    const { state, isV1 } = this.#notifier;
    if (this.#lastEpoch !== 0) runSync(state.waitToClose(this.id, this.#lastEpoch, isV1));
    if (this.#isQuiet()) return;
    this.lock.lockSync();
    this.lock.unlock();
  }

  #loadSeq(): Seq {
    if (!this.#isOpen) this.#refuseNotOpen();
    const seq = this.#notifier.state.loadSeq(this.id);
    if (seq < 0) refuseReleased();
    return seq;
  }

  async #publishLater(waited: Promise<void>, seq: Seq, install: () => unknown): Promise<boolean> {
    await waited;
    if (!this.#isOpen) {
      this.lock.unlock();
      this.#refuseNotOpen();
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
    if (this.#notifier.state.loadSeq(this.id) < 0) refuseReleased();
    return false;
  }

  #refuseNotOpen(): never {
    const came = this.#isClosed ? 'a closed one' : 'one that is not inserted';
    throw new NotifierError('MMN_CLOSED', `expected an open subscription, got ${came}`);
  }
}
