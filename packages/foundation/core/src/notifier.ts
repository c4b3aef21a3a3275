/**
 * The contract that every strategy serves.
 *
 * Some memory is mutable and shared. A subscriber keeps state derived from a span of it: shadow page-table
 * entries, compiled code, a query's result. Two promises tie the two together:
 *
 * 1. Before a range changes, `invalidateRangeStart` has torn down everything derived from it.
 * 2. Until `invalidateRangeEnd`, and for whoever began to read before it, nothing derived from the old
 *    contents is published: `publish` refuses, and the reader starts again.
 *
 *     invalidator                          reader (a device's fault)
 *     ------------------------------------ ------------------------------------
 *                                          seq = readBegin()
 *                                          value = read the range
 *     invalidateRangeStart(range)
 *       ops.invalidate(range)
 *     change the range
 *     invalidateRangeEnd()
 *                                          publish(seq, install)
 *     Required: publish returns false, install did not run.                                [R2]
 *
 * The interface is cut where the schemes differ: how a reader decides that it collided.
 *
 * Waiting. An operation that may wait has two forms. The plain form returns its value, or a promise of it
 * when it really has to wait: `const seq = await x.readBegin()` is right, and a caller who wants no promise
 * on the fast path tests the result. The `…Sync` form blocks the thread, on worker threads only. What never
 * waits has one form.
 *
 * Signals. An aborted wait rejects with the signal's reason. A section whose start was aborted is not open. Ends
 * take no signal: a section that nobody ended would refuse every publication for ever.
 */
// Whoever compiles against these types needs no setting for `Disposable`.
/// <reference lib="esnext.disposable" preserve="true" />
import type { RangeToInvalidate, InvalidationRange, Span } from './range.ts';
import type { Invalidation } from './sections.ts';

declare const seqBrand: unique symbol;

/** What `readBegin` saw: pass it to `checkRetry` and `publish`, and to nothing else. */
export type Seq = number & { readonly [seqBrand]: true };

/** A value now, or a promise of it when the operation has to wait. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * The lock that serialises tearing down against publishing: the kernel's "user lock". `@mmu-notifier/sync`
 * has some; a spin lock never returns a promise.
 */
export interface DriverLock {
  tryLock(): boolean;
  lock(signal?: AbortSignal): MaybePromise<void>;
  lockSync(): void;
  unlock(): void;
}

/** What a subscriber supplies. */
export interface SubscriptionOps {
  /**
   * Tears down whatever intersects `range`. Runs on the agent that invalidates, under the driver's lock, once
   * for a section. It may be called for a range that misses the span (see {@link Traits.filtersByRange}), and
   * must then do nothing.
   *
   * May wait (return a promise; in `…Sync` sections, block) only if `range.blockable`; otherwise it returns
   * `false` when it would have to, and will be called again by a later attempt. Must not close a
   * subscription, release the notifier or call `publish`.
   *
   * @param cookie the integer given to `subscribe`
   */
  invalidate(range: InvalidationRange, cookie: number): MaybePromise<boolean | void>;
  /**
   * The second pass, if there is one: after every `invalidate` of the section has run, without the driver's
   * lock. Here one waits for what all of them started: a device's flush, readers of the old state. Cannot
   * refuse. In a section that would have blocked it runs for those whose `invalidate` had run.
   */
  finish?(range: InvalidationRange, cookie: number): MaybePromise<void>;
  /** The address space dies: once, after `invalidate` tore down everything for `RELEASE`. */
  release?(cookie: number): MaybePromise<void>;
  /** The driver's lock. Default: a sleeping lock for each subscription alone. */
  readonly lock?: DriverLock;
  /** `MIGRATE` and `EXCLUSIVE` sections with this owner are this subscriber's own and not reported to it. */
  readonly owner?: unknown;
}

/** Options of {@link Notifier.subscribe}. */
export interface SubscribeOptions {
  /** An integer that the callbacks receive. Default 0. */
  readonly cookie?: number;
  /** Gives up waiting to subscribe; only for strategies whose `subscribe` waits. */
  readonly signal?: AbortSignal;
}

/**
 * A subscriber's side. `await using` closes it at the end of the scope; `using` does where nothing has to be waited
 * for, or where the thread may block: else it throws `MMN_WOULD_BLOCK`, and closes all the same as soon as it can.
 */
export interface Subscription extends Span, Disposable, AsyncDisposable {
  /** From `subscribe` until `close` is called. */
  readonly isOpen: boolean;

  /**
   * Begins a read of anything in the span. May wait while a section that collided is open, once: it does not
   * loop, so what it returns may be stale already, and `publish` will say so. Do not call it with the
   * driver's lock held: the callback that it waits for takes that lock.
   *
   * @throws NotifierError `MMN_CLOSED`, `MMN_RELEASED`
   */
  readBegin(signal?: AbortSignal): MaybePromise<Seq>;
  readBeginSync(): Seq;

  /** A cheap hint at any time, without a lock: `true` is certain (start again), `false` means nothing. */
  checkRetry(seq: Seq): boolean;

  /**
   * Takes the driver's lock, decides, and runs `install` or returns `false`: the read collided, start again.
   * `install` makes the derived state visible; what it returns does not matter, unless it is a promise: then the
   * lock is held until that settles, which only a lock that sleeps allows.
   *
   * @throws NotifierError `MMN_CLOSED`, `MMN_RELEASED`; what `install` throws
   */
  publish(seq: Seq, install: () => unknown, signal?: AbortSignal): MaybePromise<boolean>;
  publishSync(seq: Seq, install: () => unknown): boolean;

  /**
   * Ends the subscription. When it returns (or its promise resolves) no callback runs and none will. May wait
   * for open sections. Closing again is harmless. An aborted wait leaves the subscription closing: it can no
   * longer be used, but a callback may still run.
   *
   * @throws NotifierError `MMN_IN_CALLBACK`
   */
  close(signal?: AbortSignal): MaybePromise<void>;
  closeSync(): void;
}

/** One address space: the side of whoever changes the memory, and `subscribe`. */
export interface Notifier {
  readonly traits: Traits;

  /**
   * Opens a section: when it returns, `invalidate` has run once for every overlapping subscription, and until
   * the end none can publish anything read from the range. Sections nest and overlap freely.
   *
   * If a callback throws, the others still run, the section is ended, and `MMN_CALLBACK_FAILED` carries the
   * first reason as its cause: nothing is to be ended by the caller.
   *
   * @throws NotifierError `MMN_ADDRESS`, `MMN_RANGE_EMPTY`, `MMN_RANGE_INVERTED`, `MMN_EVENT`,
   *   `MMN_OUT_OF_CAPACITY`, `MMN_CALLBACK_FAILED`, `MMN_CALLBACK_REFUSED`, `MMN_CALLBACK_ASYNC`
   */
  invalidateRangeStart(range: RangeToInvalidate, signal?: AbortSignal): MaybePromise<Invalidation>;
  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation;

  /**
   * The non-blockable start: never waits. `undefined` means that somebody would have had to; then everything
   * is as if it had not been called, and nothing is to be ended.
   */
  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined;

  /**
   * Ends a section. To be called by the agent that started it, exactly once.
   *
   * @throws NotifierError `MMN_NOT_OPEN`
   */
  invalidateRangeEnd(invalidation: Invalidation): MaybePromise<void>;
  invalidateRangeEndSync(invalidation: Invalidation): void;

  /**
   * The address space dies: every subscription's `invalidate` runs once, blockable, over the whole space,
   * with the event `RELEASE`. Afterwards `subscribe`, `readBegin`, `publish` and `release` throw
   * `MMN_RELEASED`; closing stays possible, and so do sections, which exit still raises.
   *
   * @throws NotifierError `MMN_IN_CALLBACK`, `MMN_RELEASED`, `MMN_CALLBACK_FAILED`
   */
  release(signal?: AbortSignal): MaybePromise<void>;
  releaseSync(): void;

  /**
   * Subscribes `ops` to a span. In shared memory `ops` is the id under which every agent registered its
   * table with {@link registerOps}.
   *
   * @throws NotifierError `MMN_ADDRESS`, `MMN_RANGE_EMPTY`, `MMN_RANGE_INVERTED`, `MMN_RELEASED`,
   *   `MMN_OUT_OF_CAPACITY`, `MMN_OPS_UNKNOWN`
   */
  subscribe(
    span: Span,
    ops: SubscriptionOps | number,
    options?: SubscribeOptions,
  ): MaybePromise<Subscription>;
  subscribeSync(
    span: Span,
    ops: SubscriptionOps | number,
    options?: SubscribeOptions,
  ): Subscription;

  /** Registers an ops table of this agent under an id (a small integer) that all agents agree on. */
  registerOps(id: number, ops: SubscriptionOps): void;

  /**
   * Checks every invariant of the structures. For tests; walks everything. A package may keep the checks behind an entry
   * point of its own, so that nobody ships them: then it throws elsewhere, and says which one has them.
   *
   * @throws InvariantError; NotifierError `MMN_OPTION` where there are no checks
   */
  verify(): void;
}

/** A known way in which a strategy breaks a promise. */
export interface KnownRace {
  /** Stable: `U-7`, `I915-1`, … */
  readonly id: string;
  /** One sentence. */
  readonly what: string;
}

/** What a strategy says of itself. Frozen, equal for all its notifiers, and true: the conformance kit checks. */
export interface Traits {
  readonly name: string;
  readonly variant: string;
  /** One line for tables. */
  readonly summary: string;
  /** It claims that no stale entry is ever served. */
  readonly correct: boolean;
  /** `false`: every subscription is called for every section, wherever it is. */
  readonly filtersByRange: boolean;
  /** Which sections make `publish` refuse: those that hit this subscription, any in the address space, or none. */
  readonly retryScope: 'subscription' | 'address-space' | 'none';
  /** Subscribing and closing during a section take effect at its end. */
  readonly defersChanges: boolean;
  /** `subscribe` may wait until no section is open. */
  readonly subscribeWaits: boolean;
  /** `finish` runs after all the `invalidate` of a section. */
  readonly twoPass: boolean;
  /** `MIGRATE` and `EXCLUSIVE` sections of a subscription's own owner are not reported to it. */
  readonly filtersByOwner: boolean;
  readonly modes: readonly ('event-loop' | 'shared-memory')[];
  readonly knownRaces: readonly KnownRace[];
}

/** Options that every strategy's `create` takes. */
export interface CreateOptions {
  /** One of {@link Strategy.variants}; default the first. */
  readonly variant?: string;
  /**
   * The words the notifier lives in. A SharedArrayBuffer lets other agents attach. Default: an ArrayBuffer
   * of its own that grows.
   */
  readonly memory?: ArrayBufferLike;
  /** Most subscriptions, in shared memory; in one event loop the number to begin with. */
  readonly capacity?: number;
}

/** A scheme: what its package exports. */
export interface Strategy<N extends Notifier = Notifier, O extends CreateOptions = CreateOptions> {
  readonly name: string;
  readonly variants: readonly string[];
  /** @throws NotifierError `MMN_OPTION` for a variant that does not exist */
  traits(variant?: string): Traits;
  /** Bytes of memory for `capacity` subscriptions; a variant may need more than the default one. */
  byteLength(capacity: number, variant?: string): number;
  /** What a 32-bit word of a memory for `capacity` subscriptions is called, for reports, if it has a name. */
  readonly nameOfWord?: (index: number, capacity: number) => string | undefined;
  /** Lays out a notifier. @throws NotifierError `MMN_OPTION`, `MMN_MEMORY` */
  create(options?: O): N;
  /** Finds the notifier that another agent created in `memory`. @throws NotifierError `MMN_MEMORY` */
  attach(memory: ArrayBufferLike): N;
}

/**
 * Runs something at a moment when no section is open and none can open: what `mm_take_all_locks` does for a
 * registration, so that no subscriber sees an end without its start.
 */
export interface SectionExclusion {
  /** May wait for open sections; new ones are not held back meanwhile. `run` must not wait. */
  whenIdle(run: () => void, signal?: AbortSignal): MaybePromise<void>;
  whenIdleSync(run: () => void): void;
}

/** A notifier that another one can carry in the same address space: the legacy list beside the interval tree. */
export interface ComposableNotifier extends Notifier {
  /** Cheap, at any time. While `false`, the carrier need not call it at all. */
  readonly hasSubscribers: boolean;
}

/** Options of a strategy whose notifiers can be carried. */
export interface ComposableCreateOptions extends CreateOptions {
  /** Whoever carries it excludes sections; default, it counts its own. */
  readonly exclusion?: SectionExclusion;
}

/** A strategy whose notifiers can be carried by another. */
export type ComposableStrategy<N extends ComposableNotifier = ComposableNotifier> = Strategy<
  N,
  ComposableCreateOptions
>;
