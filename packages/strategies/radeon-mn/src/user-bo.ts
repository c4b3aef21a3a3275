/**
 * A buffer object of user memory: struct radeon_bo, and validating it.
 *
 * 1. Pages are bound and unbound under the bo's reservation, all of them at once. A subscriber installs as much as he
 *    read; what is unbound is the whole bo.
 * 2. The kernel holds the reservation from get_user_pages until the pages are bound, so a section that finds the bo bound
 *    waits for that and unbinds them again. Here nobody holds a lock while a subscriber reads: in its place, a
 *    publication is refused if the bo was unbound since its begin (`v5.3`).
 */
import type { DriverLock, InvalidationRange, MaybePromise, Seq, Steps } from '@mmu-notifier/core';
import { isPromise } from '@mmu-notifier/core';
import {
  DriverSubscription,
  type CallContext,
  type LegacyOps,
  type LockMemory,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';

/** Words of a bo: its reservation. */
export const boWords: number = mutexWords;

/** The callbacks for an address space, and what its bos ask of them. */
export interface BoNotifier extends LegacyOps {
  /** Linux: radeon_mn_register, with the notifier found. */
  register(bo: UserBo, context: CallContext): Steps<void> | void;
  /** Linux: radeon_mn_unregister, with mn_lock held. */
  unregister(bo: UserBo, context: CallContext): Steps<void> | void;
  /** The address space is gone: forgets every bo. With mn_lock held. */
  forget(context: CallContext): Steps<void> | void;
  /** Validating begins. */
  begin(bo: UserBo, context: CallContext): MaybePromise<Seq>;
  /** Whether what was read since `begin` is refused. */
  collided(bo: UserBo, seq: Seq): boolean;
  /** What is unbound when a section hits a bo. */
  rangeToUnbind(bo: UserBo, range: InvalidationRange): InvalidationRange;
  verify(): void;
}

/** See the file's head. */
export class UserBo extends DriverSubscription {
  /** The reservation, or the subscriber's lock in its place. */
  protected readonly lock: DriverLock;
  protected readonly callbackLock: DriverLock;
  /** bo->mn: while it is registered. */
  mn: BoNotifier | undefined = undefined;
  /** Its TTM is tt_bound. */
  isBound = false;
  /** How often it was unbound. */
  unbinds = 0;
  /** `fixed`: its place in the tree, and the last section that hit it. */
  handle: number | undefined = undefined;
  mark = 0;
  readonly #memory: LockMemory;
  readonly #record: number;

  constructor(init: SubscriptionInit, memory: LockMemory) {
    super(init);
    this.#memory = memory;
    this.#record = memory.take();
    this.lock = init.ops.lock ?? new Mutex(memory.region, this.#record, 'reservation');
    this.callbackLock = this.lock;
  }

  protected begin(context: CallContext): MaybePromise<Seq> {
    return this.mn!.begin(this, context);
  }

  protected override collided(seq: Seq): boolean {
    return this.mn!.collided(this, seq);
  }

  protected override isHopeless(seq: Seq): boolean {
    return this.collided(seq);
  }

  protected override published(): void {
    this.isBound = true;
  }

  /**
   * Moves it to the CPU's domain. One that fails stays bound, so that the next section finds it. It may have been
   * unregistered while the section waited for its reservation.
   */
  protected override callInvalidate(range: InvalidationRange): MaybePromise<boolean | void> {
    const called = super.callInvalidate(this.mn?.rangeToUnbind(this, range) ?? range);
    return isPromise(called)
      ? called.then((isUnbound) => this.#unbound(isUnbound))
      : this.#unbound(called);
  }

  override freed(): void {
    this.#memory.free(this.#record);
  }

  #unbound(isUnbound: boolean | void): boolean | void {
    if (isUnbound === false) return false;
    this.isBound = false;
    this.unbinds++;
    return true;
  }
}
