/**
 * What the bos of one address space have in common: struct amdgpu_mn, over its mirror of HMM.
 *
 * 1. A section holds amn->lock for read while it tears down what it hits; registering, and submitting, hold it for write.
 *    So a submission that found its pages valid is over before the section goes on, which tears it down then.
 * 2. A non-blockable start is refused by the lock, or by the first node that it hits, whatever lies in it.     [N2]
 * 3. The end of the address space has a worker free the nodes, and unregister the mirror after that:
 *
 *        section, begun before the end        worker
 *        ------------------------------------ ------------------------------------
 *        start: waits for amn->lock
 *                                             frees the nodes, leaves them in the tree
 *                                             amn->lock is free
 *        searches the tree, walks a node      unregisters the mirror
 *        Required: it finds none.                                                                         (AMD-3)
 *
 * The kernel has one for each of two types, GFX and HSA. They differ in what is done to a bo that is hit (fences are
 * waited for; queues are stopped, and a worker restores them later), which is the subscriber's here. mirrors_sem
 * guards a list of mirrors; here is one, which comes before any section can find it and goes as shown.
 *
 * Lock order: mn_lock, then amn->lock, then a subscriber's own.
 *
 * Source: Linux drivers/gpu/drm/amd/amdgpu/amdgpu_mn.c, v5.3.
 */
import {
  isPromise,
  overlaps,
  type InvalidationRange,
  type MaybePromise,
  type Span,
  type Steps,
} from '@mmu-notifier/core';
import { DriverCallbacks, type CallContext } from '@mmu-notifier/hlist-srcu/driver';
import type { RwSemaphore } from '@mmu-notifier/sync';
import type { Bo } from './bo.ts';
import type { Collisions } from './collisions.ts';
import type { MnNode, Nodes } from './nodes.ts';

/** What it is made of. */
export interface AmdgpuMnParts {
  readonly lock: RwSemaphore;
  readonly nodes: Nodes;
  readonly collisions: Collisions;
  /** The variant `fixed`: nodes that are freed leave the tree. */
  readonly erasesFreed: boolean;
  readonly scheduleDestroy: () => void;
}

/** See the file's head. */
export class AmdgpuMn extends DriverCallbacks {
  /** How often a section walked a node whose memory the kernel had given back. */
  freedVisits = 0;
  readonly #parts: AmdgpuMnParts;
  /** The worker is through with its mirror. */
  #isUnregistered = false;

  constructor(parts: AmdgpuMnParts) {
    super();
    this.#parts = parts;
  }

  // The notifier's callbacks.

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    const { lock, collisions } = this.#parts;
    collisions.start(range);
    if (this.#isUnregistered) return true;
    if (!range.blockable) {
      if (lock.tryDownRead()) return this.#sync(range, context);
      collisions.end();
      return false;
    }
    const down = context.isSync ? lock.downReadSync() : lock.downRead(context.signal);
    return isPromise(down) ? this.#syncAfter(down, range, context) : this.#sync(range, context);
  }

  invalidateRangeEnd(): void {
    this.#parts.collisions.end();
  }

  /** The kernel leaves the bos to whoever closes the device's file. Tearing them down is the contract's. */
  release(_cookie: number, context: CallContext): MaybePromise<void> {
    return this.runIn(this.#release(context), context);
  }

  // Bos.

  /** Linux: amdgpu_mn_register. Waits for submissions and for sections that tear down. */
  *register(bo: Bo, context: CallContext): Steps<void> {
    const { nodes, collisions } = this.#parts;
    yield* this.#change(() => {
      nodes.insert(bo);
      bo.faults = collisions.createFaults(bo);
    }, context);
  }

  /** Linux: amdgpu_mn_unregister. */
  *unregister(bo: Bo, context: CallContext): Steps<void> {
    yield* this.#change(() => {
      this.#parts.nodes.remove(bo);
      bo.faults?.close();
    }, context);
  }

  /** Linux: amdgpu_mn_destroy. */
  *destroy(context: CallContext): Steps<void> {
    const { nodes, erasesFreed } = this.#parts;
    yield* this.#change(() => nodes.free({ erases: erasesFreed }), context);
    this.#isUnregistered = true; // the kernel waits, by mirrors_sem, for the sections that are in it
  }

  verify(): void {
    this.#parts.nodes.verify();
  }

  async #syncAfter(
    down: Promise<void>,
    range: InvalidationRange,
    context: CallContext,
  ): Promise<boolean> {
    try {
      await down;
    } catch (error) {
      this.#parts.collisions.end();
      throw error;
    }
    return this.#sync(range, context);
  }

  /** With amn->lock held for read; gives it back. Linux: amdgpu_mn_sync_pagetables_gfx. */
  #sync(range: InvalidationRange, context: CallContext): MaybePromise<boolean> {
    const { lock, nodes, collisions } = this.#parts;
    const hits = nodes.hits(range);
    if (hits.length > 0 && range.blockable) {
      return this.runIn(this.#tearDown(hits, range, context), context);
    }
    lock.upRead();
    if (hits.length === 0) return true;
    collisions.end();
    return false;
  }

  *#tearDown(
    hits: readonly MnNode[],
    range: InvalidationRange,
    context: CallContext,
  ): Steps<boolean> {
    const { lock, collisions } = this.#parts;
    const bos = this.#affected(hits, range);
    for (const { faults } of bos) faults?.hit?.();
    let isTornDown = false;
    try {
      isTornDown = yield* this.tearDownEach(bos, range, context);
      return isTornDown;
    } finally {
      lock.upRead();
      if (!isTornDown) collisions.end();
    }
  }

  /** Linux: amdgpu_mn_invalidate_node, and amdgpu_ttm_tt_affect_userptr for each bo. */
  #affected(nodes: readonly MnNode[], range: Span): Bo[] {
    const affected: Bo[] = [];
    for (const node of nodes) {
      if (node.isFreed) this.freedVisits++;
      for (const bo of node.bos) if (overlaps(bo, range)) affected.push(bo);
    }
    return affected;
  }

  *#release({ isSync, signal }: CallContext): Steps<void> {
    const { lock, nodes, collisions, scheduleDestroy } = this.#parts;
    yield isSync ? lock.downReadSync() : lock.downRead(signal);
    try {
      const all = nodes.all().flatMap(({ bos }) => [...bos]);
      yield* this.releaseEach(all, { isSync, signal });
    } finally {
      lock.upRead();
      collisions.abandon();
      scheduleDestroy();
    }
  }

  *#change(act: () => void, { isSync, signal }: CallContext): Steps<void> {
    const { lock } = this.#parts;
    yield isSync ? lock.downWriteSync() : lock.downWrite(signal);
    act();
    lock.upWrite();
  }
}
