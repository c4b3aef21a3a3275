/**
 * The reference notifier: scans everything, takes one lock, and calls back without it.
 *
 * Every start is written once, as steps; its forms differ in how they wait. It is slow and obviously right.
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
  type DriverLock,
  type Invalidation,
  type MaybePromise,
  type Notifier,
  type RangeToInvalidate,
  type Section,
  type Span,
  type Steps,
  type SubscribeOptions,
  type SubscriptionOps,
  type Traits,
} from '@mmu-notifier/core';
import { mightSleep, Mutex, nonBlockEnd, nonBlockStart, type Region } from '@mmu-notifier/sync';
import { ReferenceSubscription } from './subscription.ts';
import { none, Transitions, wordsOf } from './transitions.ts';

/** How a section's callbacks may wait: by promises, by blocking the thread, or not at all. */
type Mode = 'plain' | 'sync' | 'try';

/** See the contract's `Notifier`. */
export class ReferenceNotifier implements Notifier {
  readonly traits: Traits;
  /** @internal */
  readonly state: Transitions;
  readonly #sections = new SectionTable();
  readonly #registry = new OpsRegistry();
  /** By subscription, in one event loop. */
  readonly #ops: SubscriptionOps[] = [];
  #callbackDepth = 0;

  /** @internal use `reference.create` and `reference.attach` */
  constructor(region: Region, growable: boolean, traits: Traits) {
    this.state = new Transitions(region, growable);
    this.traits = traits;
  }

  invalidateRangeStart(range: RangeToInvalidate, signal?: AbortSignal): MaybePromise<Invalidation> {
    const steps = this.#start(this.#open(range, true), 'plain', signal);
    return runSteps(steps) as MaybePromise<Invalidation>;
  }

  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation {
    return runStepsSync(this.#start(this.#open(range, true), 'sync')) as Invalidation;
  }

  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined {
    const section = this.#open(range, false);
    nonBlockStart();
    try {
      return runStepsSync(this.#start(section, 'try'));
    } finally {
      nonBlockEnd();
    }
  }

  invalidateRangeEnd(invalidation: Invalidation): void {
    this.#end(this.#sections.find(invalidation));
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    this.invalidateRangeEnd(invalidation);
  }

  async release(signal?: AbortSignal): Promise<void> {
    await runSteps(this.#release('plain', signal));
  }

  releaseSync(): void {
    runStepsSync(this.#release('sync'));
  }

  /** Never waits. */
  subscribe(
    span: Span,
    ops: SubscriptionOps | number,
    options: SubscribeOptions = {},
  ): ReferenceSubscription {
    checkSpan(span, 'span');
    const table = this.#registry.resolve(ops, this.state.region.shared);
    const id = this.state.subscribe(span, typeof ops === 'number' ? ops : 0, options.cookie ?? 0);
    this.#ops[id] = table;
    return new ReferenceSubscription(this, id, span, this.#lockOf(id, table));
  }

  subscribeSync(
    span: Span,
    ops: SubscriptionOps | number,
    options: SubscribeOptions = {},
  ): ReferenceSubscription {
    return this.subscribe(span, ops, options);
  }

  registerOps(id: number, ops: SubscriptionOps): void {
    this.#registry.register(id, ops);
  }

  verify(): void {
    this.state.verify();
  }

  /** @internal what must not be called in a callback: it would wait for the callback's own section */
  refuseInCallback(what: string): void {
    if (this.#callbackDepth === 0) return;
    throw new NotifierError(
      'MMN_IN_CALLBACK',
      `expected ${what} to be called outside of callbacks, got called in one`,
    );
  }

  #open(range: RangeToInvalidate, blockable: boolean): Section {
    if (blockable) mightSleep('invalidateRangeStart');
    const section = this.#sections.open(range, blockable);
    try {
      section.note = this.state.start(section);
    } catch (error) {
      this.#sections.close(section);
      throw error;
    }
    return section;
  }

  /** The first pass, then the second; `undefined` when somebody would block. What fails is undone. */
  *#start(section: Section, mode: Mode, signal?: AbortSignal): Steps<Invalidation | undefined> {
    const { note: slot } = section;
    let failure: NotifierError | undefined;
    let until = none;
    try {
      for (let id = this.state.next(none, slot); id !== none; id = this.state.next(id, slot)) {
        try {
          if ((yield* this.#invalidate(section, id, mode, signal)) !== false) continue;
          if (mode !== 'try') throw callbackRefused();
          until = id;
          break;
        } catch (error) {
          if (signal?.aborted === true && error === signal.reason) throw error;
          failure ??= callbackFailed(error);
        }
      }
      for (let id = this.state.next(none, slot); id !== until; id = this.state.next(id, slot)) {
        const ops = this.#opsOf(id);
        if (isOwn(section, ops)) continue;
        try {
          yield abortable(
            this.#call(() => ops.finish?.(section, this.#cookieOf(id))),
            signal,
          );
        } catch (error) {
          if (signal?.aborted === true && error === signal.reason) throw error;
          failure ??= callbackFailed(error);
        }
      }
      if (failure !== undefined) throw failure;
    } catch (error) {
      this.state.called(slot);
      this.#end(section);
      throw error;
    }
    this.state.called(slot);
    if (until === none) return section.handle as Invalidation;
    this.#end(section);
    return undefined;
  }

  /** One callback under the driver's lock; `false` if it would block. */
  *#invalidate(section: Section, id: number, mode: Mode, signal?: AbortSignal): Steps<boolean> {
    const ops = this.#opsOf(id);
    if (isOwn(section, ops)) return true;
    const lock = this.#lockOf(id, ops);
    if (mode === 'try') {
      if (!lock.tryLock()) return false;
    } else if (mode === 'sync') {
      lock.lockSync();
    } else {
      yield lock.lock(signal);
    }
    let result: MaybePromise<boolean | void>;
    try {
      result = this.#call(() => ops.invalidate(section, this.#cookieOf(id)));
      if (isPromise(result) && mode !== 'plain') throw callbackAsync(result);
    } catch (error) {
      lock.unlock();
      throw error;
    }
    if (!isPromise(result)) {
      lock.unlock();
      return result !== false;
    }
    // The lock is held until the callback is over, whether or not the section still waits for it.
    const settled = result.finally(() => lock.unlock());
    return (yield abortable(settled, signal)) !== false;
  }

  *#release(mode: 'plain' | 'sync', signal?: AbortSignal): Steps<void> {
    this.refuseInCallback('release');
    this.state.release();
    const section = this.#open({ start: 0, end: addressMax, event: 'RELEASE' }, true);
    const ops: [SubscriptionOps, number][] = [];
    for (let id = this.state.next(none, section.note); id !== none;) {
      ops.push([this.#opsOf(id), this.#cookieOf(id)]);
      id = this.state.next(id, section.note);
    }
    const invalidation = yield* this.#start(section, mode, signal);
    for (const [table, cookie] of ops) {
      yield abortable(
        this.#call(() => table.release?.(cookie)),
        signal,
      );
    }
    this.invalidateRangeEnd(invalidation!);
  }

  #end(section: Section): void {
    this.#sections.close(section);
    this.state.end(section.note);
  }

  #opsOf(id: number): SubscriptionOps {
    const { region } = this.state;
    if (!region.shared) return this.#ops[id]!;
    return this.#registry.resolve(region.words[wordsOf(id).ops]!, true);
  }

  #cookieOf(id: number): number {
    return this.state.region.words[wordsOf(id).cookie]!;
  }

  #lockOf(id: number, ops: SubscriptionOps): DriverLock {
    return ops.lock ?? new Mutex(this.state.region, wordsOf(id).mutex, 'reference subscription');
  }

  #call<T>(callback: () => T): T {
    this.#callbackDepth++;
    try {
      return callback();
    } finally {
      this.#callbackDepth--;
    }
  }
}

/** Whether the section is this subscriber's own doing, which it need not be told. */
function isOwn(section: Section, ops: SubscriptionOps): boolean {
  if (section.owner === undefined || section.owner !== ops.owner) return false;
  return section.event === 'MIGRATE' || section.event === 'EXCLUSIVE';
}
