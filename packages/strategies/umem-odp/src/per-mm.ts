/**
 * What the regions of one address space have in common: struct ib_ucontext_per_mm, with the legacy callbacks.
 *
 * 1. A section that finds `active` holds the guard from its start to its end. The tree changes only with the guard
 *    held against sections: so start and end, which each search the tree, find the same regions.              [K-S8]
 * 2. A non-blockable start is refused by the guard, or by the first region that it hits, before anything changed.
 *                                                                                                              [N2]
 *
 * Lock order: the guard (until the end), then umem_mutex.
 *
 * Source: Linux drivers/infiniband/core/umem_odp.c, v5.3.
 */
import {
  invariant,
  type InvalidationRange,
  type MaybePromise,
  type Steps,
  type IntervalIndex,
} from '@mmu-notifier/core';
import { addressMax, isPromise } from '@mmu-notifier/core';
import { DriverCallbacks, type CallContext } from '@mmu-notifier/hlist-srcu/driver';
import type { SectionGuard } from './section-guard.ts';
import type { Umem } from './umem.ts';

const everything = { start: 0, end: addressMax };

/** See the file's head. */
export class PerMm extends DriverCallbacks {
  /** From the first region's registration to the last one's end; then never again. */
  isActive = true;
  /** odp_mrs_count. */
  regionCount = 0;
  readonly guard: SectionGuard;
  readonly #tree: IntervalIndex<Umem>;

  constructor(guard: SectionGuard, tree: IntervalIndex<Umem>) {
    super();
    this.guard = guard;
    this.#tree = tree;
  }

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    if (!range.blockable) return this.guard.tryEnter() && this.#start(range, context);
    const entered = this.guard.enter(context);
    return isPromise(entered)
      ? entered.then(() => this.#start(range, context))
      : this.#start(range, context);
  }

  invalidateRangeEnd(range: InvalidationRange): void {
    if (!this.isActive) return;
    for (const umem of this.#hits(range)) umem.endAccount();
    this.guard.leave();
  }

  /** Every region's count goes up for ever: there are no faults any more. */
  release(_cookie: number, context: CallContext): MaybePromise<void> {
    return this.runIn(this.#release(context), context);
  }

  /** Linux: add_umem_to_per_mm. Waits for a moment without a section. */
  *insert(umem: Umem, context: CallContext): Steps<void> {
    yield* this.guard.change(() => void (umem.handle = this.#tree.insert(umem)), context);
  }

  /** Linux: remove_umem_from_per_mm. */
  *remove(umem: Umem, context: CallContext): Steps<void> {
    if (umem.handle === undefined) return;
    yield* this.guard.change(() => {
      this.#tree.remove(umem.handle!);
      umem.handle = undefined;
      umem.completeAll();
    }, context);
  }

  /** The last region has gone. Nobody gets here between a section's start and its end, which looks at `isActive`. */
  *deactivate(context: CallContext): Steps<void> {
    yield* this.guard.change(() => void (this.isActive = false), context);
  }

  verify(): void {
    this.#tree.verify();
    const inTree = this.#hits(everything);
    invariant(inTree.length === this.#tree.size, 'a region of the tree is not found');
    for (const { count, perMm } of inTree) {
      invariant(perMm === this, 'a region is in the tree of another per_mm');
      invariant(count >= 0, `expected notifiers_count of at least 0, got ${count}`);
    }
  }

  /** With the guard held; gives it back unless it succeeds. */
  #start(range: InvalidationRange, context: CallContext): MaybePromise<boolean> {
    if (!this.isActive) {
      this.guard.leave();
      return true;
    }
    const hits = this.#hits(range);
    if (hits.length === 0) return true;
    if (!range.blockable) {
      this.guard.leave(); // ODP-6: until 7608bf40cf24 (v5.2) it was kept
      return false;
    }
    return this.runIn(this.#invalidate(hits, range, context), context);
  }

  *#invalidate(
    hits: readonly Umem[],
    range: InvalidationRange,
    context: CallContext,
  ): Steps<boolean> {
    for (const umem of hits) umem.startAccount();
    try {
      return yield* this.tearDownEach(hits, range, context);
    } catch (error) {
      // Ours: the driver's callback cannot fail. What it tore down nobody knows, so readers start again.
      this.invalidateRangeEnd(range);
      throw error;
    }
  }

  *#release(context: CallContext): Steps<void> {
    const entered = this.guard.enter(context);
    if (isPromise(entered)) yield entered;
    try {
      if (!this.isActive) return;
      const all = this.#hits(everything);
      for (const umem of all) {
        umem.startAccount();
        umem.completeAll();
      }
      yield* this.releaseEach(all, context);
    } finally {
      this.guard.leave();
      this.guard.abandon();
    }
  }

  #hits(range: { readonly start: number; readonly end: number }): Umem[] {
    const hits: Umem[] = [];
    this.#tree.collect(range, hits);
    return hits;
  }
}
