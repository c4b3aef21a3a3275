/**
 * An endpoint of the user's, in one address space: struct scif_mmu_notif, with what a copy does of scif_rma_copy.
 *
 * 1. A start goes through the list of cached windows and has those torn down that it hits. It does not know of a window
 *    whose pages are pinned already and which is not in the list yet:
 *
 *        munmap                               copy
 *        ------------------------------------ ------------------------------------
 *                                             pins the page
 *        start: finds nothing
 *        the page changes
 *        end: does nothing
 *                                             inserts the window
 *        Required: no later copy goes through it. They do.                                        (SCIF-1)
 *
 * 2. A copy that is not to be cached goes through a window of its own, which is in no list, and which the worker
 *    destroys afterwards. By an inverted condition that is every copy of up to `cachePagesMax` pages.    (SCIF-2)
 * 3. Variant `fixed`: a buffer has its window, and has it in the list, from its registration to its end, and a copy is
 *    refused that a section collided with. Cached or not, its pages are given up as before.              [R2]
 * 4. A window stays where sections find it until all that went through it is torn down: ours, since here what goes
 *    through a window is used longer than a copy takes.
 *
 * Lock order: rma_lock, then a buffer's own. The worker takes both, a start the latter only.
 *
 * Sources: Linux drivers/misc/mic/scif/scif_dma.c, v5.3. `fixed` is ours: the driver was removed (v5.10) as it was.
 */
import {
  callbackRefused,
  invariant,
  isPromise,
  type InvalidationRange,
  type MaybePromise,
  type Steps,
} from '@mmu-notifier/core';
import type { Registration } from '@mmu-notifier/hlist-srcu';
import {
  CollisionSequence,
  DriverCallbacks,
  LockMemory,
  WorkQueue,
  type CallContext,
  type Defer,
  type Driver,
  type DriverMm,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import { bufferWords, CopyBuffer } from './copy-buffer.ts';
import { pagesIn, Window, WindowList } from './window.ts';

/** Pages that an endpoint caches: 512 MiB. Linux: SCIF_RMA_TEMP_CACHE_LIMIT. */
export const cachePagesMax = 0x20000;

/** What a variant differs in. */
export interface EndpointSettings {
  readonly defer: Defer;
  /** The condition is as it was meant: copies that the cache has room for are cached, and not those that it has not. */
  readonly isCacheRight: boolean;
  readonly isFixed: boolean;
}

const plain: CallContext = { isSync: false, signal: undefined };

/** See the file's head. */
export class Endpoint extends DriverCallbacks implements Driver<CopyBuffer> {
  readonly memory: LockMemory;
  readonly rmaLock: Mutex;
  /** Variant `fixed`. */
  readonly collisions: CollisionSequence | undefined;
  /** tc_reg_list. */
  readonly list = new WindowList();
  /** tcw_total_pages. */
  cachedPages = 0;
  readonly #mm: DriverMm;
  readonly #settings: EndpointSettings;
  readonly #buffers = new Set<CopyBuffer>();
  /** misc_work. */
  readonly #work: WorkQueue;
  readonly #registered: MaybePromise<Registration>;

  constructor(mm: DriverMm, settings: EndpointSettings) {
    super();
    this.#mm = mm;
    this.#settings = settings;
    this.memory = new LockMemory('scif', mutexWords + CollisionSequence.words, bufferWords);
    const { region, fixedAt } = this.memory;
    this.rmaLock = new Mutex(region, fixedAt, 'rma_lock');
    const sequenceAt = fixedAt + mutexWords;
    this.collisions = settings.isFixed ? new CollisionSequence(region, sequenceAt) : undefined;
    this.#work = new WorkQueue(settings.defer);
    this.#registered = mm.list.register(this);
  }

  // The notifier's callbacks.

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    this.collisions?.enter();
    const windows = this.list.hits(range);
    if (windows.length === 0) return true;
    const hits = new Set(windows.flatMap(({ buffers }) => [...buffers]));
    // A non-blockable start is one step: nobody sees what it marks before it is known to go through.
    if (range.blockable) this.#mark(hits);
    return this.runIn(this.#tearDown(hits, range, context), context);
  }

  /** In v5.3, empty. */
  invalidateRangeEnd(): void {
    this.collisions?.leave();
  }

  /** Every window goes. */
  release(_cookie: number, context: CallContext): MaybePromise<void> {
    return this.runIn(this.#release(context), context);
  }

  // Buffers.

  createSubscription(init: SubscriptionInit): CopyBuffer {
    return new CopyBuffer(init, this);
  }

  /** Waits for the endpoint's own registration only. */
  *attach(buffer: CopyBuffer): Steps<void> {
    if (isPromise(this.#registered)) yield this.#registered;
    this.#buffers.add(buffer);
    if (this.collisions === undefined) return;
    buffer.mark = this.collisions.markOfNew;
    this.#insert(new Window(buffer), buffer);
  }

  detach(buffer: CopyBuffer): void {
    this.#buffers.delete(buffer);
    this.#leaveAll(buffer);
  }

  /** A copy was made through pages that were pinned for it. Linux: scif_rma_copy. */
  copied(buffer: CopyBuffer): void {
    const isCached = this.#hasRoomFor(buffer) === this.#settings.isCacheRight;
    const window = this.#windowFor(buffer, isCached);
    if (window === undefined) this.#work.queue(() => this.#tearDownAll([buffer]));
    else if (isCached) this.#count(window);
    else this.#destroy(window);
  }

  /** Nothing of a buffer is left; its lock is held. */
  tornDown(buffer: CopyBuffer): void {
    if (!this.#settings.isFixed) return this.#leaveAll(buffer);
    for (const window of buffer.windows) {
      window.isGoing = false;
      this.#uncount(window);
    }
  }

  verify(): void {
    this.list.verify();
    for (const window of this.list.all) {
      for (const buffer of window.buffers) {
        invariant(this.#buffers.has(buffer), 'a window is used by a buffer that is closed');
        invariant(buffer.windows.has(window), 'a buffer does not know its window');
      }
    }
  }

  // Windows.

  /** `undefined`: the copy has one of its own, for this once. */
  #windowFor(buffer: CopyBuffer, isCached: boolean): Window | undefined {
    if (this.#settings.isFixed) return buffer.windows.values().next().value;
    const { window, outgrown, span } = this.list.query(buffer);
    if (outgrown !== undefined) this.#destroy(outgrown);
    if (window !== undefined) this.#join(window, buffer);
    return window ?? (isCached ? this.#insert(new Window(span), buffer) : undefined);
  }

  /** Makes room, if it is a question of room. Linux: scif_rma_tc_can_cache, which gives up the buffer's own as well. */
  #hasRoomFor(buffer: CopyBuffer): boolean {
    const pages = pagesIn(buffer);
    if (pages > cachePagesMax) return false;
    if (this.cachedPages + pages > cachePagesMax) {
      for (const window of this.list.all) {
        if (window.isCached && !window.buffers.has(buffer)) this.#destroy(window);
      }
    }
    return true;
  }

  #insert(window: Window, buffer: CopyBuffer): Window {
    this.list.insert(window);
    this.#join(window, buffer);
    return window;
  }

  #join(window: Window, buffer: CopyBuffer): void {
    window.buffers.add(buffer);
    buffer.windows.add(window);
  }

  #leaveAll(buffer: CopyBuffer): void {
    for (const window of buffer.windows) {
      window.buffers.delete(buffer);
      if (window.buffers.size > 0) continue;
      this.list.remove(window);
      this.#uncount(window);
    }
    buffer.windows.clear();
  }

  #count(window: Window): void {
    if (window.isCached) return;
    window.isCached = true;
    this.cachedPages += pagesIn(window);
  }

  /** The worker unpins its pages. */
  #uncount(window: Window): void {
    if (!window.isCached) return;
    window.isCached = false;
    this.#work.queue(() => void (this.cachedPages -= pagesIn(window)));
  }

  #destroy(window: Window): void {
    if (window.isGoing) return;
    window.isGoing = true;
    this.#work.queue(() => this.#tearDownAll(window.buffers));
  }

  /** Waits for the copies that are on their way. Linux: scif_rma_destroy_windows, scif_rma_destroy_tcw_invalid. */
  async #tearDownAll(buffers: Iterable<CopyBuffer>): Promise<void> {
    await this.rmaLock.lock();
    try {
      for (const buffer of buffers) {
        if (this.#mm.isReleased) return; // the release does it
        const { start, end } = buffer;
        const range = { start, end, event: 'CLEAR', blockable: true, owner: undefined } as const;
        if (!(await buffer.tearDown(range, plain))) throw callbackRefused();
      }
    } finally {
      this.rmaLock.unlock();
    }
  }

  *#tearDown(
    buffers: Iterable<CopyBuffer>,
    range: InvalidationRange,
    context: CallContext,
  ): Steps<boolean> {
    let isTornDown = false;
    try {
      isTornDown = yield* this.tearDownEach(buffers, range, context);
      if (isTornDown && !range.blockable) this.#mark(buffers);
      return isTornDown;
    } finally {
      if (!isTornDown) this.collisions?.leave();
    }
  }

  #mark(buffers: Iterable<CopyBuffer>): void {
    for (const buffer of buffers) this.collisions?.hit(buffer);
  }

  *#release(context: CallContext): Steps<void> {
    try {
      yield* this.releaseEach([...this.#buffers], context);
    } finally {
      this.collisions?.abandon();
    }
  }
}
