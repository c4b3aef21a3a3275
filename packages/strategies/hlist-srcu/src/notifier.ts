/**
 * The legacy notifier of one address space: a list of ops tables, all of which are called for every event.
 *
 * 1. Sections are counted from before the first start callback until after the last end callback; a subscriber joins
 *    only while none is open. Newer sections are not held back by one who waits to join: nested starts never block.
 * 2. A start that fails, is refused or is aborted is closed before it returns, and whoever had been told of it is
 *    told of its end (variant `v5.3`: not after a refusal, L-2).
 * 3. `unregister`, `close` and `release` wait for a grace period after the node is unlinked: when they return, no
 *    callback runs. `put` does not wait: the node is freed after one.
 *
 * Source: Linux mm/mmu_notifier.c, v5.3; get, put and the context rules v5.4; pairing c2655835fd8c (v5.12).
 */
import {
  callbackRefused,
  checkSpan,
  NotifierError,
  runSteps,
  runStepsSync,
  SectionTable,
  type ComposableNotifier,
  type Invalidation,
  type MaybePromise,
  type RangeToInvalidate,
  type Section,
  type SectionExclusion,
  type Span,
  type Steps,
  type SubscribeOptions,
  type SubscriptionOps,
  type Traits,
} from '@mmu-notifier/core';
import { mightSleep, type Region } from '@mmu-notifier/sync';
import {
  callAtomically,
  changePte,
  checkAddress,
  clearFlushYoung,
  clearYoung,
  invalidateRange,
  testYoung,
} from './atomic.ts';
import { blocking, plain, type CallContext, type LegacyOps } from './ops.ts';
import type { Registration } from './registration.ts';
import { Subscribers } from './subscribers.ts';
import { releaseRange, type HlistSubscription } from './subscription.ts';
import { Transitions } from './transitions.ts';
import { verify } from './verify.ts';
import {
  endPlan,
  onlyEndPlan,
  releasePlan,
  startPlan,
  unpairedStartPlan,
  Walk,
  type Plan,
  type SrcuDomain,
} from './walk.ts';

/** What a notifier is made of. */
export interface HlistParts {
  readonly region: Region;
  readonly isGrowable: boolean;
  readonly traits: Traits;
  readonly domain: SrcuDomain;
  readonly exclusion: SectionExclusion | undefined;
}

/** See the contract's `Notifier`, and the file's head. */
export class HlistNotifier implements ComposableNotifier {
  readonly traits: Traits;
  readonly #state: Transitions;
  readonly #subscribers: Subscribers;
  readonly #startPlan: Plan;
  readonly #sections = new SectionTable();
  readonly #walks: Walk[] = [];

  /** @internal use `hlistSrcu.create` and `hlistSrcu.attach` */
  constructor({ region, isGrowable, traits, domain, exclusion }: HlistParts) {
    this.traits = traits;
    this.#state = new Transitions(region, isGrowable);
    this.#subscribers = new Subscribers(this.#state, domain, exclusion);
    this.#startPlan = traits.variant === 'v5.3' ? unpairedStartPlan : startPlan;
  }

  /** The words it lives in: what another agent attaches to. */
  get memory(): ArrayBufferLike {
    return this.#state.region.memory;
  }

  get hasSubscribers(): boolean {
    return this.#state.first !== 0;
  }

  // The mm's side: sections.

  invalidateRangeStart(range: RangeToInvalidate, signal?: AbortSignal): MaybePromise<Invalidation> {
    mightSleep('invalidateRangeStart');
    return this.#start(range, true, plain(signal)) as MaybePromise<Invalidation>;
  }

  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation {
    mightSleep('invalidateRangeStartSync');
    return this.#start(range, true, blocking) as Invalidation;
  }

  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined {
    return this.#start(range, false, blocking) as Invalidation | undefined;
  }

  /** @throws NotifierError also `MMN_CALLBACK_FAILED`, `MMN_CALLBACK_ASYNC`; the section is ended all the same */
  invalidateRangeEnd(invalidation: Invalidation): MaybePromise<void> {
    return this.#end(invalidation, endPlan, plain());
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    void this.#end(invalidation, endPlan, blocking);
  }

  /** An end without `invalidateRange`: the raiser called that where it changed the entries. */
  invalidateRangeOnlyEnd(invalidation: Invalidation): MaybePromise<void> {
    return this.#end(invalidation, onlyEndPlan, plain());
  }

  invalidateRangeOnlyEndSync(invalidation: Invalidation): void {
    void this.#end(invalidation, onlyEndPlan, blocking);
  }

  // The mm's side: operations under a page-table lock. None waits. All call every subscriber, and then throw
  // `MMN_CALLBACK_FAILED` or `MMN_CALLBACK_ASYNC` if one of them misbehaved.

  /** Asks and clears the accessed bits, with a flush; returns whether any was set. */
  clearFlushYoung(range: Span): boolean {
    checkSpan(range, 'range');
    return callAtomically(this.#subscribers, clearFlushYoung, range.start, range.end);
  }

  /** The same without the promise to flush. */
  clearYoung(range: Span): boolean {
    checkSpan(range, 'range');
    return callAtomically(this.#subscribers, clearYoung, range.start, range.end);
  }

  /** Whether anybody accessed the page at `address`; stops at the first who did. */
  testYoung(address: number): boolean {
    checkAddress(address);
    return callAtomically(this.#subscribers, testYoung, address, 0, true);
  }

  /** The entry at `address` becomes `pte`, within an open section of the caller's. */
  changePte(address: number, pte: number): void {
    checkAddress(address);
    callAtomically(this.#subscribers, changePte, address, pte);
  }

  /** The entries of the range, a part of an open section's, are cleared. */
  invalidateRange(range: Span): void {
    checkSpan(range, 'range');
    callAtomically(this.#subscribers, invalidateRange, range.start, range.end);
  }

  /**
   * See the contract. An abort stops the waiting only: every subscriber is called all the same.
   *
   * @throws NotifierError `MMN_IN_CALLBACK`, `MMN_RELEASED`, `MMN_CALLBACK_FAILED`, `MMN_CALLBACK_ASYNC`
   */
  release(signal?: AbortSignal): MaybePromise<void> {
    this.#beginRelease('release');
    return runSteps(this.#release(plain(signal)));
  }

  releaseSync(): void {
    this.#beginRelease('releaseSync');
    runStepsSync(this.#release(blocking));
  }

  // Subscribers: the contract's.

  /** See the contract. Waits for a moment without an open section. */
  subscribe(
    span: Span,
    ops: SubscriptionOps | number,
    options?: SubscribeOptions,
  ): MaybePromise<HlistSubscription> {
    return this.#subscribers.subscribe(span, ops, options, false);
  }

  subscribeSync(
    span: Span,
    ops: SubscriptionOps | number,
    options?: SubscribeOptions,
  ): HlistSubscription {
    return this.#subscribers.subscribe(span, ops, options, true) as HlistSubscription;
  }

  /** Takes both kinds: a table with `invalidate` is for `subscribe`, any other for `register` and `get`. */
  registerOps(id: number, ops: SubscriptionOps | LegacyOps): void {
    this.#subscribers.registerOps(id, ops);
  }

  // Subscribers: the kernel's.

  /**
   * Lists a subscriber. Waits for a moment without an open section, so that it sees no end without its start; an
   * abort meanwhile is the kernel's -EINTR (L-3): nothing has changed, try again. Linux: mmu_notifier_register.
   *
   * @param ops the table; in shared memory the id that it has in every agent that invalidates
   * @throws NotifierError `MMN_RELEASED`, `MMN_OUT_OF_CAPACITY`, `MMN_OPS_UNKNOWN`, `MMN_OPTION`
   */
  register(ops: LegacyOps | number, options?: SubscribeOptions): MaybePromise<Registration> {
    return this.#subscribers.register(ops, options, false);
  }

  registerSync(ops: LegacyOps | number, options?: SubscribeOptions): Registration {
    return this.#subscribers.register(ops, options, true) as Registration;
  }

  /**
   * Calls `release` if it still is listed, unlinks it and waits for a grace period: then no callback runs and none
   * will. Again is harmless. Linux: mmu_notifier_unregister.
   *
   * @throws NotifierError `MMN_IN_CALLBACK`, `MMN_CALLBACK_FAILED`; `MMN_OPTION` for one made by `get`
   */
  unregister(registration: Registration, signal?: AbortSignal): MaybePromise<void> {
    this.#subscribers.checkLeave(registration, 'unregister');
    return runSteps(this.#subscribers.leave(registration, plain(signal), true));
  }

  unregisterSync(registration: Registration): void {
    this.#subscribers.checkLeave(registration, 'unregisterSync');
    runStepsSync(this.#subscribers.leave(registration, blocking, true));
  }

  /**
   * The subscriber with these ops, with a reference more; if there is none, `ops.alloc` makes one. Every `get` is
   * paired with a `put`. Does not find what `register` made. Linux: mmu_notifier_get, v5.4.
   *
   * @throws NotifierError as `register`, and `MMN_CALLBACK_FAILED` when `alloc` failed
   */
  get(ops: LegacyOps | number, signal?: AbortSignal): MaybePromise<Registration> {
    return runSteps(this.#subscribers.get(ops, plain(signal)));
  }

  getSync(ops: LegacyOps | number): Registration {
    return runStepsSync(this.#subscribers.get(ops, blocking));
  }

  /**
   * Drops a reference; with the last, `ops.free` runs after a grace period. Never waits and may be called in a
   * callback. Does not call `release`: drop the secondary mappings before. Linux: mmu_notifier_put, v5.4.
   *
   * @throws NotifierError `MMN_CLOSED` without a reference; `MMN_OPTION` for one made by `register`
   */
  put(registration: Registration): void {
    this.#subscribers.put(registration);
  }

  /** Waits until whatever this agent put is freed. Linux: mmu_notifier_synchronize, for a module's exit. */
  synchronize(): MaybePromise<void> {
    return this.#subscribers.domain.srcu.barrier();
  }

  verify(): void {
    verify(this.#state, this.#startPlan.undoesRefused === true);
  }

  #start(
    range: RangeToInvalidate,
    blockable: boolean,
    context: CallContext,
  ): MaybePromise<Invalidation | undefined> {
    const section = this.#sections.open(range, blockable);
    this.#state.openSection();
    if (this.#state.first === 0) return section.handle as Invalidation;
    const walk = this.#takeWalk();
    const walked = walk.run(this.#startPlan, section, context);
    return walked === undefined
      ? this.#started(walk, section)
      : walked.then(() => this.#started(walk, section));
  }

  #started(walk: Walk, section: Section): Invalidation | undefined {
    const { failure, isRefused } = walk;
    if (failure === undefined && !isRefused) {
      this.#walks.push(walk);
      return section.handle as Invalidation;
    }
    this.#close(section, walk);
    if (failure !== undefined) throw failure.reason;
    if (section.blockable) throw callbackRefused();
    return undefined;
  }

  #end(invalidation: Invalidation, plan: Plan, context: CallContext): MaybePromise<void> {
    const section = this.#sections.find(invalidation);
    if (section.note === ending) {
      throw new NotifierError('MMN_NOT_OPEN', 'expected an open section, got one that is ending');
    }
    if (!this.#state.hasEnds) {
      this.#sections.close(section);
      return this.#state.closeSection();
    }
    section.note = ending;
    const walk = this.#takeWalk();
    const walked = walk.run(plan, section, context);
    return walked === undefined
      ? this.#ended(walk, section)
      : walked.then(() => this.#ended(walk, section));
  }

  #ended(walk: Walk, section: Section): void {
    const { failure } = walk;
    this.#close(section, walk);
    if (failure !== undefined) throw failure.reason;
  }

  /** The section is over for everybody but a callback that was left behind, which still reads its range. */
  #close(section: Section, walk: Walk): void {
    if (walk.isAlone) {
      this.#walks.push(walk);
      this.#sections.close(section);
    } else {
      walk.whenAlone(() => this.#sections.close(section));
    }
    this.#state.closeSection();
  }

  #takeWalk(): Walk {
    return this.#walks.pop() ?? new Walk(this.#subscribers);
  }

  #beginRelease(what: string): void {
    this.#subscribers.refuseInCallback(what);
    mightSleep(what);
    this.#state.markReleased();
  }

  *#release(context: CallContext): Steps<void> {
    const walk = new Walk(this.#subscribers);
    yield walk.run(releasePlan, releaseRange, context);
    this.#state.unlinkAll();
    yield this.#subscribers.gracePeriod(context); // for a `release` that an unregister is running
    if (walk.failure !== undefined) throw walk.failure.reason;
  }
}

/** `Section.note` while the end's callbacks run. */
const ending = 1;
