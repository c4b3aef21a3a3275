/**
 * The unified notifier: finds the subscriptions that a section hits, and calls them.
 *
 * 1. The walk runs without a lock: the section that walks keeps the tree frozen (see transitions.ts).
 * 2. For each hit: the driver's lock (a non-blockable section only tries), the seq, `invalidate`, unlock. So a
 *    publication that follows sees the seq, and one that came first was torn down.
 * 3. `finish` runs in a second walk, when all `invalidate` have run, before the legacy list.
 * 4. The interval tree comes before a carried legacy list, in start and in end.
 * 5. A start that fails, in the tree or in the list, undoes what it did before it returns.            [N4] (U-7)
 */
import {
  abortable,
  addressMax,
  callbackAsync,
  callbackFailed,
  callbackRefused,
  checkSpan,
  isPromise,
  NotifierError,
  OpsRegistry,
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
import { mightSleep, Mutex, nonBlockEnd, nonBlockStart, run, runSync } from '@mmu-notifier/sync';
import { Binding, type IntervalOps } from './binding.ts';
import type { Memory } from './layout.ts';
import { IntervalSubscription } from './subscription.ts';
import { cookieAt, mutexAt, none, opsAt, Transitions } from './transitions.ts';
import { waitForIdle } from './waits.ts';

/** How a walk may wait: by promises, by blocking the thread, or not at all. */
type Mode = 'plain' | 'sync' | 'try';

const releaseRange = { start: 0, end: addressMax, event: 'RELEASE' } as const;

/** See the contract's `Notifier`. `L` is the legacy notifier that it carries, if any. */
export class IntervalNotifier<
  L extends ComposableNotifier | undefined = ComposableNotifier | undefined,
>
  implements Notifier, SectionExclusion
{
  readonly traits: Traits;
  /** The legacy list in the same address space: register with it directly. */
  readonly legacy: L;
  /** @internal */
  readonly state: Transitions;
  /** @internal */
  readonly isV1: boolean;
  readonly #sections = new SectionTable();
  readonly #bindings: (Binding | undefined)[] = [];
  readonly #registry = new OpsRegistry<IntervalOps>();
  #anyFinish = false;
  /** Callbacks of this agent that run synchronously right now. */
  #callbackDepth = 0;

  /** @internal use `interval.create` and `interval.attach` */
  constructor(memory: Memory, traits: Traits, legacy: (exclusion: SectionExclusion) => L) {
    this.state = new Transitions(memory);
    this.traits = traits;
    this.isV1 = traits.variant === 'v1';
    this.legacy = legacy(this);
  }

  /** The words it lives in: what another agent attaches to. */
  get memory(): ArrayBufferLike {
    return this.state.region.memory;
  }

  invalidateRangeStart(range: RangeToInvalidate, signal?: AbortSignal): MaybePromise<Invalidation> {
    const section = this.#sections.open(range, true);
    mightSleep('invalidateRangeStart');
    const first = this.state.start(section.start, section.end - 1);
    if (first === none && !this.#hasLegacy) return section.handle as Invalidation;
    try {
      const walked = this.#walk(section, first, 'plain', signal);
      if (walked !== true || this.#hasLegacy) return this.#startLater(section, walked, signal);
    } catch (error) {
      this.#undo(section);
      throw error;
    }
    return section.handle as Invalidation;
  }

  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation {
    const section = this.#sections.open(range, true);
    mightSleep('invalidateRangeStartSync');
    const first = this.state.start(section.start, section.end - 1);
    try {
      void this.#walk(section, first, 'sync', undefined);
      if (this.#hasLegacy) section.inner = this.legacy!.invalidateRangeStartSync(section);
    } catch (error) {
      this.#undo(section);
      throw error;
    }
    return section.handle as Invalidation;
  }

  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined {
    const section = this.#sections.open(range, false);
    const first = this.state.start(section.start, section.end - 1);
    let isRefused: boolean;
    nonBlockStart();
    try {
      isRefused = this.#walk(section, first, 'try', undefined) === false;
      if (!isRefused && this.#hasLegacy) {
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
      this.#undo(section);
      throw error;
    } finally {
      nonBlockEnd();
    }
    if (!isRefused) return section.handle as Invalidation;
    this.#undo(section);
    return undefined;
  }

  invalidateRangeEnd(invalidation: Invalidation): MaybePromise<void> {
    const inner = this.#end(this.#sections.find(invalidation));
    return inner === 0 ? undefined : this.legacy!.invalidateRangeEnd(inner as Invalidation);
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    const inner = this.#end(this.#sections.find(invalidation));
    if (inner !== 0) this.legacy!.invalidateRangeEndSync(inner as Invalidation);
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
    if ((cookie | 0) !== cookie) {
      throw new NotifierError(
        'MMN_OPTION',
        `expected cookie to be a 32-bit integer, got ${String(cookie)}`,
      );
    }
    const table = this.#registry.resolve(ops, this.state.region.shared);
    const opsId = typeof ops === 'number' ? ops : -1;
    const id = this.state.allocate(opsId, cookie);
    const binding = this.#bind(id, table, opsId);
    return new IntervalSubscription(this, id, binding.lock);
  }

  /** A subscription that another agent made, by its `id`; its owner passes it on in its own way. */
  subscriptionAt(id: number): IntervalSubscription {
    const binding = this.#bindingOf(id);
    const subscription = new IntervalSubscription(this, id, binding.lock);
    subscription.adopt(this.state.spanOf(id));
    return subscription;
  }

  registerOps(id: number, ops: IntervalOps): void {
    this.#registry.register(id, ops);
    if (ops.finish !== undefined) this.#anyFinish = true;
  }

  whenIdle(runOnce: () => void, signal?: AbortSignal): MaybePromise<void> {
    return this.state.runIfIdle(runOnce)
      ? undefined
      : run(waitForIdle(this.state, runOnce), signal);
  }

  whenIdleSync(runOnce: () => void): void {
    if (!this.state.runIfIdle(runOnce)) runSync(waitForIdle(this.state, runOnce));
  }

  verify(): void {
    this.state.verify();
    this.legacy?.verify();
  }

  /** @internal what must not be called in a callback: it would wait for the callback's own section */
  refuseInCallback(what: string): void {
    if (this.#callbackDepth === 0) return;
    throw new NotifierError(
      'MMN_IN_CALLBACK',
      `expected ${what} to be called outside of callbacks, got called in one`,
    );
  }

  /** @internal gives a closed subscription's record back */
  forget(id: number): void {
    this.#bindings[id] = undefined;
    this.state.free(id);
  }

  get #hasLegacy(): boolean {
    return this.legacy !== undefined && this.legacy.hasSubscribers;
  }

  /** Invalidates from `first` on. `false`: would block. A promise only in mode `plain`. */
  #walk(
    section: Section,
    first: number,
    mode: Mode,
    signal: AbortSignal | undefined,
  ): MaybePromise<boolean> {
    const last = section.end - 1;
    let failure: NotifierError | undefined;
    for (let handle = first; handle !== none;) {
      let invalidated: MaybePromise<boolean> = true;
      try {
        invalidated = this.#invalidate(section, handle, mode, signal);
      } catch (error) {
        failure ??= callbackFailed(error);
      }
      if (invalidated === false) {
        if (mode === 'try') {
          if (this.#anyFinish) runStepsSync(this.#finish(section, first, handle));
          return false;
        }
        failure ??= callbackRefused();
      } else if (invalidated !== true) {
        return runSteps(this.#walkOn(section, first, handle, invalidated, failure, signal));
      }
      handle = this.state.tree.next(handle, section.start, last);
    }
    if (this.#anyFinish && first !== none) {
      if (mode === 'plain') return runSteps(this.#finishOrThrow(section, first, failure, signal));
      runStepsSync(this.#finish(section, first, none));
    }
    if (failure !== undefined) throw failure;
    return true;
  }

  /** The rest of a plain walk, from a callback on that has to be waited for. */
  *#walkOn(
    section: Section,
    first: number,
    from: number,
    pending: Promise<boolean>,
    failed: NotifierError | undefined,
    signal: AbortSignal | undefined,
  ): Steps<boolean> {
    let failure = failed;
    let invalidated: MaybePromise<boolean> = pending;
    for (let handle = from; ;) {
      try {
        if ((yield abortable(invalidated, signal)) === false) failure ??= callbackRefused();
      } catch (error) {
        if (signal?.aborted === true && error === signal.reason) throw error;
        failure ??= callbackFailed(error);
      }
      handle = this.state.tree.next(handle, section.start, section.end - 1);
      if (handle === none) break;
      try {
        invalidated = this.#invalidate(section, handle, 'plain', signal);
      } catch (error) {
        invalidated = Promise.reject(error);
      }
    }
    return yield* this.#finishOrThrow(section, first, failure, signal);
  }

  *#finishOrThrow(
    section: Section,
    first: number,
    failure: NotifierError | undefined,
    signal: AbortSignal | undefined,
  ): Steps<true> {
    if (this.#anyFinish) yield* this.#finish(section, first, none, signal);
    if (failure !== undefined) throw failure;
    return true;
  }

  /** The second pass, from the first hit to `until`, in the order of the first. Runs all, then throws. */
  *#finish(section: Section, first: number, until: number, signal?: AbortSignal): Steps<void> {
    let failure: NotifierError | undefined;
    for (let handle = first; handle !== until;) {
      const { finish, ops } = this.#bindingOf(handle);
      if (finish !== undefined && !this.#bindingOf(handle).owns(section)) {
        try {
          yield abortable(
            this.#call(() => finish.call(ops, section, this.#cookieOf(handle))),
            signal,
          );
        } catch (error) {
          if (signal?.aborted === true && error === signal.reason) throw error;
          failure ??= callbackFailed(error);
        }
      }
      handle = this.state.tree.next(handle, section.start, section.end - 1);
    }
    if (failure !== undefined) throw failure;
  }

  /** One callback. `false`: it would block. Throws what it throws. */
  #invalidate(
    section: Section,
    handle: number,
    mode: Mode,
    signal: AbortSignal | undefined,
  ): MaybePromise<boolean> {
    const binding = this.#bindingOf(handle);
    if (binding.owns(section)) return true;
    // v1: by the core, before the callback and its lock, and not for a release. (U-1)
    if (this.isV1 && section.event !== 'RELEASE') this.state.setSeq(handle);
    if (binding.locksItself) return this.#invoke(section, handle, mode, binding, false);
    const { lock } = binding;
    if (mode === 'try') {
      if (!lock.tryLock()) return false;
    } else if (mode === 'sync') {
      lock.lockSync();
    } else {
      const waited = lock.lock(signal);
      if (waited !== undefined) return this.#invalidateLater(waited, section, handle, binding);
    }
    return this.#invoke(section, handle, mode, binding, true);
  }

  /** Sets the seq and calls `invalidate`; unlocks when that is over. */
  #invoke(
    section: Section,
    handle: number,
    mode: Mode,
    binding: Binding,
    isLocked: boolean,
  ): MaybePromise<boolean> {
    let result: MaybePromise<boolean | void>;
    this.#callbackDepth++;
    try {
      if (isLocked && !this.isV1) {
        if (section.event === 'RELEASE') this.state.setReleased(handle);
        else this.state.setSeq(handle);
      }
      result = binding.invalidate.call(binding.ops, section, this.#cookieOf(handle));
      if (isPromise(result) && mode !== 'plain') throw callbackAsync(result);
    } catch (error) {
      if (isLocked) binding.lock.unlock();
      throw error;
    } finally {
      this.#callbackDepth--;
    }
    if (isPromise(result)) return this.#settle(result, isLocked ? binding : undefined);
    if (isLocked) binding.lock.unlock();
    return result !== false;
  }

  async #invalidateLater(
    waited: Promise<void>,
    section: Section,
    handle: number,
    binding: Binding,
  ): Promise<boolean> {
    await waited;
    return this.#invoke(section, handle, 'plain', binding, true);
  }

  /** Holds the driver's lock until the callback is over, whether or not its section still waits for it. */
  async #settle(result: Promise<boolean | void>, locked: Binding | undefined): Promise<boolean> {
    try {
      return (await result) !== false;
    } finally {
      locked?.lock.unlock();
    }
  }

  async #startLater(
    section: Section,
    walked: MaybePromise<boolean>,
    signal: AbortSignal | undefined,
  ): Promise<Invalidation> {
    try {
      await walked;
      if (this.#hasLegacy) section.inner = await this.legacy!.invalidateRangeStart(section, signal);
    } catch (error) {
      this.#undo(section);
      throw error;
    }
    return section.handle as Invalidation;
  }

  /** Ends the tree's part and gives the handle back; returns the handle of the legacy part, or 0. */
  #end(section: Section): number {
    const { inner } = section;
    this.#sections.close(section);
    if (this.state.end()) this.state.seqQueue.wakeAll();
    if (this.legacy !== undefined) this.state.idleQueue.wakeAll();
    return inner;
  }

  #undo(section: Section): void {
    this.#end(section);
  }

  /** Calls every subscription once, whatever fails, and throws the first failure at the end. */
  *#release(mode: 'plain' | 'sync', signal: AbortSignal | undefined): Steps<void> {
    const handles = this.state.startRelease();
    const section = this.#sections.open(releaseRange, true);
    let failure: NotifierError | undefined;
    const attempt = function* (step: () => MaybePromise<unknown>): Steps<unknown> {
      try {
        return yield abortable(step(), signal);
      } catch (error) {
        if (signal?.aborted === true && error === signal.reason) throw error;
        failure ??= callbackFailed(error);
        return undefined;
      }
    };
    // U-3: v1 tells the tree once for itself and once more on the way to a list that is not empty.
    const times = this.isV1 && this.#hasLegacy ? 2 : 1;
    try {
      for (let time = 0; time < times; time++) {
        for (const handle of handles) {
          const went = yield* attempt(() => this.#invalidate(section, handle, mode, signal));
          if (went === false) failure ??= callbackRefused();
        }
      }
      for (const handle of handles) {
        const { finish, ops } = this.#bindingOf(handle);
        const cookie = this.#cookieOf(handle);
        yield* attempt(() => this.#call(() => finish?.call(ops, section, cookie)));
        yield* attempt(() => this.#call(() => ops.release?.(cookie)));
      }
    } finally {
      this.#end(section);
    }
    const { legacy } = this;
    if (legacy !== undefined) {
      yield* attempt(() => (mode === 'sync' ? legacy.releaseSync() : legacy.release(signal)));
    }
    if (failure !== undefined) throw failure;
  }

  #call<T>(callback: () => T): T {
    this.#callbackDepth++;
    try {
      return callback();
    } finally {
      this.#callbackDepth--;
    }
  }

  #cookieOf(handle: number): number {
    return this.state.region.words[cookieAt(handle)]!;
  }

  /** A subscription's binding; in shared memory made when first met, and again when its record changed hands. */
  #bindingOf(handle: number): Binding {
    const binding = this.#bindings[handle];
    const { region } = this.state;
    if (binding !== undefined && (!region.shared || binding.id === region.words[opsAt(handle)])) {
      return binding;
    }
    const id = region.words[opsAt(handle)]!;
    return this.#bind(handle, this.#registry.resolve(id, true), id);
  }

  #bind(handle: number, ops: IntervalOps, opsId: number): Binding {
    const { region } = this.state;
    const lock = new Mutex(region, mutexAt(handle), 'interval subscription');
    const binding = new Binding(ops, opsId, lock);
    if (ops.finish !== undefined) this.#anyFinish = true;
    this.#bindings[handle] = binding;
    return binding;
  }
}
