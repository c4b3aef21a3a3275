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
  invariant,
  type IndexFactory,
  type InvalidationRange,
  type MaybePromise,
  type Steps,
} from '@mmu-notifier/core';
import { SequencedCallbacks, type CallContext } from '@mmu-notifier/hlist-srcu/driver';
import type { UserptrNotifier, UserptrObject } from './object.ts';
import type { StructMutex, Taken } from './struct-mutex.ts';

/** See the file's head. */
export class SequencedNotifier
  extends SequencedCallbacks<UserptrObject>
  implements UserptrNotifier
{
  readonly #structMutex: StructMutex;

  constructor(createIndex: IndexFactory, structMutex: StructMutex) {
    super(createIndex, 'i915-userptr');
    this.#structMutex = structMutex;
  }

  add(object: UserptrObject): void {
    this.insert(object);
  }

  remove(object: UserptrObject): void {
    if (object.handle !== undefined) this.take(object);
  }

  gotPages(): void {}

  putPages(
    _object: UserptrObject,
    range: InvalidationRange,
    unbind: (range: InvalidationRange) => MaybePromise<boolean | void>,
  ): MaybePromise<boolean | void> {
    return this.#structMutex.inside(() => unbind(range));
  }

  override verify(): void {
    super.verify();
    for (const { notifier } of this.hits()) {
      invariant(notifier === this, 'an object is in the tree of another address space');
    }
  }

  protected override *locked<R>(steps: Steps<R>, context: CallContext): Steps<R> {
    const taken = (yield this.#structMutex.take(context)) as Taken;
    try {
      return yield* steps;
    } finally {
      this.#structMutex.give(taken);
    }
  }
}
