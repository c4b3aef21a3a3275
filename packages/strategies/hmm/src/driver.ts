/**
 * Registering and unregistering mirrors: who makes a struct hmm, and who lets go of it.
 *
 * The first mirror of an address space makes one and registers its callbacks, which waits for a moment without a
 * section; the last one's end takes them off the list, without waiting.
 *
 * Lock order: mmap_sem, then what a registration with the legacy list takes; or mirrors_sem.
 */
import type { Steps } from '@mmu-notifier/core';
import type { Registration } from '@mmu-notifier/hlist-srcu';
import {
  LockMemory,
  lockIn,
  type CallContext,
  type Driver,
  type DriverMm,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords, type Region } from '@mmu-notifier/sync';
import { collisionWords, type Collisions } from './collisions.ts';
import { Hmm, hmmWords } from './hmm.ts';
import { Mirror } from './mirror.ts';

/** Makes what a struct hmm notices collisions by. */
export type CollisionsFactory = (region: Region, index: number) => Collisions;

/** See the file's head. */
export class HmmDriver implements Driver<Mirror> {
  /** While there are mirrors. Linux: mm->hmm. */
  hmm: Hmm | undefined = undefined;
  readonly #mm: DriverMm;
  readonly #createCollisions: CollisionsFactory;
  readonly #memory = new LockMemory('hmm', mutexWords, mutexWords);
  /** The address space's, which Linux holds for write when a mirror is registered. */
  readonly #mmapSem: Mutex;
  readonly #registrations = new WeakMap<Hmm, Registration>();

  constructor(mm: DriverMm, createCollisions: CollisionsFactory) {
    this.#mm = mm;
    this.#createCollisions = createCollisions;
    this.#mmapSem = new Mutex(this.#memory.region, this.#memory.fixedAt, 'mmap_sem');
  }

  createSubscription(init: SubscriptionInit): Mirror {
    return new Mirror(init, this.#memory);
  }

  *attach(mirror: Mirror, context: CallContext): Steps<void> {
    try {
      mirror.hmm = yield* this.#getOrCreate(context);
      yield* mirror.hmm.register(mirror, context);
    } catch (error) {
      yield* this.detach(mirror, { isSync: context.isSync, signal: undefined });
      throw error;
    }
  }

  *detach(mirror: Mirror, context: CallContext): Steps<void> {
    const { hmm } = mirror;
    if (hmm === undefined) return;
    yield* hmm.unregister(mirror, context);
    mirror.hmm = undefined;
    this.#put(hmm);
  }

  verify(): void {
    this.hmm?.verify();
  }

  /** Linux: hmm_get_or_create. */
  *#getOrCreate(context: CallContext): Steps<Hmm> {
    yield lockIn(this.#mmapSem, context);
    try {
      if (this.hmm !== undefined) {
        this.hmm.refs++;
        return this.hmm;
      }
      const { region, fixedAt } = new LockMemory('struct hmm', hmmWords + collisionWords, 0);
      const collisions = this.#createCollisions(region, fixedAt + hmmWords);
      const hmm = new Hmm(collisions, region, fixedAt);
      const { list } = this.#mm;
      const registered = context.isSync ? list.getSync(hmm) : list.get(hmm, context.signal);
      this.#registrations.set(hmm, (yield registered) as Registration);
      this.hmm = hmm;
      return hmm;
    } finally {
      this.#mmapSem.unlock();
    }
  }

  /** Linux: hmm_put, and with the last reference hmm_free. */
  #put(hmm: Hmm): void {
    hmm.refs--;
    if (hmm.refs > 0) return;
    this.hmm = undefined;
    hmm.collisions.abandon(); // it is not told of the ends of sections any more
    this.#mm.list.put(this.#registrations.get(hmm)!);
  }
}
