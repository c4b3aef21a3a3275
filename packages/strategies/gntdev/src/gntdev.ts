/**
 * An open file of Xen's grant device: struct gntdev_priv, with its legacy callbacks. What both variants share.
 *
 * 1. `maps` are those that the program has, `freeable` those that it has given up and that are mapped somewhere still.
 *    Both change with priv->lock, and sections walk both with it: first the one, then the other.
 * 2. A section unmaps what it hits of each with priv->lock held, waits and all. A non-blockable one only tries the lock, and is
 *    refused by the first map that it hits.                                                                    [N2]
 *
 * Lock order: priv->lock, then a map's own.
 *
 * Source: Linux drivers/xen/gntdev.c, v5.3.
 */
import {
  invariant,
  isPromise,
  overlaps,
  type InvalidationRange,
  type MaybePromise,
  type Steps,
} from '@mmu-notifier/core';
import type { Registration } from '@mmu-notifier/hlist-srcu';
import {
  CollisionSequence,
  DriverCallbacks,
  LockMemory,
  lockIn,
  type CallContext,
  type Driver,
  type DriverMm,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import { grantMapWords, type GrantMap } from './grant-map.ts';

/** See the file's head. */
export abstract class Gntdev extends DriverCallbacks implements Driver<GrantMap> {
  /** priv->lock. */
  readonly lock: Mutex;
  readonly memory: LockMemory = new LockMemory(
    'gntdev',
    mutexWords + CollisionSequence.words,
    grantMapWords,
  );
  readonly #maps = new Set<GrantMap>();
  readonly #freeable = new Set<GrantMap>();
  readonly #registered: MaybePromise<Registration>;

  constructor(mm: DriverMm) {
    super();
    const { region, fixedAt } = this.memory;
    this.lock = new Mutex(region, fixedAt, 'priv->lock');
    this.#registered = mm.list.register(this);
  }

  abstract createSubscription(init: SubscriptionInit): GrantMap;

  // The notifier's callbacks.

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    if (!range.blockable) return this.lock.tryLock() && this.#start(range, context);
    const locked = lockIn(this.lock, context);
    return isPromise(locked)
      ? locked.then(() => this.#start(range, context))
      : this.#start(range, context);
  }

  abstract invalidateRangeEnd(range: InvalidationRange): void;

  /** Linux: mn_release. */
  release(_cookie: number, context: CallContext): MaybePromise<void> {
    return this.runIn(this.#release(context), context);
  }

  // Maps.

  /** Linux: gntdev_ioctl_map_grant_ref, and gntdev_mmap as far as it holds priv->lock. */
  *attach(map: GrantMap, context: CallContext): Steps<void> {
    if (isPromise(this.#registered)) yield this.#registered;
    yield lockIn(this.lock, context);
    this.#maps.add(map);
    this.mapped(map);
    this.lock.unlock();
  }

  /** Linux: gntdev_vma_close, and gntdev_put_map. */
  *detach(map: GrantMap, context: CallContext): Steps<void> {
    yield lockIn(this.lock, context);
    this.giveUp(map);
    this.#freeable.delete(map);
    this.lock.unlock();
  }

  /** With priv->lock held: from the first list to the second. */
  giveUp(map: GrantMap): void {
    if (this.#maps.delete(map)) this.#freeable.add(map);
  }

  verify(): void {
    for (const map of this.#maps) {
      invariant(!this.#freeable.has(map), 'a map is on both lists');
    }
  }

  // What a variant supplies, with priv->lock held.

  /** A map has its place in memory. */
  protected abstract mapped(map: GrantMap): void;
  /** A section begins, before it looks for what it hits. */
  protected abstract entered(range: InvalidationRange, maps: readonly GrantMap[]): void;
  /** It hits these, and is going to unmap them. */
  protected abstract hit(maps: readonly GrantMap[]): void;
  /** It does not come about. */
  protected abstract left(range: InvalidationRange): void;
  /** No ends come any more. */
  protected abstract released(): void;

  /** With priv->lock held; gives it back. */
  #start(range: InvalidationRange, context: CallContext): MaybePromise<boolean> {
    const all = this.#all();
    this.entered(range, all);
    const hits = all.filter(({ mappedAt }) => mappedAt !== undefined && overlaps(mappedAt, range));
    if (hits.length > 0 && range.blockable) {
      return this.runIn(this.#unmap(hits, range, context), context);
    }
    if (hits.length > 0) this.left(range);
    this.lock.unlock();
    return hits.length === 0;
  }

  *#unmap(
    hits: readonly GrantMap[],
    range: InvalidationRange,
    context: CallContext,
  ): Steps<boolean> {
    this.hit(hits);
    try {
      return yield* this.tearDownEach(hits, range, context);
    } catch (error) {
      this.left(range); // ours: gntdev warns of what fails, and goes on
      throw error;
    } finally {
      this.lock.unlock();
    }
  }

  *#release(context: CallContext): Steps<void> {
    yield lockIn(this.lock, context);
    try {
      this.released();
      const mapped = this.#all().filter(({ mappedAt }) => mappedAt !== undefined);
      yield* this.releaseEach(mapped, context);
    } finally {
      this.lock.unlock();
    }
  }

  #all(): GrantMap[] {
    return [...this.#maps, ...this.#freeable];
  }
}
