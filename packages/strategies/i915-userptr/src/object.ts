/**
 * A userptr object: what i915_gem_userptr.c keeps in struct drm_i915_gem_object. How it notices that it collided is
 * its notifier's matter, by variant.
 *
 * 1. `obj->mm.lock` is held where pages are installed (get_pages, a worker's end) and where they are given up.
 * 2. The driver gets and gives up all pages of an object at once. A subscriber installs as much as he read; what is given
 *    up is always what the notifier says.
 */
import type { DriverLock, InvalidationRange, MaybePromise, Seq } from '@mmu-notifier/core';
import {
  DriverSubscription,
  type CallContext,
  type LegacyOps,
  type LockMemory,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';

/** Words of an object: its lock. */
export const objectWords: number = mutexWords;

/** The callbacks for an address space, and what its objects ask of them. */
export interface UserptrNotifier extends LegacyOps {
  /** The object is made, and the callbacks are registered. */
  add(object: UserptrObject): void;
  /** It is destroyed. Harmless again. */
  remove(object: UserptrObject): void;
  /** get_pages begins. */
  begin(object: UserptrObject, context: CallContext): MaybePromise<Seq>;
  /** Whether pages that were got since `begin` are not accepted. */
  collided(object: UserptrObject, seq: Seq): boolean;
  /** With the object's lock held: it has pages. */
  gotPages(object: UserptrObject): void;
  /** With the object's lock held: it gives up pages, which `unbind` takes from the subscriber. */
  putPages(
    object: UserptrObject,
    range: InvalidationRange,
    unbind: (range: InvalidationRange) => MaybePromise<boolean | void>,
  ): MaybePromise<boolean | void>;
  verify(): void;
}

/** A worker that gets pages: struct get_pages_work. */
export interface PagesWork {
  /** When it runs: the token of what it gets. */
  started: MaybePromise<Seq>;
}

/** See the file's head. */
export class UserptrObject extends DriverSubscription {
  /** obj->mm.lock, or the subscriber's lock in its place. */
  protected readonly lock: DriverLock;
  protected readonly callbackLock: DriverLock;
  notifier: UserptrNotifier | undefined = undefined;
  /** Its node, while that is in the tree. */
  handle: number | undefined = undefined;
  /** `v5.3`: userptr.work, a worker that has not got its pages yet. */
  work: PagesWork | undefined = undefined;
  /** `v5.3`: how often its pages were given up. What was begun before the last time is cancelled. */
  cancels = 0;
  /** `v5.3`: it gave up its pages and has not got any since. */
  isCancelled = false;
  /** `v5.3`: its subscriber's callback has been called and has not returned. */
  isUnbinding = false;
  /** `fixed`: the last section that hit it. */
  mark = 0;
  readonly #memory: LockMemory;
  readonly #record: number;

  constructor(init: SubscriptionInit, memory: LockMemory) {
    super(init);
    this.#memory = memory;
    this.#record = memory.take();
    this.lock = init.ops.lock ?? new Mutex(memory.region, this.#record, 'obj->mm.lock');
    this.callbackLock = this.lock;
  }

  protected begin(context: CallContext): MaybePromise<Seq> {
    return this.notifier!.begin(this, context);
  }

  protected override collided(seq: Seq): boolean {
    return this.notifier!.collided(this, seq);
  }

  protected override isHopeless(seq: Seq): boolean {
    return this.notifier!.collided(this, seq);
  }

  /** An install that outlasts `close` must not put the object back. */
  protected override published(): void {
    if (this.isOpen) this.notifier!.gotPages(this);
  }

  protected override callInvalidate(range: InvalidationRange): MaybePromise<boolean | void> {
    return this.notifier!.putPages(this, range, (given) => super.callInvalidate(given));
  }

  override freed(): void {
    this.#memory.free(this.#record);
  }
}
