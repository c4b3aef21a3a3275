/**
 * The callbacks of variant `fixed`: a node for each bo, as upstream has since the interval notifier (v5.5), and beside the
 * tree the collision-retry sequence of that notifier. Upstream's radeon never asks it: RAD-1 and RAD-2 are repaired here
 * only, in the way that is documented for drivers.
 *
 * 1. A section marks every bo that it hits, bound or not, and ends. Who read pages while one was open is refused.
 * 2. No lock is held while a bo is unbound but its own reservation. (RAD-3)
 * 3. The end of the address space is told to every bo; then a worker unregisters.
 */
import {
  addressMax,
  invariant,
  type IndexFactory,
  type IntervalIndex,
  type InvalidationRange,
  type MaybePromise,
  type Seq,
  type Span,
  type Steps,
} from '@mmu-notifier/core';
import {
  CollisionSequence,
  DriverCallbacks,
  LockMemory,
  type CallContext,
} from '@mmu-notifier/hlist-srcu/driver';
import type { BoNotifier, UserBo } from './user-bo.ts';

const everything = { start: 0, end: addressMax };

/** See the file's head. */
export class SequencedMn extends DriverCallbacks implements BoNotifier {
  readonly #bos: IntervalIndex<UserBo>;
  readonly #sequence: CollisionSequence;
  readonly #scheduleDestroy: () => void;

  constructor(createIndex: IndexFactory, scheduleDestroy: () => void) {
    super();
    this.#bos = createIndex<UserBo>();
    const { region, fixedAt } = new LockMemory('radeon-mn', CollisionSequence.words, 0);
    this.#sequence = new CollisionSequence(region, fixedAt);
    this.#scheduleDestroy = scheduleDestroy;
  }

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    this.#sequence.enter();
    const hits = this.#hits(range);
    if (hits.length === 0) return true;
    if (range.blockable) return this.runIn(this.#unbind(hits, range, context), context);
    this.#sequence.leave();
    return false;
  }

  invalidateRangeEnd(): void {
    this.#sequence.leave();
  }

  release(_cookie: number, context: CallContext): MaybePromise<void> {
    return this.runIn(this.#release(context), context);
  }

  register(bo: UserBo): void {
    bo.mark = this.#sequence.markOfNew;
    bo.handle = this.#bos.insert(bo);
    bo.mn = this;
  }

  unregister(bo: UserBo): void {
    this.#bos.remove(bo.handle!);
    bo.handle = undefined;
    bo.mn = undefined;
  }

  forget(): void {
    for (const bo of this.#hits(everything)) this.unregister(bo);
  }

  begin(bo: UserBo, context: CallContext): MaybePromise<Seq> {
    return this.#sequence.begin(bo, context);
  }

  collided(bo: UserBo, seq: Seq): boolean {
    return this.#sequence.collided(bo, seq);
  }

  rangeToUnbind(_bo: UserBo, range: InvalidationRange): InvalidationRange {
    return range;
  }

  verify(): void {
    this.#bos.verify();
    const all = this.#hits(everything);
    invariant(all.length === this.#bos.size, 'a bo of the tree is not found');
    invariant(this.#sequence.open >= 0, 'more sections have ended than begun');
    for (const { mn } of all) invariant(mn === this, 'a bo is in the tree of another');
  }

  *#unbind(
    hits: readonly UserBo[],
    range: InvalidationRange,
    context: CallContext,
  ): Steps<boolean> {
    for (const bo of hits) this.#sequence.hit(bo);
    try {
      return yield* this.tearDownEach(hits, range, context);
    } catch (error) {
      this.#sequence.leave(); // it is not open; what was unbound nobody knows, and whoever was hit tries again
      throw error;
    }
  }

  /** Nothing is read or published any more: there is nothing to mark. */
  *#release(context: CallContext): Steps<void> {
    try {
      yield* this.releaseEach(this.#hits(everything), context);
    } finally {
      this.#sequence.abandon();
      this.#scheduleDestroy();
    }
  }

  #hits(range: Span): UserBo[] {
    const hits: UserBo[] = [];
    this.#bos.collect(range, hits);
    return hits;
  }
}
