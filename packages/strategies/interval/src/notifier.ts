/**
 * The unified notifier: opens a section, walks over the subscriptions that it hits (walk.ts), ends it.
 *
 * 1. The interval tree, both its passes, comes before a carried legacy list, in start and in end.
 * 2. A start that fails, in the tree or in the list, undoes what it did before it returns.            [N4] (U-7)
 */
import {
  addressMax,
  checkSpan,
  NotifierError,
  runSteps,
  runStepsSync,
  SectionTable,
  type ComposableNotifier,
  type Invalidation,
  type MaybePromise,
  type Notifier,
  type RangeToInvalidate,
  type Section,
  type SectionExclusion,
  type Span,
  type Steps,
  type SubscribeOptions,
  type Traits,
} from '@mmu-notifier/core';
import { nonBlockEnd, nonBlockStart, run, runSync } from '@mmu-notifier/sync';
import { Bindings, type IntervalOps } from './binding.ts';
import type { Memory } from './layout.ts';
import { checkCookie, refuseToVerify } from './refusals.ts';
import { Attempts, tellOfRelease } from './release.ts';
import { IntervalSubscription } from './subscription.ts';
import type { Transitions } from './transitions.ts';
import type { Variant } from './variant.ts';
import { waitForIdle } from './waits.ts';
import { releaseNote, Walk } from './walk.ts';

/** What a notifier checks itself with, where that is wanted. */
export interface Checks {
  /** Called while nobody else is at work. @throws InvariantError */
  verify(state: Transitions): void;
}

const releaseRange = { start: 0, end: addressMax, event: 'RELEASE' } as const;

/** See the contract's `Notifier`. `L` is the legacy notifier that it carries, if any. */
export class IntervalNotifier<
  L extends ComposableNotifier | undefined = ComposableNotifier | undefined,
>
  implements Notifier, SectionExclusion
{
  declare readonly traits: Traits;
  /** The legacy list in the same address space: register with it directly. */
  declare readonly legacy: L;
  /** @internal */
  declare readonly state: Transitions;
  /** @internal */
  declare readonly isV1: boolean;
  readonly #sections = new SectionTable();
  readonly #bindings: Bindings;
  readonly #walk: Walk;
  readonly #checks: Checks | undefined;
  /** Ends of sections that the tree has seen and the list has not. */
  #listEnds = 0;

  /** @internal use `interval.create` and `interval.attach` */
  constructor(
    memory: Memory,
    variant: Variant,
    legacy: (exclusion: IntervalNotifier) => L,
    checks: Checks | undefined,
  ) {
    this.state = variant.createState(memory);
    this.traits = variant.traits;
    this.isV1 = variant.traits.variant === 'v1';
    this.#checks = checks;
    this.#bindings = new Bindings(this.state.region);
    this.#walk = new Walk(this.state, this.#bindings, this.isV1);
    this.legacy = legacy(this);
  }

  /** The words it lives in: what another agent attaches to. */
  get memory(): ArrayBufferLike {
    return this.state.region.memory;
  }

  invalidateRangeStart(range: RangeToInvalidate, signal?: AbortSignal): MaybePromise<Invalidation> {
    const section = this.#sections.open(range, true);
    const first = this.#begin(section);
    if (first < 0 && !this.#hasLegacy()) return section.handle as Invalidation;
    return this.#startHit(section, first, signal);
  }

  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation {
    const section = this.#sections.open(range, true);
    const first = this.#begin(section);
    try {
      void this.#walk.run(section, first, 'sync', undefined);
      if (this.#hasLegacy()) section.inner = this.legacy!.invalidateRangeStartSync(section);
    } catch (error) {
      this.#end(section);
      throw error;
    }
    return section.handle as Invalidation;
  }

  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined {
    const section = this.#sections.open(range, false);
    const first = this.#begin(section);
    let isRefused: boolean;
    nonBlockStart();
    try {
      isRefused = this.#walk.run(section, first, 'try', undefined) === false;
      if (!isRefused && this.#hasLegacy()) {
        const inner = this.legacy!.tryInvalidateRangeStart(section);
        section.inner = inner ?? 0;
        if (inner === undefined) {
          if (this.isV1) {
            // U-7: the list refused, the tree's part stays open, and no end is due: active leaks.
            this.#sections.close(section);
            return undefined;
          }
          isRefused = true;
        }
      }
    } catch (error) {
      this.#end(section);
      throw error;
    } finally {
      nonBlockEnd();
    }
    if (!isRefused) return section.handle as Invalidation;
    this.#end(section);
    return undefined;
  }

  invalidateRangeEnd(invalidation: Invalidation): MaybePromise<void> {
    const inner = this.#end(this.#sections.find(invalidation));
    return inner === 0 ? undefined : runSteps(this.#endOfList(inner, 'plain'));
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    const inner = this.#end(this.#sections.find(invalidation));
    if (inner !== 0) runStepsSync(this.#endOfList(inner, 'sync'));
  }

  async release(signal?: AbortSignal): Promise<void> {
    this.refuseInCallback('release');
    await runSteps(this.#release('plain', signal));
  }

  releaseSync(): void {
    this.refuseInCallback('release');
    runStepsSync(this.#release('sync', undefined));
  }

  /** Never waits, so it also serves a caller that holds locks (Linux: mmu_interval_notifier_insert_locked). */
  subscribe(
    span: Span,
    ops: IntervalOps | number,
    options: SubscribeOptions = {},
  ): IntervalSubscription {
    checkSpan(span, 'span');
    const subscription = this.prepare(ops, options);
    try {
      subscription.insert(span);
    } catch (error) {
      this.forget(subscription.id);
      throw error;
    }
    return subscription;
  }

  subscribeSync(
    span: Span,
    ops: IntervalOps | number,
    options: SubscribeOptions = {},
  ): IntervalSubscription {
    return this.subscribe(span, ops, options);
  }

  /**
   * A subscription that is not inserted yet: its `insert` may fail, its `close` is harmless all the same.
   *
   * @throws NotifierError `MMN_OUT_OF_CAPACITY`, `MMN_OPS_UNKNOWN`, `MMN_OPTION`
   */
  prepare(ops: IntervalOps | number, options: SubscribeOptions = {}): IntervalSubscription {
    const { cookie = 0 } = options;
    checkCookie(cookie);
    const table = this.#bindings.resolve(ops);
    const opsId = typeof ops === 'number' ? ops : -1;
    const id = this.state.slab.allocate(opsId, cookie);
    const binding = this.#bindings.bind(id, table, opsId);
    return new IntervalSubscription(this, id, binding);
  }

  /**
   * A subscription that another agent made, by its `id`, which its owner passes on in its own way. One agent closes it,
   * when the others have stopped using it: a number is used again.
   *
   * @throws NotifierError `MMN_CLOSED` when nobody has that number now, `MMN_OPS_UNKNOWN`
   */
  subscriptionAt(id: number): IntervalSubscription {
    const span = this.state.spanOf(id);
    if (span === undefined) {
      throw new NotifierError(
        'MMN_CLOSED',
        `expected the id of an open subscription, got ${String(id)}`,
      );
    }
    const subscription = new IntervalSubscription(this, id, this.#bindings.of(id));
    subscription.adopt(span);
    return subscription;
  }

  registerOps(id: number, ops: IntervalOps): void {
    this.#bindings.register(id, ops);
  }

  whenIdle(runOnce: () => void, signal?: AbortSignal): MaybePromise<void> {
    const runIfIdle = (): boolean => this.#runIfIdle(runOnce);
    return runIfIdle() ? undefined : run(waitForIdle(this.state, runIfIdle), signal);
  }

  whenIdleSync(runOnce: () => void): void {
    const runIfIdle = (): boolean => this.#runIfIdle(runOnce);
    if (!runIfIdle()) runSync(waitForIdle(this.state, runIfIdle));
  }

  /** @throws NotifierError `MMN_OPTION` unless its strategy came with the checks; InvariantError */
  verify(): void {
    if (this.#checks === undefined) refuseToVerify();
    this.#checks.verify(this.state);
    this.legacy?.verify();
  }

  /** @internal what must not be called in a callback: it would wait for the callback's own section */
  refuseInCallback(what: string): void {
    this.#bindings.refuseInCallback(what);
  }

  /** @internal gives a closed subscription's record back */
  forget(id: number): void {
    this.#bindings.forget(id);
    this.state.slab.free(id);
  }

  #hasLegacy(): boolean {
    return this.legacy !== undefined && this.legacy.hasSubscribers;
  }

  /** The rest of a plain start that has somebody to call. */
  #startHit(
    section: Section,
    first: number,
    signal: AbortSignal | undefined,
  ): MaybePromise<Invalidation> {
    let walked: MaybePromise<boolean>;
    try {
      walked = this.#walk.run(section, first, 'plain', signal);
    } catch (error) {
      this.#end(section);
      throw error;
    }
    if (walked === true && !this.#hasLegacy()) return section.handle as Invalidation;
    return runSteps(this.#startOn(section, walked, signal));
  }

  /** What has to be waited for, and the list. */
  *#startOn(
    section: Section,
    walked: MaybePromise<boolean>,
    signal: AbortSignal | undefined,
  ): Steps<Invalidation> {
    try {
      yield walked;
      if (this.#hasLegacy()) {
        section.inner = (yield this.legacy!.invalidateRangeStart(section, signal)) as number;
      }
    } catch (error) {
      this.#end(section);
      throw error;
    }
    return section.handle as Invalidation;
  }

  /** Opens the tree's part; gives the handle back when that fails. */
  #begin(section: Section): number {
    try {
      return this.state.start(section);
    } catch (error) {
      this.#sections.close(section);
      throw error;
    }
  }

  /** Ends the tree's part and gives the handle back; returns the handle of the list's part, or 0. */
  #end(section: Section): number {
    const { inner } = section;
    this.#sections.close(section);
    if (this.state.end(section)) this.state.seqQueue.wakeAll();
    if (this.legacy !== undefined && inner === 0) this.state.idleQueue.wakeAll();
    return inner;
  }

  /** The section is over for the tree but not for the list: who registers now would see an end without its start. */
  *#endOfList(inner: number, mode: 'plain' | 'sync'): Steps<void> {
    const legacy = this.legacy!;
    this.#listEnds++;
    try {
      if (mode === 'sync') legacy.invalidateRangeEndSync(inner as Invalidation);
      else yield legacy.invalidateRangeEnd(inner as Invalidation);
    } finally {
      this.#listEnds--;
      this.state.idleQueue.wakeAll();
    }
  }

  #runIfIdle(runOnce: () => void): boolean {
    return this.#listEnds === 0 && this.state.runIfIdle(runOnce);
  }

  /** See release.ts. The tree comes first here too. */
  *#release(mode: 'plain' | 'sync', signal: AbortSignal | undefined): Steps<void> {
    const section = this.#sections.open(releaseRange, true);
    section.note = releaseNote;
    let handles: number[];
    try {
      handles = this.state.startRelease(section);
    } catch (error) {
      this.#sections.close(section);
      throw error;
    }
    const { state, legacy } = this;
    const parts = { state, bindings: this.#bindings, walk: this.#walk, mode, signal };
    const attempts = new Attempts(signal);
    // U-3: v1 tells the tree once for itself and once more on the way to a list that is not empty.
    const times = this.isV1 && this.#hasLegacy() ? 2 : 1;
    try {
      yield* tellOfRelease(parts, section, { handles, times }, attempts);
    } finally {
      this.#end(section);
    }
    if (legacy !== undefined) {
      yield* attempts.run(() => (mode === 'sync' ? legacy.releaseSync() : legacy.release(signal)));
    }
    attempts.throwFirst();
  }
}
