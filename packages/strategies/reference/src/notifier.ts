/**
 * The reference notifier: scans everything, takes one lock, and calls back without it.
 *
 * 1. Every start, and the release, is written once, as steps; its forms differ in how they wait.
 * 2. A section that fails, would block or is given up is ended before its start returns; what was invalidated
 *    before that has had its second pass.
 * 3. A callback runs under the driver's lock, and the lock is held until the callback is over, also when its start
 *    was given up. The lock of `state` is never held meanwhile.
 *
 * Ours. It is slow and obviously right.
 */
import {
  abortable,
  addressMax,
  callbackAsync,
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
import { Attempts } from './attempts.ts';
import { Sub, subAt } from './layout.ts';
import { Owners } from './owners.ts';
import { ReferenceSubscription } from './subscription.ts';
import { none, Transitions } from './transitions.ts';

/** How a section's callbacks may wait: by promises, by blocking the thread, or not at all. */
type Mode = 'plain' | 'sync' | 'try';

/** Whose callback is called, and how. */
interface Call {
  readonly id: number;
  readonly mode: Mode;
  readonly signal: AbortSignal | undefined;
  /** Held, and to be unlocked when it is over. */
  readonly lock?: DriverLock;
}

const wholeSpace = { start: 0, end: addressMax, event: 'RELEASE' } as const;

/** See the contract's `Notifier`. */
export class ReferenceNotifier implements Notifier {
  readonly traits: Traits;
  /** @internal */
  readonly state: Transitions;
  readonly #sections = new SectionTable();
  readonly #registry = new OpsRegistry();
  readonly #owners: Owners;
  /** By subscription, in one event loop. */
  readonly #ops: (SubscriptionOps | undefined)[] = [];
  /** Callbacks that run synchronously right now. */
  #callbackDepth = 0;

  /** @internal use `reference.create` and `reference.attach` */
  constructor(region: Region, growable: boolean, traits: Traits) {
    this.state = new Transitions(region, growable);
    this.#owners = new Owners(region.shared);
    this.traits = traits;
  }

  /** The words it lives in: what another agent attaches to. */
  get memory(): ArrayBufferLike {
    return this.state.region.memory;
  }

  invalidateRangeStart(range: RangeToInvalidate, signal?: AbortSignal): MaybePromise<Invalidation> {
    mightSleep('invalidateRangeStart');
    const steps = this.#start(this.#open(range, true), 'plain', signal);
    return runSteps(steps) as MaybePromise<Invalidation>;
  }

  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation {
    mightSleep('invalidateRangeStartSync');
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

  /** Never waits. */
  invalidateRangeEnd(invalidation: Invalidation): void {
    this.#end(this.#sections.find(invalidation));
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    this.invalidateRangeEnd(invalidation);
  }

  /**
   * See the contract. It goes on whatever fails, and throws the first failure in the end. Given up, it waits for
   * nobody any more, and the address space is released all the same.
   */
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
    { cookie = 0 }: SubscribeOptions = {},
  ): ReferenceSubscription {
    checkSpan(span, 'span');
    if (typeof cookie !== 'number' || (cookie | 0) !== cookie) {
      throw new NotifierError(
        'MMN_OPTION',
        `expected cookie to be a 32-bit integer, got ${String(cookie)}`,
      );
    }
    const { start, end } = span;
    const { state } = this;
    const table = this.#registry.resolve(ops, state.region.shared);
    const opsId = typeof ops === 'number' ? ops : 0;
    const owner = this.#owners.add(table.owner);
    const id = state.subscribe({ start, end, ops: opsId, cookie, owner });
    this.#ops[id] = table;
    return new ReferenceSubscription(this, id, { start, end }, this.#lockOf(id, table));
  }

  subscribeSync(
    span: Span,
    ops: SubscriptionOps | number,
    options?: SubscribeOptions,
  ): ReferenceSubscription {
    return this.subscribe(span, ops, options);
  }

  registerOps(id: number, ops: SubscriptionOps): void {
    this.#registry.register(id, ops);
    this.#owners.register(id, ops.owner);
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

  /** @internal the callbacks of a subscription that is closed may be collected */
  forget(id: number): void {
    this.#ops[id] = undefined;
  }

  #open(range: RangeToInvalidate, blockable: boolean, releases = false): Section {
    const section = this.#sections.open(range, blockable);
    try {
      section.note = this.state.start(section, this.#owners.numberOf(section), releases);
    } catch (error) {
      this.#sections.close(section);
      throw error;
    }
    return section;
  }

  #end(section: Section): void {
    this.#sections.close(section);
    this.state.end(section.note);
  }

  /** The first pass, then the second; `undefined` when somebody would block. What fails is undone. */
  *#start(section: Section, mode: Mode, signal?: AbortSignal): Steps<Invalidation | undefined> {
    const attempts = new Attempts(signal);
    let until = none;
    for (let id = this.#next(none, section); id !== none; id = this.#next(id, section)) {
      const went = yield* attempts.run(this.#invalidate(section, id, mode, signal));
      if (went === false && mode !== 'try') attempts.fail(callbackRefused());
      if ((went === false && mode === 'try') || attempts.isAborted) {
        until = id;
        break;
      }
    }
    yield* this.#finish(section, until, mode, attempts);
    this.state.called(section.note);
    if (until === none && !attempts.isFailed) return section.handle as Invalidation;
    this.#end(section);
    attempts.throwFirst();
    return undefined;
  }

  *#release(mode: 'plain' | 'sync', signal?: AbortSignal): Steps<void> {
    this.refuseInCallback('release');
    mightSleep('release');
    const section = this.#open(wholeSpace, true, true);
    const attempts = new Attempts(signal);
    for (let id = this.#next(none, section); id !== none; id = this.#next(id, section)) {
      const went = yield* attempts.run(this.#invalidate(section, id, mode, signal));
      if (went === false) attempts.fail(callbackRefused());
    }
    yield* this.#finish(section, none, mode, attempts);
    for (let id = this.#next(none, section); id !== none; id = this.#next(id, section)) {
      const cookie = this.#cookieOf(id);
      const call = (): MaybePromise<void> => this.#opsOf(id).release?.(cookie);
      yield* attempts.run(this.#call(call, { id, mode, signal }));
    }
    this.state.called(section.note);
    this.#end(section);
    attempts.throwFirst();
  }

  /** One callback of the first pass, under the driver's lock; `false` if it would block. */
  *#invalidate(section: Section, id: number, mode: Mode, signal?: AbortSignal): Steps<boolean> {
    const ops = this.#opsOf(id);
    const cookie = this.#cookieOf(id);
    const lock = this.#lockOf(id, ops);
    if (mode === 'try') {
      if (!lock.tryLock()) return false;
    } else if (mode === 'sync') {
      lock.lockSync();
    } else {
      const waited = lock.lock(signal);
      if (waited !== undefined) yield* this.#lockLater(waited, lock, signal);
    }
    this.state.hit(id);
    const call = (): MaybePromise<boolean | void> => ops.invalidate(section, cookie);
    return (yield* this.#call(call, { id, mode, signal, lock })) !== false;
  }

  /** The second pass, for those before `until` in the first. */
  *#finish(section: Section, until: number, mode: Mode, attempts: Attempts): Steps<void> {
    for (let id = this.#next(none, section); id !== until; id = this.#next(id, section)) {
      const cookie = this.#cookieOf(id);
      const call = (): MaybePromise<void> => this.#opsOf(id).finish?.(section, cookie);
      yield* attempts.run(this.#call(call, { id, mode, signal: attempts.signal }));
    }
  }

  /** Waits for a driver's lock. It may come with the abort, or take no notice of it. */
  *#lockLater(waited: Promise<void>, lock: DriverLock, signal?: AbortSignal): Steps<void> {
    yield waited;
    if (signal?.aborted !== true) return;
    lock.unlock();
    throw signal.reason;
  }

  /** Calls back, and waits for it as the mode allows. Unlocks when the callback is over. */
  *#call<T>(callback: () => MaybePromise<T>, { id, mode, signal, lock }: Call): Steps<T> {
    let result: MaybePromise<T>;
    this.#callbackDepth++;
    try {
      result = callback();
      if (isPromise(result) && mode !== 'plain') throw callbackAsync(result);
    } catch (error) {
      lock?.unlock();
      throw error;
    } finally {
      this.#callbackDepth--;
    }
    if (isPromise(result)) return (yield abortable(this.#settle(result, id, lock), signal)) as T;
    lock?.unlock();
    return result;
  }

  async #settle<T>(result: Promise<T>, id: number, lock: DriverLock | undefined): Promise<T> {
    this.state.hold(id);
    try {
      return await result;
    } finally {
      lock?.unlock();
      this.state.drop(id);
    }
  }

  #next(id: number, section: Section): number {
    return this.state.next(id, section.note);
  }

  /** @throws NotifierError `MMN_OPS_UNKNOWN` in shared memory, when this agent did not register them */
  #opsOf(id: number): SubscriptionOps {
    const { region } = this.state;
    if (!region.shared) return this.#ops[id]!;
    return this.#registry.resolve(region.words[subAt(id) + Sub.ops]!, true);
  }

  #cookieOf(id: number): number {
    return this.state.region.words[subAt(id) + Sub.cookie]!;
  }

  #lockOf(id: number, ops: SubscriptionOps): DriverLock {
    return (
      ops.lock ?? new Mutex(this.state.region, subAt(id) + Sub.mutex, 'reference subscription')
    );
  }
}
