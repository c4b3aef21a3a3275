/**
 * gntdev as of v5.3: a map knows the VMA that it is mapped in, and nothing of collisions.
 *
 * 1. mmap notes the VMA with priv->lock, and maps the grants after it has given the lock back. A section in between
 *    finds nothing to unmap:
 *
 *        section                              mmap
 *        ------------------------------------ ------------------------------------
 *                                             map->vma = vma; unlock
 *        start: unmaps: no grant is there yet
 *                                             maps the grants
 *        the pages change
 *        Required: nothing is mapped that the section should have unmapped. It is.             (GNT-2)
 *
 * 2. The VMA is the mm's. munmap of a part splits it before it raises its section, and the pointer stays with the part
 *    that stays: the lower one, or the upper one if the cut is at the beginning. So the section, over what goes, does not hit
 *    the map. And when the part that went is closed, the pointer is cleared: the part that stays is never unmapped
 *    either (GNT-3). Here the section says what the mm does: a blockable UNMAP over a part cuts it; the end closes.
 * 3. Grants are unmapped synchronously: a section waits, with priv->lock, until nobody else uses the pages. If he who does
 *    is told of the same section after us, or needs priv->lock, he never leaves (GNT-1).
 */
import {
  isPromise,
  overlaps,
  type InvalidationRange,
  type MaybePromise,
  type Seq,
  type Span,
} from '@mmu-notifier/core';
import { lockIn, type CallContext, type SubscriptionInit } from '@mmu-notifier/hlist-srcu/driver';
import type { Mutex } from '@mmu-notifier/sync';
import { Gntdev } from './gntdev.ts';
import { GrantMap } from './grant-map.ts';

/** See the file's head. */
export class GrantMapAsOfV53 extends GrantMap {
  /** map->vma: its span, or what is left of it. */
  mappedAt: Span | undefined = undefined;
  readonly #privLock: Mutex;

  constructor(init: SubscriptionInit, driver: GntdevAsOfV53) {
    super(init, driver);
    this.#privLock = driver.lock;
  }

  /** Linux: unmap_grant_pages, which waits in gnttab_unmap_refs_sync. */
  override tearDown(range: InvalidationRange, context: CallContext): MaybePromise<boolean> {
    const unused = this.untilUnused(range, context);
    return isPromise(unused)
      ? unused.then(() => super.tearDown(range, context))
      : super.tearDown(range, context);
  }

  /** Whoever maps again what was unmapped calls mmap again. There is nothing to wait for, and nothing to remember. */
  protected begin(context: CallContext): MaybePromise<Seq> {
    if (this.mappedAt !== undefined) return 0 as Seq;
    const locked = lockIn(this.#privLock, context);
    return isPromise(locked) ? locked.then(() => this.#mmap()) : this.#mmap();
  }

  /** The first half of gntdev_mmap, with priv->lock; gives it back. */
  #mmap(): Seq {
    if (this.isOpen) this.mappedAt ??= { start: this.start, end: this.end };
    this.#privLock.unlock();
    return 0 as Seq;
  }
}

/** See the file's head. */
export class GntdevAsOfV53 extends Gntdev {
  /** munmap sections that are open, and the maps whose VMAs their ends close, with the VMAs as they were. */
  readonly #unmapping = new Map<InvalidationRange, Map<GrantMapAsOfV53, Span>>();

  createSubscription(init: SubscriptionInit): GrantMapAsOfV53 {
    return new GrantMapAsOfV53(init, this);
  }

  /** gntdev has no such callback: this is what the mm does after, gntdev_vma_close. */
  invalidateRangeEnd(range: InvalidationRange): void {
    for (const map of this.#unmapping.get(range)?.keys() ?? []) map.mappedAt = undefined;
    this.#unmapping.delete(range);
  }

  protected mapped(map: GrantMapAsOfV53): void {
    map.mappedAt = { start: map.start, end: map.end };
  }

  protected entered(range: InvalidationRange, maps: readonly GrantMapAsOfV53[]): void {
    const isMunmap = range.event === 'UNMAP' && range.blockable; // the OOM reaper's leaves VMAs as they are
    if (!isMunmap) return;
    const before = new Map<GrantMapAsOfV53, Span>();
    for (const map of maps) {
      const { mappedAt } = map;
      if (mappedAt === undefined || !overlaps(mappedAt, range)) continue;
      before.set(map, mappedAt);
      map.mappedAt = afterSplit(mappedAt, range);
    }
    if (before.size > 0) this.#unmapping.set(range, before);
  }

  protected hit(): void {}

  /** Then the mm leaves the VMAs as they were. */
  protected left(range: InvalidationRange): void {
    for (const [map, vma] of this.#unmapping.get(range) ?? []) map.mappedAt = vma;
    this.#unmapping.delete(range);
  }

  protected released(): void {}
}

/** The VMA after a munmap has split it. Linux: __do_munmap and __split_vma, v5.3. */
function afterSplit(vma: Span, { start, end }: Span): Span {
  if (start > vma.start) return { start: vma.start, end: start };
  return end < vma.end ? { start: end, end: vma.end } : vma;
}
