/**
 * The contract on top of the legacy list: a subscription is a subscriber that does what KVM does.
 *
 * 1. Each start, wherever it is, takes the driver's lock, raises the count and tears down; the list cannot know
 *    ranges. Each end turns the seq and lowers the count. A reader publishes if the count is 0 and the seq its own.
 * 2. `SubscriptionCallbacks` runs on the agents that invalidate; `HlistSubscription` is the subscriber's handle.
 *    They share nothing but the node.
 *
 * Source: Linux virt/kvm/kvm_main.c, v5.3. The wait in readBegin and the owner filter are ours: KVM's fault spins.
 */
import {
  abortable,
  addressMax,
  callbackAsync,
  callbackRefused,
  isPromise,
  NotifierError,
  runSteps,
  runStepsSync,
  type DriverLock,
  type InvalidationRange,
  type MaybePromise,
  type Seq,
  type Span,
  type Steps,
  type Subscription,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import { mightSleep, Mutex, run, runSync } from '@mmu-notifier/sync';
import { Node, nodeAt } from './layout.ts';
import { blocking, plain, type CallContext, type LegacyOps } from './ops.ts';
import type { Registration } from './registration.ts';
import type { Transitions } from './transitions.ts';
import { waitForClosing } from './waits.ts';
import type { SrcuDomain, WalkHost } from './walk.ts';

/** What `invalidate` and `finish` receive when the address space dies. */
export const releaseRange: InvalidationRange = Object.freeze({
  start: 0,
  end: addressMax,
  event: 'RELEASE',
  blockable: true,
  owner: undefined,
});

/** The driver's lock of a subscription: its own, or the mutex in its node. */
export function lockOf(state: Transitions, node: number, ops: SubscriptionOps): DriverLock {
  return ops.lock ?? new Mutex(state.region, nodeAt(node) + Node.mutex, 'hlist subscription');
}

/** The legacy ops of one subscription in one agent. */
export class SubscriptionCallbacks implements LegacyOps {
  /** Only if there is something to finish: a walk without any skips its second pass. */
  invalidateRangeFinish?: NonNullable<LegacyOps['invalidateRangeFinish']>;
  readonly #state: Transitions;
  readonly #domain: SrcuDomain;
  readonly #node: number;
  readonly #ops: SubscriptionOps;
  readonly #cookie: number;
  readonly #lock: DriverLock;

  constructor({ state, domain }: WalkHost, node: number, ops: SubscriptionOps, cookie: number) {
    this.#state = state;
    this.#domain = domain;
    this.#node = node;
    this.#ops = ops;
    this.#cookie = cookie;
    this.#lock = lockOf(state, node, ops);
    if (ops.finish !== undefined || ops.release !== undefined) {
      this.invalidateRangeFinish = (range) => this.#finish(range);
    }
  }

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    if (this.#owns(range)) return true;
    if (!range.blockable) return this.#lock.tryLock() && this.#invalidate(range);
    const locked = context.isSync ? this.#lock.lockSync() : this.#lock.lock(context.signal);
    return isPromise(locked) ? locked.then(() => this.#invalidate(range)) : this.#invalidate(range);
  }

  invalidateRangeEnd(range: InvalidationRange): void {
    if (!this.#owns(range)) this.#state.lower(this.#node);
  }

  /** A section of its own. Readers who wait for others are told that there is nothing to wait for. */
  release(_cookie: number, context: CallContext): MaybePromise<void> {
    const started = this.invalidateRangeStart(releaseRange, 0, context);
    return isPromise(started)
      ? started.then((isTornDown) => this.#released(isTornDown))
      : this.#released(started);
  }

  /** With the driver's lock held; gives it back when the callback is over. */
  #invalidate(range: InvalidationRange): MaybePromise<boolean> {
    let result: MaybePromise<boolean | void>;
    this.#state.raise(this.#node);
    this.#domain.callbackDepth++;
    try {
      result = this.#ops.invalidate(range, this.#cookie);
    } catch (error) {
      return this.#failed(error);
    } finally {
      this.#domain.callbackDepth--;
    }
    if (!isPromise(result)) return this.#settled(result);
    return result.then(
      (outcome) => this.#settled(outcome),
      (error: unknown) => this.#failed(error),
    );
  }

  /** A refusal leaves the state as it was. [N2] */
  #settled(result: boolean | void): boolean {
    if (result === false) this.#state.cancel(this.#node);
    this.#lock.unlock();
    return result !== false;
  }

  /** What it tore down before it failed, nobody knows: readers start again. */
  #failed(error: unknown): never {
    this.#state.lower(this.#node);
    this.#lock.unlock();
    throw error;
  }

  #released(isTornDown: boolean): void {
    if (isTornDown) this.#state.lower(this.#node);
    this.#state.wakeReaders(this.#node);
    if (!isTornDown) throw callbackRefused();
  }

  #finish(range: InvalidationRange): MaybePromise<void> {
    if (this.#owns(range)) return undefined;
    const finished = this.#ops.finish?.(range, this.#cookie);
    if (range !== releaseRange) return finished;
    return isPromise(finished)
      ? finished.then(() => this.#ops.release?.(this.#cookie))
      : this.#ops.release?.(this.#cookie);
  }

  /** Whether the section is the subscriber's own doing. The same at start and end: neither side changes. */
  #owns(range: InvalidationRange): boolean {
    return (
      range.owner !== undefined &&
      range.owner === this.#ops.owner &&
      (range.event === 'MIGRATE' || range.event === 'EXCLUSIVE')
    );
  }
}

/** What a handle needs of its notifier. */
export interface SubscriptionHost extends WalkHost {
  refuseInCallback(what: string): void;
  leave(registration: Registration, context: CallContext, callsRelease: boolean): Steps<void>;
}

/** See the contract's `Subscription`. */
export class HlistSubscription implements Subscription {
  readonly start: number;
  readonly end: number;
  readonly #host: SubscriptionHost;
  readonly #state: Transitions;
  readonly #registration: Registration;
  readonly #node: number;
  readonly #lock: DriverLock;
  /** An asynchronous install, which holds the driver's lock. Never rejects. */
  #publication: Promise<unknown> | undefined;

  /** @internal use `subscribe` */
  constructor(host: SubscriptionHost, span: Span, registration: Registration, lock: DriverLock) {
    this.start = span.start;
    this.end = span.end;
    this.#host = host;
    this.#state = host.state;
    this.#registration = registration;
    this.#node = registration.node;
    this.#lock = lock;
  }

  get isOpen(): boolean {
    return this.#registration.isOpen;
  }

  readBegin(signal?: AbortSignal): MaybePromise<Seq> {
    this.#check();
    const seq = this.#state.seqOf(this.#node);
    return this.#state.isRaised(this.#node) ? this.#waitForClosing(signal) : seq;
  }

  readBeginSync(): Seq {
    this.#check();
    const seq = this.#state.seqOf(this.#node);
    if (!this.#state.isRaised(this.#node)) return seq;
    mightSleep('readBeginSync');
    runSync(waitForClosing(this.#state, this.#node, this.#isPointless));
    this.#check();
    return this.#state.seqOf(this.#node);
  }

  /** Looks at the seq alone: a count that is up may still be taken back without a change. */
  checkRetry(seq: Seq): boolean {
    return this.#isPointless() || this.#state.seqOf(this.#node) !== seq;
  }

  publish(seq: Seq, install: () => unknown, signal?: AbortSignal): MaybePromise<boolean> {
    this.#host.refuseInCallback('publish');
    this.#check();
    const locked = this.#lock.lock(signal);
    return isPromise(locked)
      ? locked.then(() => this.#publish(seq, install, false))
      : this.#publish(seq, install, false);
  }

  publishSync(seq: Seq, install: () => unknown): boolean {
    this.#host.refuseInCallback('publishSync');
    this.#check();
    this.#lock.lockSync();
    return this.#publish(seq, install, true) as boolean;
  }

  /** See the contract. Beyond it: also waits for a publication that is on its way. */
  close(signal?: AbortSignal): MaybePromise<void> {
    this.#host.refuseInCallback('close');
    return runSteps(this.#close(plain(signal)));
  }

  closeSync(): void {
    this.#host.refuseInCallback('closeSync');
    runStepsSync(this.#close(blocking));
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  *#close(context: CallContext): Steps<void> {
    yield* this.#host.leave(this.#registration, context, false);
    const publication = this.#publication;
    if (publication === undefined) return;
    if (context.isSync) {
      throw new NotifierError(
        'MMN_WOULD_BLOCK',
        'expected no asynchronous install on its way, which a blocked thread never ends, got one',
      );
    }
    yield abortable(publication, context.signal);
  }

  async #waitForClosing(signal: AbortSignal | undefined): Promise<Seq> {
    mightSleep('readBegin');
    await run(waitForClosing(this.#state, this.#node, this.#isPointless), signal);
    this.#check();
    return this.#state.seqOf(this.#node);
  }

  /** With the driver's lock held; gives it back. A release marks first and tears down under this lock after. */
  #publish(seq: Seq, install: () => unknown, isSync: boolean): MaybePromise<boolean> {
    let isInstalling = false;
    try {
      this.#check();
      if (this.#state.collided(this.#node, seq)) return false;
      const installed = install();
      if (!isPromise(installed)) return true;
      isInstalling = true;
      const published = this.#unlockAfter(installed);
      this.#publication = published.catch(() => {});
      if (isSync) throw callbackAsync(published);
      return published;
    } finally {
      if (!isInstalling) this.#lock.unlock();
    }
  }

  async #unlockAfter(installed: Promise<unknown>): Promise<true> {
    try {
      await installed;
      return true;
    } finally {
      this.#publication = undefined;
      this.#lock.unlock();
    }
  }

  readonly #isPointless = (): boolean => !this.#registration.isOpen || this.#state.isReleased;

  #check(): void {
    if (!this.#registration.isOpen) {
      throw new NotifierError('MMN_CLOSED', 'expected an open subscription, got a closed one');
    }
    if (this.#state.isReleased) {
      throw new NotifierError(
        'MMN_RELEASED',
        'expected an address space in use, got a released one',
      );
    }
  }
}
