/**
 * A subscriber's ops as this agent calls them: one shape for all, so that the walk's property loads stay
 * monomorphic whatever objects users pass. And the table of them, by the subscription's number.
 *
 * 1. In one event loop a binding is made with its subscription and lives as long. In shared memory it is made when
 *    this agent first meets the subscription, and again when its record changed hands.
 * 2. Everything that calls a subscriber goes through here, so that what must not be called in a callback is refused.
 */
import {
  OpsRegistry,
  type DriverLock,
  type InvalidationRange,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import { Mutex, type Region } from '@mmu-notifier/sync';
import { cookieAt, mutexAt, opsAt } from './layout.ts';
import { refuseCallback } from './refusals.ts';

// Copies: see transitions.ts.
const cookiesFirst = cookieAt(0);
const opsFirst = opsAt(0);
const subWords = cookieAt(1) - cookieAt(0);

/** What a subscriber of the unified notifier may say beside the contract's ops. */
export interface IntervalOps extends SubscriptionOps {
  /**
   * `'driver'`: `invalidate` takes its own lock and calls `setSeq` under it, as kernel drivers do; it may then
   * ignore an event by doing neither. Default `'notifier'`.
   */
  readonly locking?: 'notifier' | 'driver';
}

/** See the file's head. */
export class Binding {
  declare readonly ops: IntervalOps;
  /** The registered id, in shared memory. */
  declare readonly id: number;
  declare readonly invalidate: SubscriptionOps['invalidate'];
  declare readonly finish: SubscriptionOps['finish'];
  declare readonly lock: DriverLock;
  declare readonly owner: unknown;
  declare readonly locksItself: boolean;

  constructor(ops: IntervalOps, id: number, defaultLock: DriverLock) {
    this.ops = ops;
    this.id = id;
    this.invalidate = ops.invalidate;
    this.finish = ops.finish;
    this.lock = ops.lock ?? defaultLock;
    this.owner = ops.owner;
    this.locksItself = ops.locking === 'driver';
  }

  /** Whether the section is this subscriber's own doing, which it need not be told. */
  owns(range: InvalidationRange): boolean {
    return (
      range.owner !== undefined &&
      range.owner === this.owner &&
      (range.event === 'MIGRATE' || range.event === 'EXCLUSIVE')
    );
  }
}

/** The bindings of one notifier in this agent. */
export class Bindings {
  /** Whether any subscriber that this agent has met has a second pass. */
  anyFinish = false;
  declare readonly region: Region;
  readonly #registry = new OpsRegistry<IntervalOps>();
  readonly #bindings: (Binding | undefined)[] = [];
  /** Callbacks of this agent that run synchronously right now. */
  #callbackDepth = 0;

  constructor(region: Region) {
    this.region = region;
  }

  /** See Notifier.registerOps. */
  register(id: number, ops: IntervalOps): void {
    this.#registry.register(id, ops);
  }

  /** See OpsRegistry.resolve. */
  resolve(ops: IntervalOps | number): IntervalOps {
    return this.#registry.resolve(ops, this.region.shared);
  }

  /** A new subscription's binding. `opsId`: -1 for ops that came as an object. */
  bind(handle: number, ops: IntervalOps, opsId: number): Binding {
    const lock = new Mutex(this.region, mutexAt(handle), 'interval subscription');
    const binding = new Binding(ops, opsId, lock);
    if (ops.finish !== undefined) this.anyFinish = true;
    this.#bindings[handle] = binding;
    return binding;
  }

  /** @throws NotifierError `MMN_OPS_UNKNOWN` in shared memory, when this agent did not register them */
  of(handle: number): Binding {
    const binding = this.#bindings[handle];
    const { region } = this;
    if (binding !== undefined && !region.shared) return binding;
    const id = region.words[opsFirst + handle * subWords]!;
    if (binding !== undefined && binding.id === id) return binding;
    return this.bind(handle, this.#registry.resolve(id, true), id);
  }

  cookieOf(handle: number): number {
    return this.region.words[cookiesFirst + handle * subWords]!;
  }

  forget(handle: number): void {
    this.#bindings[handle] = undefined;
  }

  /** Runs a callback, as far as it runs at once. */
  call<T>(callback: () => T): T {
    this.enter();
    try {
      return callback();
    } finally {
      this.leave();
    }
  }

  /** A callback begins. Pairs with {@link leave}. */
  enter(): void {
    this.#callbackDepth++;
  }

  leave(): void {
    this.#callbackDepth--;
  }

  /** @throws NotifierError `MMN_IN_CALLBACK` for what would wait for the callback's own section */
  refuseInCallback(what: string): void {
    if (this.#callbackDepth !== 0) refuseCallback(what);
  }
}
