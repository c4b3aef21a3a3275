/**
 * The callbacks of variant `fixed`: the same driver with a collision-retry sequence beside its tree. Upstream moved the
 * driver to the interval notifier instead (ed29c2691188, v5.13), whose steps these are:
 *
 * 1. An object is in the tree from its making to its end, with pages or without: every section finds it. (I915-1)
 * 2. Sections end. Who got pages while one was open that hit the object is refused.                      (I915-2)
 * 3. A section takes its hits once and does not search again: what gets pages meanwhile collided.        (I915-3)
 * 4. struct_mutex is waited for, come what may.                                                          (I915-4)
 * 5. Pages are got where they are wanted, and no worker is needed; the end of the address space is told.
 *
 * Lock order: struct_mutex, then obj->mm.lock.
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
import type { UserptrNotifier, UserptrObject } from './object.ts';
import type { StructMutex, Taken } from './struct-mutex.ts';

const everything = { start: 0, end: addressMax };

/** See the file's head. */
export class SequencedNotifier extends DriverCallbacks implements UserptrNotifier {
  readonly #objects: IntervalIndex<UserptrObject>;
  readonly #structMutex: StructMutex;
  readonly #sequence: CollisionSequence;

  constructor(createIndex: IndexFactory, structMutex: StructMutex) {
    super();
    this.#objects = createIndex<UserptrObject>();
    this.#structMutex = structMutex;
    const { region, fixedAt } = new LockMemory('i915-userptr', CollisionSequence.words, 0);
    this.#sequence = new CollisionSequence(region, fixedAt);
  }

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    this.#sequence.enter();
    const hits = this.#hits(range);
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

  add(object: UserptrObject): void {
    object.mark = this.#sequence.markOfNew;
    object.handle = this.#objects.insert(object);
  }

  remove(object: UserptrObject): void {
    if (object.handle === undefined) return;
    this.#objects.remove(object.handle);
    object.handle = undefined;
  }

  begin(object: UserptrObject, context: CallContext): MaybePromise<Seq> {
    return this.#sequence.begin(object, context);
  }

  collided(object: UserptrObject, seq: Seq): boolean {
    return this.#sequence.collided(object, seq);
  }

  gotPages(): void {}

  putPages(
    _object: UserptrObject,
    range: InvalidationRange,
    unbind: (range: InvalidationRange) => MaybePromise<boolean | void>,
  ): MaybePromise<boolean | void> {
    return this.#structMutex.inside(() => unbind(range));
  }

  verify(): void {
    this.#objects.verify();
    const all = this.#hits(everything);
    invariant(all.length === this.#objects.size, 'an object of the tree is not found');
    invariant(this.#sequence.open >= 0, 'more sections have ended than begun');
    for (const { notifier } of all) {
      invariant(notifier === this, 'an object is in the tree of another address space');
    }
  }

  *#invalidate(
    hits: readonly UserptrObject[],
    range: InvalidationRange,
    context: CallContext,
  ): Steps<boolean> {
    for (const object of hits) this.#sequence.hit(object);
    try {
      const taken = (yield this.#structMutex.take(context)) as Taken;
      try {
        return yield* this.tearDownEach(hits, range, context);
      } finally {
        this.#structMutex.give(taken);
      }
    } catch (error) {
      this.#sequence.leave(); // it is not open; what was torn down nobody knows, and whoever was hit tries again
      throw error;
    }
  }

  /** Nothing is read or published any more: there is nothing to mark. */
  *#release(context: CallContext): Steps<void> {
    const taken = (yield this.#structMutex.take(context)) as Taken;
    try {
      yield* this.releaseEach(this.#hits(everything), context);
    } finally {
      this.#structMutex.give(taken);
      this.#sequence.abandon();
    }
  }

  #hits(range: Span): UserptrObject[] {
    const hits: UserptrObject[] = [];
    this.#objects.collect(range, hits);
    return hits;
  }
}
