/**
 * A buffer of the user's whose pages are pinned for the hardware: struct mmu_rb_node with what stands around it, struct
 * tid_rb_node of an expected receive or struct sdma_mmu_node of user SDMA.
 *
 * 1. It is in the tree from the first publication until it is torn down (v5.3), or from its registration to its end
 *    (fixed, where it covers the time in which pages are being pinned as well).                            (HFI-1)
 * 2. In v5.3 it goes as a whole: when a part of it changes, all of its pages are given up. In `fixed` that part is, and
 *    its pages count as pinned until all of it went at once.
 *
 * mmu_rb takes its spin lock, a leaf, around each change of the tree. Here each is one step of the one thread, so there
 * is no such lock. What is there is a lock of the buffer's own, for installing against tearing down, since subscribers
 * may sleep in both.
 */
import type { DriverLock, InvalidationRange, MaybePromise, Seq, Span } from '@mmu-notifier/core';
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

  /** A set-up that outlasts `close` must not put the buffer back. */
  protected override published(): void {
    if (this.isOpen) this.#mmuRb.insert(this);
  }

  /** v5.3 gives up all of it, whoever asked for the section: it knows no owners. */
  protected override callInvalidate(range: InvalidationRange): MaybePromise<boolean | void> {
    const isExact = this.#mmuRb.collisions !== undefined || range.event === 'RELEASE';
    const given = isExact ? range : wholeOf(this, range);
    const outcome = super.callInvalidate(given);
    return isPromise(outcome)
      ? outcome.then((value) => this.#tornDown(value, given))
      : this.#tornDown(outcome, given);
  }

  override freed(): void {
    this.#mmuRb.memory.free(this.#record);
  }

  #tornDown(outcome: boolean | void, { start, end }: Span): boolean {
    if (outcome === false) return false;
    if (start <= this.start && this.end <= end) this.#mmuRb.removed(this);
    return true;
  }
}

function wholeOf({ start, end }: Span, { event, blockable }: InvalidationRange): InvalidationRange {
  return { start, end, event, blockable, owner: undefined };
}
