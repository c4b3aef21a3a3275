/** A memory slot of a virtual machine, and the faults of its guest in it: struct kvm_memory_slot. */
import type { DriverLock, MaybePromise, Seq } from '@mmu-notifier/core';
import { isPromise } from '@mmu-notifier/core';
import {
  DriverSubscription,
  NestedLock,
  type CallContext,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import type { Kvm } from './kvm.ts';

export class Memslot extends DriverSubscription {
  /** Its place among the slots, while it has one. */
  index: number | undefined = undefined;
  /** mmu_lock, and the subscriber's in it. */
  protected readonly lock: DriverLock;
  protected readonly callbackLock: DriverLock | undefined;
  readonly #kvm: Kvm;

  constructor(init: SubscriptionInit, kvm: Kvm) {
    super(init);
    const { lock } = init.ops;
    this.#kvm = kvm;
    this.lock = lock === undefined ? kvm.mmuLock : new NestedLock(kvm.mmuLock, lock);
    this.callbackLock = lock;
  }

  protected begin(context: CallContext): MaybePromise<Seq> {
    const kvm = this.#kvm;
    if (!kvm.isRaisedFor(this)) return kvm.seq as Seq;
    const waited = kvm.untilIdle(context);
    return isPromise(waited) ? waited.then(() => kvm.seq as Seq) : (kvm.seq as Seq);
  }

  protected override collided(seq: Seq): boolean {
    return this.#kvm.collided(this, seq);
  }

  /** Looks at the seq alone: a count that is up may still be taken back without a change. */
  protected override isHopeless(seq: Seq): boolean {
    return this.#kvm.seq !== seq;
  }
}
