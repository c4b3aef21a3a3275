/**
 * The callbacks of variant `fixed`: a node for each bo, as upstream has since the interval notifier (v5.5), and beside the
 * tree the collision-retry sequence of that notifier. Upstream's radeon never asks it: RAD-1 and RAD-2 are repaired here
 * only, in the way that is documented for drivers.
 *
 * 1. A section marks every bo that it hits, bound or not, and ends. Who read pages while one was open is refused.
 * 2. No lock is held while a bo is unbound but its own reservation. (RAD-3)
 * 3. The end of the address space is told to every bo; then a worker unregisters.
 */
import { invariant, type IndexFactory, type InvalidationRange } from '@mmu-notifier/core';
import { SequencedCallbacks } from '@mmu-notifier/hlist-srcu/driver';
import type { BoNotifier, UserBo } from './user-bo.ts';

/** See the file's head. */
export class SequencedMn extends SequencedCallbacks<UserBo> implements BoNotifier {
  readonly #scheduleDestroy: () => void;

  constructor(createIndex: IndexFactory, scheduleDestroy: () => void) {
    super(createIndex, 'radeon-mn');
    this.#scheduleDestroy = scheduleDestroy;
  }

  register(bo: UserBo): void {
    this.insert(bo);
    bo.mn = this;
  }

  unregister(bo: UserBo): void {
    this.take(bo);
    bo.mn = undefined;
  }

  forget(): void {
    for (const bo of this.hits()) this.unregister(bo);
  }

  rangeToUnbind(_bo: UserBo, range: InvalidationRange): InvalidationRange {
    return range;
  }

  override verify(): void {
    super.verify();
    for (const { mn } of this.hits()) invariant(mn === this, 'a bo is in the tree of another');
  }

  protected override released(): void {
    this.#scheduleDestroy();
  }
}
