/**
 * A tree of registrations with a collision-retry sequence beside it: what drivers came to whose own scheme upstream
 * replaced by the interval notifier. A driver adds its locks, and how it tears down.
 *
 * 1. A registration is in the tree from its making to its end: every section finds it.
 * 2. A section takes its hits once and marks them before anything is torn down; it ends. Who read while one was open
 *    that hit it is refused.
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
import { DriverCallbacks } from './driver-callbacks.ts';
import { CollisionSequence, type Collidable } from './driver-collision-sequence.ts';
import { LockMemory } from './driver-locks.ts';
import type { DriverSubscription } from './driver-subscription.ts';
import type { CallContext } from './ops.ts';

const everything = { start: 0, end: addressMax };

/** A registration as the tree holds it. */
export interface SequencedRegistration extends DriverSubscription, Collidable {
  /** In the tree; `undefined` before and after. */
  handle: number | undefined;
}

/** See the file's head. */
export abstract class SequencedCallbacks<T extends SequencedRegistration> extends DriverCallbacks {
  readonly #tree: IntervalIndex<T>;
  readonly #sequence: CollisionSequence;

  constructor(createIndex: IndexFactory, driver: string) {
    super();
    this.#tree = createIndex<T>();
    const { region, fixedAt } = new LockMemory(driver, CollisionSequence.words, 0);
    this.#sequence = new CollisionSequence(region, fixedAt);
  }

  /** Runs what tears down, with the locks held that the driver takes for all its hits: none, if it says no other. */
  protected locked<R>(steps: Steps<R>, _context: CallContext): Steps<R> {
    return steps;
  }

  /** The address space is gone, and everybody has been told. */
  protected released(): void {}

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    this.#sequence.enter();
    const hits = this.hits(range);
    if (hits.length === 0) return true;
    if (range.blockable) return this.runIn(this.#invalidate(hits, range, context), context);
    this.#sequence.leave();
    return false;
  }

  invalidateRangeEnd(): void {
    this.#sequence.leave();
  }

  release(_cookie: number, context: CallContext): MaybePromise<void> {
    return this.runIn(this.#release(context), context);
  }

  begin(registration: T, context: CallContext): MaybePromise<Seq> {
    return this.#sequence.begin(registration, context);
  }

  collided(registration: T, seq: Seq): boolean {
    return this.#sequence.collided(registration, seq);
  }

  verify(): void {
    this.#tree.verify();
    const all = this.hits(everything);
    invariant(all.length === this.#tree.size, 'a registration of the tree is not found');
    invariant(this.#sequence.open >= 0, 'more sections have ended than begun');
  }

  protected insert(registration: T): void {
    registration.mark = this.#sequence.markOfNew;
    registration.handle = this.#tree.insert(registration);
  }

  protected take(registration: T): void {
    this.#tree.remove(registration.handle!);
    registration.handle = undefined;
  }

  protected hits(range: Span = everything): T[] {
    const hits: T[] = [];
    this.#tree.collect(range, hits);
    return hits;
  }

  *#invalidate(hits: readonly T[], range: InvalidationRange, context: CallContext): Steps<boolean> {
    for (const registration of hits) this.#sequence.hit(registration);
    try {
      return yield* this.locked(this.tearDownEach(hits, range, context), context);
    } catch (error) {
      this.#sequence.leave(); // it is not open; what was torn down nobody knows, and whoever was hit tries again
      throw error;
    }
  }

  /** Nothing is read or published any more: there is nothing to mark. */
  *#release(context: CallContext): Steps<void> {
    try {
      yield* this.locked(this.releaseEach(this.hits(), context), context);
    } finally {
      this.#sequence.abandon();
      this.released();
    }
  }
}
