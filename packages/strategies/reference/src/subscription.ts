/** A subscriber's handle of the reference notifier. Its state is in the region; this is the view of who made it. */
import {
  abortable,
  callbackAsync,
  isPromise,
  NotifierError,
  type DriverLock,
  type MaybePromise,
  type Seq,
  type Span,
  type Subscription,
} from '@mmu-notifier/core';
import { mightSleep, run, runSync } from '@mmu-notifier/sync';
import type { ReferenceNotifier } from './notifier.ts';
import { waitToClose, waitToRead } from './waits.ts';

/** See the contract's `Subscription`. */
export class ReferenceSubscription implements Subscription {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly lock: DriverLock;
  readonly #notifier: ReferenceNotifier;
  #isOpen = true;
  /** Its record may belong to another one. */
  #isFree = false;
  #closing: Promise<void> | undefined;

  /** @internal use `subscribe` */
  constructor(notifier: ReferenceNotifier, id: number, span: Span, lock: DriverLock) {
    this.#notifier = notifier;
    this.lock = lock;
    this.id = id;
    this.start = span.start;
    this.end = span.end;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  readBegin(signal?: AbortSignal): MaybePromise<Seq> {
    const seq = this.#read();
    if (seq >= 0) return seq as Seq;
    mightSleep('readBegin');
    return run(waitToRead(this.#notifier.state, this.id), signal);
  }

  readBeginSync(): Seq {
    const seq = this.#read();
    return seq >= 0 ? (seq as Seq) : runSync(waitToRead(this.#notifier.state, this.id));
  }

  checkRetry(seq: Seq): boolean {
    return this.#notifier.state.seqOf(this.id) !== seq;
  }

  publish(seq: Seq, install: () => unknown, signal?: AbortSignal): MaybePromise<boolean> {
    this.#refuseClosed();
    const waited = this.lock.lock(signal);
    if (waited !== undefined) return this.#publishLater(waited, seq, install);
    return this.#publishLocked(seq, install);
  }

  publishSync(seq: Seq, install: () => unknown): boolean {
    this.#refuseClosed();
    this.lock.lockSync();
    const published = this.#publishLocked(seq, install);
    if (isPromise(published)) throw callbackAsync(published);
    return published;
  }

  /** See the contract. Also waits for a publication that is on its way. */
  close(signal?: AbortSignal): MaybePromise<void> {
    this.#notifier.refuseInCallback('close');
    mightSleep('close');
    if (this.#isClosed()) return undefined;
    this.#closing ??= this.#closeLater();
    return abortable(this.#closing, signal);
  }

  closeSync(): void {
    this.#notifier.refuseInCallback('close');
    mightSleep('closeSync');
    if (this.#isClosed()) return;
    try {
      runSync(waitToClose(this.#notifier.state, () => this.#isOver()));
    } catch (error) {
      this.#closing ??= this.#closeLater();
      this.#closing.catch(() => {}); // who closes again is told
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Begins to close, if that has not happened; whether it is over at once. */
  #isClosed(): boolean {
    if (this.#isOpen) this.#notifier.state.beginClose(this.id);
    this.#isOpen = false;
    return this.#isOver();
  }

  #isOver(): boolean {
    if (this.#isFree) return true;
    if (!this.#notifier.state.endClose(this.id)) return false;
    this.#notifier.forget(this.id);
    this.#isFree = true;
    return true;
  }

  #closeLater(): Promise<void> {
    return run(waitToClose(this.#notifier.state, () => this.#isOver()));
  }

  #read(): number {
    this.#refuseClosed();
    return this.#notifier.state.read(this.id);
  }

  async #publishLater(waited: Promise<void>, seq: Seq, install: () => unknown): Promise<boolean> {
    return this.#whileHeld(async () => {
      await waited;
      if (!this.#isOpen) this.lock.unlock();
      this.#refuseClosed();
      return this.#publishLocked(seq, install);
    });
  }

  /** Decides and installs, with the lock held; unlocks when that is over. After release it throws. */
  #publishLocked(seq: Seq, install: () => unknown): MaybePromise<boolean> {
    let installed: unknown = undefined;
    let collided = false;
    try {
      collided = this.#notifier.state.read(this.id) !== seq;
      if (!collided) installed = install();
    } catch (error) {
      this.lock.unlock();
      throw error;
    }
    if (isPromise(installed)) return this.#unlockAfter(installed);
    this.lock.unlock();
    return !collided;
  }

  #unlockAfter(installed: Promise<unknown>): Promise<boolean> {
    return this.#whileHeld(async () => {
      try {
        await installed;
        return true;
      } finally {
        this.lock.unlock();
      }
    });
  }

  /** Keeps the record from being freed until the work is over. */
  async #whileHeld<T>(work: () => Promise<T>): Promise<T> {
    const { state } = this.#notifier;
    state.hold(this.id);
    try {
      return await work();
    } finally {
      state.drop(this.id);
    }
  }

  #refuseClosed(): void {
    if (this.#isOpen) return;
    throw new NotifierError('MMN_CLOSED', 'expected an open subscription, got a closed one');
  }
}
