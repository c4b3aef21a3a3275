/**
 * A device's view of an address space: struct hmm_mirror, with the page faults of its device.
 *
 * A fault goes as nouveau's does: it registers a range and waits for it to be valid, at most 1000 ms; reads; then, under
 * the driver's mutex, looks whether the range is valid still, and installs.
 *
 * Source: Linux mm/hmm.c and drivers/gpu/drm/nouveau/nouveau_svm.c, v5.3.
 */
import { invariant, type DriverLock, type MaybePromise, type Seq } from '@mmu-notifier/core';
import {
  DriverSubscription,
  type CallContext,
  type Faults,
  type LockMemory,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex } from '@mmu-notifier/sync';
import type { Hmm } from './hmm.ts';

/** See the file's head. */
export class Mirror extends DriverSubscription {
  /** svmm->mutex, or the subscriber's lock in its place. */
  protected readonly lock: DriverLock;
  protected readonly callbackLock: DriverLock;
  /** While it holds a reference. */
  hmm: Hmm | undefined = undefined;
  /** Since it is on the list. */
  faults: Faults | undefined = undefined;
  readonly #memory: LockMemory;
  readonly #record: number;

  constructor(init: SubscriptionInit, memory: LockMemory) {
    super(init);
    this.#memory = memory;
    this.#record = memory.take();
    this.lock = init.ops.lock ?? new Mutex(memory.region, this.#record, 'svmm mutex');
    this.callbackLock = this.lock;
  }

  protected begin(context: CallContext): MaybePromise<Seq> {
    return this.#registered().begin(context);
  }

  protected override collided(seq: Seq): boolean {
    return !this.#registered().done(seq);
  }

  protected override isHopeless(seq: Seq): boolean {
    return this.#registered().isHopeless(seq);
  }

  override freed(): void {
    this.#memory.free(this.#record);
  }

  #registered(): Faults {
    invariant(this.faults !== undefined, 'a mirror is used that was never registered');
    return this.faults;
  }
}
