/**
 * What keeps a map while vhost's worker uses it. Two ways:
 *
 * `UnderRcu` (v5.3): the worker uses it in an RCU read section, and whoever has taken the map away waits for a grace
 * period. So the start of a section waits for every reader there is, of whatever map (VH-4); and what it did before,
 * it did while the map was in use:
 *
 *        start                                worker                             writeback
 *        ------------------------------------ ---------------------------------- --------------------
 *                                             rcu_read_lock, finds the map
 *        set_page_dirty, map = NULL
 *                                                                                cleans the page
 *                                             writes to the page
 *                                             rcu_read_unlock
 *        synchronize_rcu
 *        Required: the page is dirty. It is not: what was written is lost.                     (VH-2)
 *
 * A second section meanwhile finds no map, has nobody to wait for, and returns while the worker still writes: part of
 * VH-2 here, by our reading.
 *
 * `UnderLock` (fixed): the worker holds mmu_lock, and so does whoever takes the map away: nobody uses it then, and
 * nobody waits for other virtqueues. Source: "vhost: do not use RCU to synchronize MMU notifier with worker", patch 7
 * of 20190809054851.20118, August 2019, never merged.
 *
 * Linux's RCU is the system's, and its readers do not sleep; here it is the address space's, and they may.
 */
import { isPromise, type MaybePromise } from '@mmu-notifier/core';
import type { CallContext, LockMemory } from '@mmu-notifier/hlist-srcu/driver';
import { Srcu, srcuWords } from '@mmu-notifier/sync';
import type { Virtqueue } from './virtqueue.ts';

/** See the file's head. */
export interface Accessors {
  /** Runs `use` as a user of the virtqueue's maps. */
  access<T>(virtqueue: Virtqueue, use: () => MaybePromise<T>): MaybePromise<T>;
  /** Waits until nobody uses what could be found before. */
  synchronize(context: CallContext): MaybePromise<void>;
}

/** Words that either takes. */
export const accessorWords: number = srcuWords;

/** See the file's head. */
export class UnderRcu implements Accessors {
  readonly #rcu: Srcu;

  constructor({ region }: LockMemory, index: number) {
    this.#rcu = new Srcu(region, index);
  }

  access<T>(_virtqueue: Virtqueue, use: () => MaybePromise<T>): MaybePromise<T> {
    const side = this.#rcu.readLock();
    return after(use, () => this.#rcu.readUnlock(side));
  }

  synchronize({ isSync, signal }: CallContext): MaybePromise<void> {
    return isSync ? this.#rcu.synchronizeSync() : this.#rcu.synchronize(signal);
  }
}

/** See the file's head. */
export class UnderLock implements Accessors {
  access<T>({ mmuLock }: Virtqueue, use: () => MaybePromise<T>): MaybePromise<T> {
    const locked = mmuLock.lock();
    const useIt = (): MaybePromise<T> => after(use, () => mmuLock.unlock());
    return isPromise(locked) ? locked.then(useIt) : useIt();
  }

  synchronize(): void {}
}

/** Runs `act`, then `leave`, whatever came of it. */
function after<T>(act: () => MaybePromise<T>, leave: () => void): MaybePromise<T> {
  let result: MaybePromise<T>;
  try {
    result = act();
  } catch (error) {
    leave();
    throw error;
  }
  if (isPromise(result)) return result.finally(leave);
  leave();
  return result;
}
