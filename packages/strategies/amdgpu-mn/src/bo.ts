/**
 * A buffer object of user memory: struct amdgpu_bo, and getting its pages.
 *
 * 1. What reads the pages registers a range over the bo and waits for it to be valid, at most 1000 ms:
 *    amdgpu_ttm_tt_get_user_pages.
 * 2. A command submission (CS) takes amn->lock for write, asks whether the range is valid still
 *    (amdgpu_ttm_tt_get_user_pages_done), and holds the lock until it has submitted. That is every publication but
 *    the first.
 * 3. The first one stands for who validates a bo when it is made: KFD's init_user_pages, and GEM with
 *    AMDGPU_GEM_USERPTR_VALIDATE. They do not look at what `done` says:
 *
 *        section                              validation of a new bo
 *        ------------------------------------ ------------------------------------
 *                                             reads page P
 *        start: the bo is not mapped, nothing to tear down
 *        P is replaced
 *        end
 *                                             done() -> whatever; maps P
 *        Required: P is refused.                                                                          (AMD-1)
 *
 *    They do not hold amn->lock either. Here they do: who does not ask gains nothing by it.
 *
 * Source: Linux drivers/gpu/drm/amd/amdgpu/amdgpu_ttm.c, amdgpu_cs.c and amdgpu_amdkfd_gpuvm.c, v5.3.
 */
import { invariant, type DriverLock, type MaybePromise, type Seq } from '@mmu-notifier/core';
import {
  DriverSubscription,
  NestedLock,
  type CallContext,
  type Faults,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import type { MnNode } from './nodes.ts';

/** What a bo is made with, beside what it was subscribed with. */
export interface BoSettings {
  /** amn->lock, held for write. */
  readonly submissionLock: DriverLock;
  /** The variant `fixed`: whoever validates a new bo asks, too. */
  readonly asksAtFirst: boolean;
}

/** See the file's head. */
export class Bo extends DriverSubscription {
  /** amn->lock, and the subscriber's in it. */
  protected readonly lock: DriverLock;
  /** A section holds amn->lock for read already, for all bos that it hits. */
  protected readonly callbackLock: DriverLock | undefined;
  /** While it is registered. */
  node: MnNode | undefined = undefined;
  /** Since it is registered. */
  faults: Faults | undefined = undefined;
  #asks: boolean;

  constructor(init: SubscriptionInit, { submissionLock, asksAtFirst }: BoSettings) {
    super(init);
    const { lock } = init.ops;
    this.lock = lock === undefined ? submissionLock : new NestedLock(submissionLock, lock);
    this.callbackLock = lock;
    this.#asks = asksAtFirst;
  }

  protected begin(context: CallContext): MaybePromise<Seq> {
    return this.#registered().begin(context);
  }

  /** Without a range there are no pages either, whoever asks: hmm_range_fault said -EBUSY, or they were used already. */
  protected override collided(seq: Seq): boolean {
    const faults = this.#registered();
    const hasPages = !faults.isHopeless(seq);
    const isValid = faults.done(seq);
    return this.#asks ? !isValid : !hasPages;
  }

  protected override published(): void {
    this.#asks = true;
  }

  protected override isHopeless(seq: Seq): boolean {
    return this.#registered().isHopeless(seq);
  }

  #registered(): Faults {
    invariant(this.faults !== undefined, 'a bo is used that was never registered');
    return this.faults;
  }
}
