/**
 * A driver's registration, as the contract's subscription.
 *
 * 1. Faults: `readBegin` is the scheme's `begin`; `publish` takes `lock`, asks the scheme's `collided`, and installs.
 *    A scheme that has no way to notice a collision has no `collided`, and publishes always.
 * 2. Sections: the driver's callbacks call `tearDown` for each registration that they find.
 * 3. Closing: first nobody can use it any more, then the driver lets go of it (`detach`), then callbacks and
 *    publications that are on their way end. Nobody is called after that, whatever a section still has in its hands.
 */
import {
  abortable,
  callbackAsync,
  deferred,
  isPromise,
  NotifierError,
  runSteps,
  runStepsSync,
  type Deferred,
  type DriverLock,
  type InvalidationRange,
  type MaybePromise,
  type Seq,
  type Span,
  type Steps,
  type Subscription,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import type { Driver, DriverMm } from './driver-notifier.ts';
import { lockIn } from './driver-locks.ts';
import { blocking, plain, type CallContext } from './ops.ts';

/** What `subscribe` was given, checked, and where. */
export interface SubscriptionInit {
  readonly span: Span;
  readonly ops: SubscriptionOps;
  readonly cookie: number;
  readonly mm: DriverMm;
  /** Whose it is, and who lets go of it when it closes. */
  readonly driver: Driver;
}

/** See the file's head. */
export abstract class DriverSubscription implements Subscription {
  readonly start: number;
  readonly end: number;
  readonly cookie: number;
  readonly ops: SubscriptionOps;
  readonly mm: DriverMm;
  /** What `publish` takes: the driver's lock, with the subscriber's inside it if both have one. */
  protected abstract readonly lock: DriverLock;
  /** What `tearDown` takes: the same, but for what the driver's callback holds already. */
  protected abstract readonly callbackLock: DriverLock | undefined;
  readonly #driver: Driver;
  #isOpen = true;
  /** The driver let go of it. */
  #isGone = false;
  #isClosed = false;
  #closing: MaybePromise<void> | undefined;
  /** Callbacks, and first passes whose second is due. */
  #calls = 0;
  #uncalled: Deferred<void> | undefined;
  /** An asynchronous install, which holds the lock. Never rejects. */
  #publication: Promise<unknown> | undefined;

  constructor({ span, ops, cookie, mm, driver }: SubscriptionInit) {
    this.start = span.start;
    this.end = span.end;
    this.ops = ops;
    this.cookie = cookie;
    this.mm = mm;
    this.#driver = driver;
  }

  // What a scheme supplies.

  /** A fault begins. May wait; it is looked at again afterwards whether the subscription is still open. */
  protected abstract begin(context: CallContext): MaybePromise<Seq>;

  /** With `lock` held: whether what was read since `begin` is refused. Default: never. */
  protected collided(_seq: Seq): boolean {
    return false;
  }

  /** With `lock` held, right after `install` has run. */
  protected published(_seq: Seq): void {}

  /**
   * With `callbackLock` held: calls the subscriber; `false` if it would block. A scheme that has a part of its own in
   * tearing down does it here, around `super`, and may name a larger range than the section's, if what it gives up
   * is more.
   */
  protected callInvalidate(range: InvalidationRange): MaybePromise<boolean | void> {
    return this.#call(() => this.ops.invalidate(range, this.cookie));
  }

  /** Closed, or never attached: nobody uses it any more, so it may give back its words. */
  freed(): void {}

  /** See the contract: `true` is certain. Default: no hint. */
  protected isHopeless(_seq: Seq): boolean {
    return false;
  }

  // The fault's side.

  get isOpen(): boolean {
    return this.#isOpen;
  }

  readBegin(signal?: AbortSignal): MaybePromise<Seq> {
    this.#check();
    return this.#begun(this.begin(plain(signal)));
  }

  readBeginSync(): Seq {
    this.#check();
    return this.#begun(this.begin(blocking)) as Seq;
  }

  checkRetry(seq: Seq): boolean {
    return !this.#isOpen || this.mm.isReleased || this.isHopeless(seq);
  }

  publish(seq: Seq, install: () => unknown, signal?: AbortSignal): MaybePromise<boolean> {
    this.mm.refuseInCallback('publish');
    this.#check();
    const locked = this.lock.lock(signal);
    return isPromise(locked)
      ? locked.then(() => this.#publish(seq, install, false))
      : this.#publish(seq, install, false);
  }

  publishSync(seq: Seq, install: () => unknown): boolean {
    this.mm.refuseInCallback('publishSync');
    this.#check();
    this.lock.lockSync();
    return this.#publish(seq, install, true) as boolean;
  }

  /** See the contract. Beyond it: also waits for a publication that is on its way. */
  close(signal?: AbortSignal): MaybePromise<void> {
    this.mm.refuseInCallback('close');
    this.#isOpen = false;
    if (this.#isClosed) return undefined;
    this.#closing ??= runSteps(this.#close(plain()));
    return abortable(this.#closing, signal);
  }

  /** @throws NotifierError also `MMN_WOULD_BLOCK`; then it is closing, and `close` can be called to wait */
  closeSync(): void {
    this.mm.refuseInCallback('closeSync');
    this.#isOpen = false;
    if (!this.#isClosed) runStepsSync(this.#close(blocking));
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // The section's side: for the driver's callbacks.

  /**
   * Calls the subscriber, with `callbackLock`; `false` if it would block. Rejects or throws what the callback does.
   * Whoever calls it for several goes on with the others: see `DriverCallbacks.tearDownEach`.
   */
  tearDown(range: InvalidationRange, context: CallContext): MaybePromise<boolean> {
    return this.#isGone ? true : this.#held(() => this.#lockAndCall(range, context));
  }

  /** Its second pass, without a lock. */
  finish(range: InvalidationRange): MaybePromise<void> {
    return this.#held(() => this.#call(() => this.ops.finish?.(range, this.cookie)));
  }

  /** The address space is gone for it. */
  release(): MaybePromise<void> {
    return this.#held(() => this.#call(() => this.ops.release?.(this.cookie)));
  }

  /** Keeps `close` waiting until as many `unhold`. */
  hold(): void {
    this.#calls++;
  }

  unhold(): void {
    this.#calls--;
    if (this.#calls > 0) return;
    this.#uncalled?.resolve();
    this.#uncalled = undefined;
  }

  #begun(seq: MaybePromise<Seq>): MaybePromise<Seq> {
    if (!isPromise(seq)) return seq;
    return seq.then((value) => {
      this.#check();
      return value;
    });
  }

  /** With the lock held; gives it back. A release marks first and tears down under this lock after. */
  #publish(seq: Seq, install: () => unknown, isSync: boolean): MaybePromise<boolean> {
    let isInstalling = false;
    try {
      this.#check();
      if (this.collided(seq)) return false;
      const installed = install();
      if (!isPromise(installed)) {
        this.published(seq);
        return true;
      }
      isInstalling = true;
      const published = this.#unlockAfter(seq, installed);
      this.#publication = published.catch(() => {});
      if (isSync) throw callbackAsync(published);
      return published;
    } finally {
      if (!isInstalling) this.lock.unlock();
    }
  }

  async #unlockAfter(seq: Seq, installed: Promise<unknown>): Promise<true> {
    try {
      await installed;
      this.published(seq);
      return true;
    } finally {
      this.#publication = undefined;
      this.lock.unlock();
    }
  }

  *#close(context: CallContext): Steps<void> {
    yield* this.#driver.detach(this, context) ?? [];
    this.#isGone = true;
    const isBusy = this.#calls > 0 || this.#publication !== undefined;
    if (isBusy && context.isSync) {
      throw new NotifierError(
        'MMN_WOULD_BLOCK',
        'expected no callback or install on its way, which a blocked thread never ends, got one',
      );
    }
    yield this.#publication;
    if (this.#calls > 0) yield (this.#uncalled ??= deferred()).promise;
    this.#isClosed = true;
    this.freed();
  }

  #lockAndCall(range: InvalidationRange, context: CallContext): MaybePromise<boolean> {
    const lock = this.callbackLock;
    if (lock === undefined) return this.#invalidate(range, undefined);
    if (!range.blockable) return lock.tryLock() && this.#invalidate(range, lock);
    const locked = lockIn(lock, context);
    return isPromise(locked)
      ? locked.then(() => this.#invalidate(range, lock))
      : this.#invalidate(range, lock);
  }

  /** With `lock` held, if any; gives it back when the callback is over. */
  #invalidate(range: InvalidationRange, lock: DriverLock | undefined): MaybePromise<boolean> {
    let result: MaybePromise<boolean | void>;
    try {
      result = this.callInvalidate(range);
    } catch (error) {
      lock?.unlock();
      throw error;
    }
    if (isPromise(result)) {
      return result.then((outcome) => outcome !== false).finally(() => lock?.unlock());
    }
    lock?.unlock();
    return result !== false;
  }

  /** Calls the subscriber, so that what must not be called in a callback knows that it is in one. */
  #call<T>(callback: () => MaybePromise<T>): MaybePromise<T> {
    this.mm.domain.callbackDepth++;
    try {
      return callback();
    } finally {
      this.mm.domain.callbackDepth--;
    }
  }

  /** Keeps `close` waiting until `work` is over, also its lock given back. */
  #held<T>(work: () => MaybePromise<T>): MaybePromise<T> {
    let result: MaybePromise<T>;
    this.hold();
    try {
      result = work();
    } catch (error) {
      this.unhold();
      throw error;
    }
    if (isPromise(result)) return result.finally(() => this.unhold());
    this.unhold();
    return result;
  }

  #check(): void {
    if (!this.#isOpen) {
      throw new NotifierError('MMN_CLOSED', 'expected an open subscription, got a closed one');
    }
    this.mm.refuseReleased();
  }
}
