/**
 * A metadata area of a virtqueue, the kernel's map of it, and its users: uaddrs[i] and maps[i].
 *
 * 1. `isMapped` says that there is a map (the subscriber's derived state). It is set by a publication and cleared by a
 *    section that hits the area, each with mmu_lock.
 * 2. vhost looks at the count, reads the pages (a fast GUP) and maps them in one critical section of mmu_lock. Here the
 *    reader reads before `publish`. So `turns` counts the sections that hit the area, and a read that one of them
 *    began in is refused: in vhost that section would have waited for mmu_lock, and torn the map down after.
 *
 *        start                                map
 *        ------------------------------------ ------------------------------------
 *                                             begin: turns, then the page is read
 *        count++, turns++, tear down
 *        the page changes
 *        end: count--
 *                                             count is 0, but turns differs: refused
 *        Required: the old page is not mapped.                                                  [R2]
 *
 * 3. A map that is refused waits for nothing in vhost: the worker copies from user space instead. Here it waits, once,
 *    in the next `begin`, for the sections that hit the virtqueue and are still going to end.
 */
import type {
  DriverLock,
  InvalidationRange,
  MaybePromise,
  Seq,
  SubscriptionOps,
} from '@mmu-notifier/core';
import { isPromise } from '@mmu-notifier/core';
import {
  DriverSubscription,
  NestedLock,
  type CallContext,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import type { Vhost } from './vhost.ts';
import type { Virtqueue } from './virtqueue.ts';

/** What a subscriber may supply beside the contract's. */
export interface AreaOps extends SubscriptionOps {
  /**
   * The device may have written to the pages of the map, which is about to go: set_page_dirty. With mmu_lock held, so
   * it must not wait. Only for areas that are mapped for writing.
   */
  setPageDirty?(cookie: number): void;
}

/** See the file's head. */
export class Area extends DriverSubscription {
  readonly virtqueue: Virtqueue;
  /** Its place in the virtqueue. */
  readonly index: number;
  /** Whether the device knows its address: uaddrs[index].size > 0. */
  isSet = false;
  isMapped = false;
  /** Sections that hit it so far. */
  turns = 0;
  /** mmu_lock, and the subscriber's in it. */
  protected readonly lock: DriverLock;
  protected readonly callbackLock: DriverLock;
  readonly #vhost: Vhost;
  /** The section that found the last map. */
  #unmappedBy: InvalidationRange | undefined = undefined;

  constructor(init: SubscriptionInit, virtqueue: Virtqueue, vhost: Vhost) {
    super(init);
    const { lock } = init.ops;
    this.virtqueue = virtqueue;
    this.index = virtqueue.place(this);
    this.lock = lock === undefined ? virtqueue.mmuLock : new NestedLock(virtqueue.mmuLock, lock);
    this.callbackLock = this.lock;
    this.#vhost = vhost;
  }

  /**
   * Uses the map, as vhost's worker does: no section that unmaps it returns before `use` is over. Returns `undefined`
   * without calling `use` if there is no map, and the worker takes the slow way. May wait, in variant `fixed`; `use`
   * must not start a section that hits the area.
   */
  access<T>(use: () => MaybePromise<T>): MaybePromise<T | undefined> {
    return this.#vhost.accessors.access(this.virtqueue, () => (this.isMapped ? use() : undefined));
  }

  /** Linux: vhost_invalidate_vq_start, after the count. */
  override tearDown(range: InvalidationRange, context: CallContext): MaybePromise<boolean> {
    const tornDown = super.tearDown(range, context);
    return isPromise(tornDown)
      ? tornDown.then((isTornDown) => this.#untilUnused(isTornDown, range, context))
      : this.#untilUnused(tornDown, range, context);
  }

  /** With mmu_lock held: nobody can find the map any more. Linux: vhost_set_map_dirty. */
  unmap(): void {
    if (!this.isMapped) return;
    this.isMapped = false;
    (this.ops as AreaOps).setPageDirty?.(this.cookie);
  }

  protected begin(context: CallContext): MaybePromise<Seq> {
    const before = this.turns as Seq;
    const ended = this.virtqueue.idle.wait(Infinity, context);
    if (!isPromise(ended)) return before;
    // Where another section has started since, its number would be good again when it ends.                  [R5]
    return ended.then(() => (this.virtqueue.invalidateCount === 0 ? (this.turns as Seq) : before));
  }

  /** Linux: vhost_map_prefetch; and the file's head. */
  protected override collided(seq: Seq): boolean {
    return this.virtqueue.invalidateCount !== 0 || this.turns !== seq;
  }

  protected override isHopeless(seq: Seq): boolean {
    return this.turns !== seq;
  }

  protected override published(): void {
    this.isMapped = true;
  }

  override freed(): void {
    this.virtqueue.areas[this.index] = undefined;
    this.#vhost.freed(this);
  }

  protected override callInvalidate(range: InvalidationRange): MaybePromise<boolean | void> {
    if (this.isMapped) this.#unmappedBy = range;
    this.unmap();
    return super.callInvalidate(range);
  }

  #untilUnused(
    isTornDown: boolean,
    range: InvalidationRange,
    context: CallContext,
  ): MaybePromise<boolean> {
    if (this.#unmappedBy !== range) return isTornDown; // there was no map, so nobody to wait for (VH-2)
    this.#unmappedBy = undefined;
    const unused = this.#vhost.accessors.synchronize(context);
    return isPromise(unused) ? unused.then(() => isTornDown) : isTornDown;
  }
}
