/**
 * A buffer of the user's whose pages are pinned for the hardware: struct mmu_rb_node with what stands around it, struct
 * tid_rb_node of an expected receive or struct sdma_mmu_node of user SDMA.
 *
 * 1. It is in the tree from the first publication until it is torn down (v5.3), or from its registration to its end
 *    (fixed, where it covers the time in which pages are being pinned as well).                            (HFI-1)
 * 2. It goes as a whole: when a part of it changes, all of its pages are given up.
 *
 * mmu_rb takes its spin lock, a leaf, around each change of the tree. Here each is one step of the one thread, so there
 * is no such lock. What is there is a lock of the buffer's own, for installing against tearing down, since subscribers
 * may sleep in both.
 */
import type { DriverLock, InvalidationRange, MaybePromise, Seq } from '@mmu-notifier/core';
import { isPromise } from '@mmu-notifier/core';
import {
  DriverSubscription,
  type Collidable,
  type SubscriptionInit,
  type CallContext,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import type { MmuRb } from './mmu-rb.ts';

/** Words of a buffer: its lock. */
export const bufferWords: number = mutexWords;

/** See the file's head. */
export class UserBuffer extends DriverSubscription implements Collidable {
  /** 1, 2, … in the order of their registration. */
  readonly number: number;
  /** While it is in the tree. */
  handle: number | undefined = undefined;
  /** Its pages are pinned for what was published and has not been torn down. */
  isPinned = false;
  /** Expected receive: it has been hit, and the library is told to free it. */
  isFreed = false;
  /** User SDMA: packets on their way that use its pages. */
  packets = 0;
  mark = 0;
  protected readonly lock: DriverLock;
  protected readonly callbackLock: DriverLock;
  readonly #mmuRb: MmuRb;
  /** First of its words. */
  readonly #record: number;

  constructor(init: SubscriptionInit, mmuRb: MmuRb, number: number) {
    super(init);
    const { memory } = mmuRb;
    this.#mmuRb = mmuRb;
    this.number = number;
    this.#record = memory.take();
    this.lock = init.ops.lock ?? new Mutex(memory.region, this.#record, 'user buffer');
    this.callbackLock = this.lock;
  }

  /** v5.3 has nothing to wait for. */
  protected begin(context: CallContext): MaybePromise<Seq> {
    return this.#mmuRb.collisions?.begin(this, context) ?? (0 as Seq);
  }

  protected override collided(seq: Seq): boolean {
    return this.#mmuRb.collisions?.collided(this, seq) ?? false;
  }

  protected override isHopeless(seq: Seq): boolean {
    return this.collided(seq);
  }

  protected override published(): void {
    this.#mmuRb.insert(this);
  }

  /** All of it, and whoever asked for the section: the driver knows no owners. */
  protected override callInvalidate({
    event,
    blockable,
  }: InvalidationRange): MaybePromise<boolean | void> {
    const { start, end } = this;
    const outcome = super.callInvalidate({ start, end, event, blockable, owner: undefined });
    return isPromise(outcome)
      ? outcome.then((value) => this.#tornDown(value))
      : this.#tornDown(outcome);
  }

  override freed(): void {
    this.#mmuRb.memory.free(this.#record);
  }

  #tornDown(outcome: boolean | void): boolean {
    if (outcome === false) return false;
    this.#mmuRb.removed(this);
    return true;
  }
}
