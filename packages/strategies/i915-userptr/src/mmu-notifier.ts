/**
 * The callbacks as of v5.3: struct i915_mmu_notifier. They can only be called for objects that hold pages.
 *
 * 1. An object is in the tree while it is active: from when it has pages, or a worker that gets some, until a section
 *    or its end gives them up.
 * 2. A section cancels what it finds, and nothing else: the pages that are there, and the worker that gets more. There
 *    is no end. So whoever gets pages outside of the tree is not seen:
 *
 *        section                              get_pages
 *        ------------------------------------ ------------------------------------
 *                                             begin: the pages are all there, no worker
 *                                             reads page P
 *        start: the tree is empty
 *        P is replaced
 *        end
 *                                             publish: P installed, node inserted
 *        Required: P is refused. It is not.                                                 (I915-1)
 *
 *        start: cancels, removes the node
 *                                             begin: a worker, and the node inserted
 *                                             reads page P, which is still there
 *        P is replaced
 *        end: there is none
 *                                             publish: the work is mine, P installed
 *        Required: P is refused. It is not.                                                 (I915-2)
 *
 * 3. get_pages looks without waiting first, which succeeds if all pages are there, and leaves the rest to a worker.
 *    Nobody tells the driver here whether they are. So it takes them to be there unless the object's pages were given
 *    up since it last got some: then the program's own are gone too, as a rule.
 * 4. Who comes while a worker is pending is told to try again; here he gets what the worker gets.
 *
 * 5. Pages are given up under obj->mm.lock; then the object leaves the tree and what was begun is cancelled, before the
 *    lock is given back. A section that finds it meanwhile waits for struct_mutex.
 *
 * obj->mm.lock is held from the look until the node is in; here nobody holds a lock while a subscriber reads. In its
 * place what was begun before the pages were given up is refused (`cancels`): a section that waited for the lock would
 * have taken it away again. A worker finds the same by `userptr.work`, which is not his any more.
 *
 * mn->lock guards steps of the tree without a wait in between: in one event loop it does not exist.
 * Lock order: struct_mutex, then obj->mm.lock.
 *
 * Source: Linux drivers/gpu/drm/i915/gem/i915_gem_userptr.c, v5.3.
 */
import {
  deferred,
  abortable,
  invariant,
  isPromise,
  type IndexFactory,
  type IntervalIndex,
  type InvalidationRange,
  type MaybePromise,
  type Seq,
  type Steps,
} from '@mmu-notifier/core';
import { addressMax } from '@mmu-notifier/core';
import { DriverCallbacks, type CallContext, type WorkQueue } from '@mmu-notifier/hlist-srcu/driver';
import type { UserptrNotifier, UserptrObject } from './object.ts';
import type { StructMutex, Taken } from './struct-mutex.ts';

/** See the file's head. */
export class MmuNotifier extends DriverCallbacks implements UserptrNotifier {
  readonly #active: IntervalIndex<UserptrObject>;
  readonly #structMutex: StructMutex;
  readonly #workers: WorkQueue;

  constructor(createIndex: IndexFactory, structMutex: StructMutex, workers: WorkQueue) {
    super();
    this.#active = createIndex<UserptrObject>();
    this.#structMutex = structMutex;
    this.#workers = workers;
  }

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    if (this.#active.size === 0 || this.#active.first(range) === undefined) return true;
    return range.blockable && this.runIn(this.#cancel(range, context), context);
  }

  add(): void {}

  remove(object: UserptrObject): void {
    this.#cancelObject(object);
  }

  /** Linux: i915_gem_userptr_get_pages. */
  begin(object: UserptrObject, context: CallContext): MaybePromise<Seq> {
    if (!object.isCancelled) return object.cancels as Seq;
    const { started } = (object.work ??= this.#schedule(object));
    // A thread that blocks would block its worker: it reads in its place.
    return context.isSync ? (object.cancels as Seq) : abortable(started, context.signal);
  }

  collided(object: UserptrObject, seq: Seq): boolean {
    return object.cancels !== seq;
  }

  gotPages(object: UserptrObject): void {
    object.work = undefined;
    object.isCancelled = false;
    this.#activate(object);
  }

  /** All pages of the object. It stays in the tree until they are given up, so that other sections find it. */
  putPages(
    object: UserptrObject,
    range: InvalidationRange,
    unbind: (range: InvalidationRange) => MaybePromise<boolean | void>,
  ): MaybePromise<boolean | void> {
    const { start, end } = object;
    let unbound: MaybePromise<boolean | void>;
    object.isUnbinding = true;
    try {
      unbound = this.#structMutex.inside(() => unbind({ ...range, start, end }));
    } finally {
      object.isUnbinding = false;
    }
    return isPromise(unbound)
      ? unbound.then((isUnbound) => this.#unbound(object, isUnbound))
      : this.#unbound(object, unbound);
  }

  verify(): void {
    this.#active.verify();
    const active: UserptrObject[] = [];
    this.#active.collect({ start: 0, end: addressMax }, active);
    invariant(active.length === this.#active.size, 'an active object is not found');
    for (const { isOpen, handle, notifier, work, isCancelled } of active) {
      invariant(work === undefined || isCancelled, 'a worker is pending for what is there');
      invariant(isOpen && handle !== undefined, 'an object is in the tree that is not active');
      invariant(notifier === this, 'an object is in the tree of another address space');
    }
  }

  *#cancel(range: InvalidationRange, context: CallContext): Steps<boolean> {
    const taken = (yield this.#structMutex.takeKillably(context)) as Taken;
    // -EINTR, which the list does not look at in a section that may block: the range changes all the same. (I915-4)
    if (taken === 'killed') return true;
    try {
      return yield* this.tearDownEach(this.#search(range), range, context);
    } finally {
      this.#structMutex.give(taken);
    }
  }

  /**
   * Every hit, always from the first one: the tree may have changed. What becomes active again meanwhile is found again,
   * for ever if need be (I915-3). Closing takes an object out at once, so none is found that is being destroyed.
   * An object that fails to give up its pages stays; ours: the search goes on without it.
   */
  *#search(range: InvalidationRange): Generator<UserptrObject, void, undefined> {
    const failed = new Set<UserptrObject>();
    for (;;) {
      const object = this.#next(range, failed);
      if (object === undefined) return;
      const { cancels } = object;
      yield object;
      if (object.cancels === cancels) failed.add(object);
    }
  }

  /** Passes over what the very task is giving up already. (I915-6) */
  #next(range: InvalidationRange, failed: ReadonlySet<UserptrObject>): UserptrObject | undefined {
    const first = this.#active.first(range);
    if (first === undefined || !(failed.has(first) || first.isUnbinding)) return first;
    const hits: UserptrObject[] = [];
    this.#active.collect(range, hits);
    return hits.find((object) => !failed.has(object) && !object.isUnbinding);
  }

  #unbound(object: UserptrObject, isUnbound: boolean | void): boolean | void {
    if (isUnbound !== false) this.#cancelObject(object);
    return isUnbound;
  }

  /** Linux: __i915_gem_userptr_get_pages_schedule. */
  #schedule(object: UserptrObject): { started: MaybePromise<Seq> } {
    const seq = object.cancels as Seq;
    const { promise, resolve } = deferred<Seq>();
    const work = { started: promise as MaybePromise<Seq> };
    this.#workers.queue(() => {
      work.started = seq;
      resolve(seq);
    });
    this.#activate(object);
    return work;
  }

  /** Linux: i915_gem_userptr_put_pages, up to the pages themselves. */
  #cancelObject(object: UserptrObject): void {
    object.cancels++;
    object.isCancelled = true;
    object.work = undefined;
    if (object.handle === undefined) return;
    this.#active.remove(object.handle);
    object.handle = undefined;
  }

  #activate(object: UserptrObject): void {
    object.handle ??= this.#active.insert(object);
  }
}
