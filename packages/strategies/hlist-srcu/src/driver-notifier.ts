/**
 * A driver in an address space, as the contract's notifier: the mm's side goes to the legacy list, as in Linux the
 * core knows nothing of drivers; subscribing goes to the driver.
 *
 * Several drivers of one address space stand on one list: `create({ beside })`. Each has a notifier, and sections
 * raised through any of them reach all.
 */
import {
  checkSpan,
  isPromise,
  NotifierError,
  OpsRegistry,
  runSteps,
  runStepsSync,
  type Invalidation,
  type MaybePromise,
  type Notifier,
  type RangeToInvalidate,
  type Span,
  type Steps,
  type SubscribeOptions,
  type SubscriptionOps,
  type Traits,
} from '@mmu-notifier/core';
import type { DriverSubscription, SubscriptionInit } from './driver-subscription.ts';
import type { HlistNotifier } from './notifier.ts';
import { blocking, plain, type CallContext } from './ops.ts';
import type { SrcuDomain } from './walk.ts';

/** What a scheme supplies for an address space. */
export interface Driver<S extends DriverSubscription = DriverSubscription> {
  /** Makes its object for a registration. Never waits. */
  createSubscription(init: SubscriptionInit): S;
  /**
   * Registers: when it is over, sections find it. Returns steps if it may wait. If it throws, nothing is left of it.
   */
  attach(subscription: S, context: CallContext): Steps<void> | void;
  /**
   * Lets go of it: when it is over, sections do not find it any more. Returns steps if it may wait. It may be run
   * again after it threw, which it does only in a `…Sync` form.
   */
  detach(subscription: S, context: CallContext): Steps<void> | void;
  /** Throws InvariantError. */
  verify?(): void;
}

/** An address space, as its drivers see it. */
export class DriverMm {
  readonly list: HlistNotifier;
  readonly domain: SrcuDomain;
  isReleased = false;

  constructor(list: HlistNotifier, domain: SrcuDomain) {
    this.list = list;
    this.domain = domain;
  }

  /** For what must not be called in a callback: it would wait for the callback's own section. */
  refuseInCallback(what: string): void {
    if (this.domain.callbackDepth === 0) return;
    throw new NotifierError(
      'MMN_IN_CALLBACK',
      `expected ${what} to be called outside of callbacks, got called in one`,
    );
  }

  refuseReleased(): void {
    if (!this.isReleased) return;
    throw new NotifierError('MMN_RELEASED', 'expected an address space in use, got a released one');
  }
}

/** See the file's head, and the contract's `Notifier`. */
export class DriverNotifier<S extends DriverSubscription = DriverSubscription> implements Notifier {
  readonly traits: Traits;
  readonly mm: DriverMm;
  /** The scheme's own object, for its own tests. */
  readonly driver: Driver<S>;
  readonly #registry = new OpsRegistry();

  /** @internal use a strategy's `create` */
  constructor(traits: Traits, mm: DriverMm, driver: Driver<S>) {
    this.traits = traits;
    this.mm = mm;
    this.driver = driver;
  }

  /** The legacy list that it stands on: where other subscribers of the address space register. */
  get list(): HlistNotifier {
    return this.mm.list;
  }

  invalidateRangeStart(range: RangeToInvalidate, signal?: AbortSignal): MaybePromise<Invalidation> {
    return this.list.invalidateRangeStart(range, signal);
  }

  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation {
    return this.list.invalidateRangeStartSync(range);
  }

  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined {
    return this.list.tryInvalidateRangeStart(range);
  }

  invalidateRangeEnd(invalidation: Invalidation): MaybePromise<void> {
    return this.list.invalidateRangeEnd(invalidation);
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    this.list.invalidateRangeEndSync(invalidation);
  }

  release(signal?: AbortSignal): MaybePromise<void> {
    this.#beginRelease('release');
    return this.list.release(signal);
  }

  releaseSync(): void {
    this.#beginRelease('releaseSync');
    this.list.releaseSync();
  }

  subscribe(
    span: Span,
    ops: SubscriptionOps | number,
    options?: SubscribeOptions,
  ): MaybePromise<S> {
    return runSteps(this.#subscribe(this.#create(span, ops, options), plain(options?.signal)));
  }

  subscribeSync(span: Span, ops: SubscriptionOps | number, options?: SubscribeOptions): S {
    return runStepsSync(this.#subscribe(this.#create(span, ops, options), blocking));
  }

  registerOps(id: number, ops: SubscriptionOps): void {
    this.#registry.register(id, ops);
  }

  verify(): void {
    this.list.verify();
    this.driver.verify?.();
  }

  #create(span: Span, ops: SubscriptionOps | number, options: SubscribeOptions = {}): S {
    checkSpan(span, 'span');
    const { cookie = 0 } = options;
    if ((cookie | 0) !== cookie) {
      throw new NotifierError(
        'MMN_OPTION',
        `expected cookie to be a 32-bit integer, got ${String(cookie)}`,
      );
    }
    const table = this.#registry.resolve(ops, false);
    this.mm.refuseReleased();
    const { mm, driver } = this;
    return driver.createSubscription({ span, ops: table, cookie, mm, driver });
  }

  *#subscribe(subscription: S, context: CallContext): Steps<S> {
    try {
      yield* this.driver.attach(subscription, context) ?? [];
    } catch (error) {
      subscription.freed();
      throw error;
    }
    if (!this.mm.isReleased) return subscription;
    const closed = subscription.close();
    if (isPromise(closed)) yield closed;
    this.mm.refuseReleased();
    return subscription;
  }

  #beginRelease(what: string): void {
    this.mm.refuseInCallback(what);
    this.mm.refuseReleased();
    this.mm.isReleased = true;
  }
}
