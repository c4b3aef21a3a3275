/** A subscriber's handle of the unified notifier. All its state is in the region; this is one agent's view. */
import {
  abortable,
  checkSpan,
  NotifierError,
  type DriverLock,
  type MaybePromise,
  type Seq,
  type Span,
  type Subscription,
} from '@mmu-notifier/core';
import { mightSleep, run, runSync } from '@mmu-notifier/sync';
import type { IntervalNotifier } from './notifier.ts';
import { waitToClose, waitToRead } from './waits.ts';

/** See the contract's `Subscription`; `readRetry`, `setSeq` and `insert` are the kernel-level calls beside it. */
export class IntervalSubscription implements Subscription {
  /** The number of its record: another agent opens the same subscription with `notifier.subscriptionAt(id)`. */
  readonly id: number;
  readonly lock: DriverLock;
  #start = 0;
  #end = 0;
  #isOpen = true;
  #closing: Promise<void> | undefined;
  readonly #notifier: IntervalNotifier;

  /** @internal use `subscribe`, `prepare` or `subscriptionAt` */
  constructor(notifier: IntervalNotifier, id: number, lock: DriverLock) {
    this.#notifier = notifier;
    this.id = id;
    this.lock = lock;
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
   * @throws NotifierError `MMN_ADDRESS`, `MMN_RANGE_EMPTY`, `MMN_RANGE_INVERTED`, `MMN_RELEASED`, `MMN_CLOSED`
   */
  insert(span: Span): void {
    if (!this.#isOpen) this.#refuseClosed();
    checkSpan(span, 'span');
    const notifier = this.#notifier;
    notifier.state.insert(this.id, span.start, span.end - 1, notifier.isV1);
    this.#start = span.start;
    this.#end = span.end;
  }

  /** @internal the span of a subscription that another agent inserted */
  adopt(span: Span): void {
    this.#start = span.start;
    this.#end = span.end;
  }

  readBegin(signal?: AbortSignal): MaybePromise<Seq> {
    const seq = this.#loadSeq();
    const { state } = this.#notifier;
    if (state.seqDiffers(seq | 0)) return seq;
    return this.#waitToRead(seq, signal);
  }

  readBeginSync(): Seq {
    const seq = this.#loadSeq();
    const { state } = this.#notifier;
    if (!state.seqDiffers(seq | 0)) runSync(waitToRead(state, seq | 0));
    return seq;
  }

  checkRetry(seq: Seq): boolean {
    return this.#notifier.state.loadSeqLow(this.id) !== (seq | 0);
  }

  /**
   * Whether the read that began with `seq` collided. Reliable only with the driver's lock held; then `false`
   * lasts until it is released. Linux: mmu_interval_read_retry.
   */
  readRetry(seq: Seq): boolean {
    return this.#notifier.state.seqOf(this.id) !== seq;
  }

  /**
   * Notes a hit, as a callback with `locking: 'driver'` must, under the driver's lock, before it returns.
   * Linux: mmu_interval_set_seq.
   */
  setSeq(): void {
    this.#notifier.state.setSeq(this.id);
  }

  publish(
    seq: Seq,
    install: () => MaybePromise<void>,
    signal?: AbortSignal,
  ): MaybePromise<boolean> {
    if (!this.#isOpen) this.#refuseClosed();
    const { lock } = this;
    const waited = lock.lock(signal);
    if (waited !== undefined) return this.#publishLater(waited, seq, install);
    const collided = this.readRetry(seq);
    let installed: MaybePromise<void> = undefined;
    try {
      if (!collided) installed = install();
    } catch (error) {
      lock.unlock();
      throw error;
    }
    if (installed !== undefined) return this.#unlockAfter(installed);
    lock.unlock();
    return collided ? this.#refuse() : true;
  }

  publishSync(seq: Seq, install: () => void): boolean {
    if (!this.#isOpen) this.#refuseClosed();
    const { lock } = this;
    lock.lockSync();
    const collided = this.readRetry(seq);
    try {
      if (!collided) install();
    } finally {
      lock.unlock();
    }
    return collided ? this.#refuse() : true;
  }

  close(signal?: AbortSignal): MaybePromise<void> {
    this.#notifier.refuseInCallback('close');
    if (!this.#isOpen) return this.#closing;
    mightSleep('close');
    const waitFor = this.#remove();
    if (waitFor === 0) return this.#free();
    this.#closing = this.#closeLater(waitFor);
    return signal === undefined ? this.#closing : abortable(this.#closing, signal);
  }

  closeSync(): void {
    this.#notifier.refuseInCallback('close');
    if (!this.#isOpen) return;
    mightSleep('closeSync');
    const waitFor = this.#remove();
    const { state, isV1 } = this.#notifier;
    if (waitFor !== 0) runSync(waitToClose(state, waitFor, isV1));
    this.#free();
  }

  #remove(): number {
    this.#isOpen = false;
    return this.#notifier.state.remove(this.id, this.#notifier.isV1);
  }

  #free(): void {
    this.#notifier.forget(this.id);
  }

  async #closeLater(waitFor: number): Promise<void> {
    const { state, isV1 } = this.#notifier;
    await run(waitToClose(state, waitFor, isV1));
    this.#free();
    this.#closing = undefined;
  }

  #loadSeq(): Seq {
    if (!this.#isOpen) this.#refuseClosed();
    const seq = this.#notifier.state.loadSeq(this.id);
    if (seq < 0) this.#refuseReleased();
    return seq;
  }

  async #waitToRead(seq: Seq, signal: AbortSignal | undefined): Promise<Seq> {
    mightSleep('readBegin');
    await run(waitToRead(this.#notifier.state, seq | 0), signal);
    return seq;
  }

  async #publishLater(
    waited: Promise<void>,
    seq: Seq,
    install: () => MaybePromise<void>,
  ): Promise<boolean> {
    await waited;
    const collided = this.readRetry(seq);
    try {
      if (!collided) await install();
    } finally {
      this.lock.unlock();
    }
    return collided ? this.#refuse() : true;
  }

  async #unlockAfter(installed: Promise<void>): Promise<true> {
    try {
      await installed;
      return true;
    } finally {
      this.lock.unlock();
    }
  }

  /** A refused publication: `false`, or an error if it can never succeed again. */
  #refuse(): false {
    if (this.#notifier.state.loadSeq(this.id) < 0) this.#refuseReleased();
    return false;
  }

  #refuseReleased(): never {
    throw new NotifierError('MMN_RELEASED', 'expected an address space in use, got a released one');
  }

  #refuseClosed(): never {
    throw new NotifierError('MMN_CLOSED', 'expected an open subscription, got a closed one');
  }
}
