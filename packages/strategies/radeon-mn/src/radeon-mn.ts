/**
 * The callbacks as of v5.3: struct radeon_mn.
 *
 * 1. Nodes of the tree do not overlap. A bo that overlaps some makes one of them all, which covers it too; a node goes
 *    when its last bo does, and never gets smaller. A section that hits a node unbinds every bo in it, wherever it lies.
 * 2. Bos that are not bound are skipped, and a section has no end. So it is not noticed who reads pages while a bo is not
 *    bound:
 *
 *        section                              validation
 *        ------------------------------------ ------------------------------------
 *                                             reads page P
 *        start: the bo is not bound, skipped
 *        P is replaced
 *        end: there is none
 *                                             binds P
 *        Required: P is refused. It is not, whether it was read before the start (RAD-1) or after it (RAD-2).
 *
 * 3. rmn->lock is held while a section unbinds: it waits for reservations and for what the GPU is doing. (RAD-3)
 *
 * Lock order: mn_lock, then rmn->lock, then a bo's reservation.
 *
 * Source: Linux drivers/gpu/drm/radeon/radeon_mn.c, v5.3.
 */
import {
  addressMax,
  invariant,
  isPromise,
  type IndexFactory,
  type IndexHandle,
  type IntervalIndex,
  type InvalidationRange,
  type MaybePromise,
  type Seq,
  type Span,
  type Steps,
} from '@mmu-notifier/core';
import {
  DriverCallbacks,
  LockMemory,
  lockIn,
  type CallContext,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import type { BoNotifier, UserBo } from './user-bo.ts';

/** struct radeon_mn_node. */
class Node implements Span {
  readonly start: number;
  readonly end: number;
  readonly bos: Set<UserBo>;
  handle: IndexHandle = -1;

  constructor({ start, end }: Span, bos: Iterable<UserBo>) {
    this.start = start;
    this.end = end;
    this.bos = new Set(bos);
  }
}

/** See the file's head. */
export class RadeonMn extends DriverCallbacks implements BoNotifier {
  readonly #lock: Mutex;
  readonly #tree: IntervalIndex<Node>;
  readonly #nodes = new Map<UserBo, Node>();
  readonly #scheduleDestroy: () => void;

  constructor(createIndex: IndexFactory, scheduleDestroy: () => void) {
    super();
    const { region, fixedAt } = new LockMemory('radeon-mn', mutexWords, 0);
    this.#lock = new Mutex(region, fixedAt, 'rmn->lock');
    this.#tree = createIndex<Node>();
    this.#scheduleDestroy = scheduleDestroy;
  }

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    if (!range.blockable) return this.#lock.tryLock() && this.#start(range, context);
    const locked = lockIn(this.#lock, context);
    return isPromise(locked)
      ? locked.then(() => this.#start(range, context))
      : this.#start(range, context);
  }

  /** Unbinds nothing: what is bound is pinned, and stays until its bo goes. May be called twice (L-1). */
  release(): void {
    this.#scheduleDestroy();
  }

  *register(bo: UserBo, context: CallContext): Steps<void> {
    yield lockIn(this.#lock, context);
    try {
      let { start, end } = bo;
      const bos = [bo];
      for (const node of this.#hits(bo)) {
        this.#tree.remove(node.handle);
        start = Math.min(start, node.start);
        end = Math.max(end, node.end);
        bos.push(...node.bos);
      }
      const merged = new Node({ start, end }, bos);
      merged.handle = this.#tree.insert(merged);
      for (const each of bos) this.#nodes.set(each, merged);
      bo.mn = this;
    } finally {
      this.#lock.unlock();
    }
  }

  *unregister(bo: UserBo, context: CallContext): Steps<void> {
    yield lockIn(this.#lock, context);
    const node = this.#nodes.get(bo)!;
    bo.mn = undefined;
    this.#nodes.delete(bo);
    node.bos.delete(bo);
    if (node.bos.size === 0) this.#tree.remove(node.handle);
    this.#lock.unlock();
  }

  /** The kernel erases the nodes of an rb tree while it walks it, and may pass some over (RAD-4). */
  *forget(context: CallContext): Steps<void> {
    yield lockIn(this.#lock, context);
    for (const node of new Set(this.#nodes.values())) this.#tree.remove(node.handle);
    for (const bo of this.#nodes.keys()) bo.mn = undefined;
    this.#nodes.clear();
    this.#lock.unlock();
  }

  begin(bo: UserBo): Seq {
    return bo.unbinds as Seq;
  }

  collided(bo: UserBo, seq: Seq): boolean {
    return bo.unbinds !== seq;
  }

  /** All of it, however small the section, and though it may have hit another bo of the node. */
  rangeToUnbind({ start, end }: UserBo, range: InvalidationRange): InvalidationRange {
    return { ...range, start, end };
  }

  verify(): void {
    this.#tree.verify();
    const nodes = this.#hits({ start: 0, end: addressMax }).toSorted((a, b) => a.start - b.start);
    invariant(nodes.length === this.#tree.size, 'a node is not found');
    let endBefore = 0;
    let bos = 0;
    for (const node of nodes) {
      invariant(endBefore <= node.start, `nodes overlap at ${node.start}`);
      invariant(node.bos.size > 0, `the node at ${node.start} has no bo`);
      for (const bo of node.bos) {
        invariant(node.start <= bo.start && bo.end <= node.end, 'a bo is not inside its node');
        invariant(this.#nodes.get(bo) === node && bo.mn === this, 'a bo is in a node of another');
      }
      bos += node.bos.size;
      endBefore = node.end;
    }
    invariant(bos === this.#nodes.size, 'a bo is registered that is in no node');
  }

  /** With rmn->lock held; gives it back. */
  #start(range: InvalidationRange, context: CallContext): MaybePromise<boolean> {
    const hits = this.#hits(range);
    if (hits.length > 0 && range.blockable) {
      return this.runIn(this.#unbind(hits, range, context), context);
    }
    this.#lock.unlock();
    return hits.length === 0;
  }

  *#unbind(hits: readonly Node[], range: InvalidationRange, context: CallContext): Steps<boolean> {
    try {
      return yield* this.tearDownEach(boundIn(hits), range, context);
    } finally {
      this.#lock.unlock();
    }
  }

  #hits(range: Span): Node[] {
    const hits: Node[] = [];
    this.#tree.collect(range, hits);
    return hits;
  }
}

/** Asked one by one: others may be bound while the one before waits. */
function* boundIn(nodes: readonly Node[]): Generator<UserBo, void, undefined> {
  for (const { bos } of nodes) {
    for (const bo of bos) if (bo.isBound) yield bo;
  }
}
