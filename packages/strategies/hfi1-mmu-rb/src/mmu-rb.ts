/**
 * The tree of buffers of one open file, with its legacy callbacks: struct mmu_rb_handler.
 *
 * 1. A start finds buffers in the tree, and asks their user what to do with each. In v5.3 it has no way to know about a
 *    buffer whose pages are pinned already and which is not in the tree yet:
 *
 *        munmap                               set-up of a receive
 *        ------------------------------------ ------------------------------------
 *                                             pins the page
 *        start: finds nothing
 *        the page changes
 *        end (there is no callback)
 *                                             programs the hardware, inserts the buffer
 *        Required: the set-up fails. It does not: the hardware writes to the old page.            (HFI-1)
 *
 * 2. Variant `fixed`: a buffer is in the tree from the beginning, and a publication is refused when a section has hit it
 *    since: upstream's covering interval notifier, whose sequence stands here beside the tree.             [R2]
 * 3. What a start tore down a worker unpins: that may sleep, which a start may not.
 * 4. A start neither waits nor fails by itself. It waits for subscribers that sleep, where blockable; where it is not,
 *    one that would sleep refuses it. In the kernel none of them sleeps, and `blockable` is not looked at.
 *
 * Sources: Linux drivers/infiniband/hw/hfi1/mmu_rb.c, v5.3; b3deec25847b (v6.2).
 */
import {
  addressMax,
  invariant,
  isPromise,
  type IndexFactory,
  type IntervalIndex,
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
  type Driver,
  type DriverMm,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { bufferWords, UserBuffer } from './user-buffer.ts';
import { ExpectedReceive, UserSdma, type MmuRbUser, type UserSettings } from './users.ts';

/** What a variant differs in. */
export interface MmuRbSettings extends UserSettings {
  readonly createIndex: IndexFactory;
  readonly user: 'expected receive' | 'user SDMA';
}

/** See the file's head. */
export class MmuRb extends DriverCallbacks implements Driver<UserBuffer> {
  readonly memory: LockMemory = new LockMemory('hfi1', CollisionSequence.words, bufferWords);
  /** Variant `fixed`. */
  readonly collisions: CollisionSequence | undefined;
  /** Buffers whose pages are pinned, also after they were torn down. */
  pinned = 0;
  readonly #user: MmuRbUser;
  readonly #tree: IntervalIndex<UserBuffer>;
  #created = 0;
  /** All that are registered. */
  readonly #buffers = new Set<UserBuffer>();
  /** del_work. */
  readonly #removals: WorkQueue;
  readonly #registered: MaybePromise<Registration>;

  constructor(mm: DriverMm, settings: MmuRbSettings) {
    super();
    const { region, fixedAt } = this.memory;
    this.collisions = settings.isFixed ? new CollisionSequence(region, fixedAt) : undefined;
    const User = settings.user === 'user SDMA' ? UserSdma : ExpectedReceive;
    this.#user = new User(settings);
    this.#tree = settings.createIndex<UserBuffer>();
    this.#removals = new WorkQueue(settings.defer);
    this.#registered = mm.list.register(this);
  }

  // The notifier's callbacks.

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    this.collisions?.enter();
    const hits: UserBuffer[] = [];
    this.#tree.collect(range, hits);
    if (hits.length === 0) return true;
    if (hits.length > 1) hits.sort(inOrder);
    // A non-blockable start is one step: nobody sees what it marks before it is known to go through.
    if (range.blockable) this.#mark(hits);
    const toTearDown = hits.filter((buffer) => this.#user.invalidate(buffer));
    if (toTearDown.length === 0) return true;
    return this.runIn(this.#tearDown(toTearDown, range, context), context);
  }

  /** v5.3 has none. */
  invalidateRangeEnd(): void {
    this.collisions?.leave();
  }

  /** Ours: Linux has none here, since the exit closes the file next, and that removes every buffer. */
  release(_cookie: number, context: CallContext): MaybePromise<void> {
    return this.runIn(this.#close(context), context);
  }

  // Buffers.

  createSubscription(init: SubscriptionInit): UserBuffer {
    return new UserBuffer(init, this, ++this.#created);
  }

  /** Waits for the file's own registration only. */
  *attach(buffer: UserBuffer): Steps<void> {
    if (isPromise(this.#registered)) yield this.#registered;
    this.#buffers.add(buffer);
    if (this.collisions === undefined) return;
    buffer.mark = this.collisions.markOfNew;
    buffer.handle = this.#tree.insert(buffer);
  }

  detach(buffer: UserBuffer): void {
    if (buffer.handle !== undefined) this.#tree.remove(buffer.handle);
    buffer.handle = undefined;
    this.#buffers.delete(buffer);
    this.#unpin(buffer);
  }

  /** Something was published for a buffer. Linux: hfi1_mmu_rb_insert. */
  insert(buffer: UserBuffer): void {
    buffer.handle ??= this.#tree.insert(buffer);
    if (!buffer.isPinned) this.pinned++;
    buffer.isPinned = true;
    this.#user.insert(buffer);
  }

  /** A buffer was torn down, under its lock. */
  removed(buffer: UserBuffer): void {
    if (this.collisions === undefined && buffer.handle !== undefined) {
      this.#tree.remove(buffer.handle);
      buffer.handle = undefined;
    }
    this.#unpin(buffer);
  }

  verify(): void {
    this.#tree.verify();
    const inTree: UserBuffer[] = [];
    this.#tree.collect({ start: 0, end: addressMax }, inTree);
    const expected = [...this.#buffers].filter(({ handle }) => handle !== undefined);
    invariant(
      inTree.length === expected.length,
      `expected ${expected.length} buffers in the tree, got ${inTree.length}`,
    );
    for (const { handle, isPinned } of this.#buffers) {
      invariant(!isPinned || handle !== undefined, 'a buffer is pinned and no section finds it');
    }
  }

  *#tearDown(
    buffers: readonly UserBuffer[],
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

  *#close(context: CallContext): Steps<void> {
    try {
      yield* this.releaseEach([...this.#buffers], context);
    } finally {
      this.collisions?.abandon();
    }
  }

  #mark(buffers: readonly UserBuffer[]): void {
    for (const buffer of buffers) this.collisions?.hit(buffer);
  }

  #unpin(buffer: UserBuffer): void {
    buffer.isFreed = false;
    if (!buffer.isPinned) return;
    buffer.isPinned = false;
    this.#removals.queue(async () => {
      await this.#user.remove();
      this.pinned--;
    });
  }
}

/** As the kernel's tree is gone through, whatever the container: the library and the worker come to them in this order. */
function inOrder(a: UserBuffer, b: UserBuffer): number {
  return a.start - b.start || a.number - b.number;
}
