/**
 * struct_mutex of the device: held while a section gives up objects' pages.
 *
 * A section may be raised by the very task that holds it: unbinding an object unmaps its GTT mapping, and that may lie
 * over memory of another object. So it is asked for recursively, and whoever finds himself the holder goes on without
 * it (I915-6). Here that task is known as long as a subscriber's `invalidate` has not returned; what a callback raises
 * after a wait of its own is anybody's, and waits.
 *
 * Linux: mutex_trylock_recursive, then mutex_lock_killable; v5.3.
 */
import { isPromise, type MaybePromise } from '@mmu-notifier/core';
import { lockIn, type CallContext } from '@mmu-notifier/hlist-srcu/driver';
import type { Mutex } from '@mmu-notifier/sync';

/** `recursive`: the task holds it already. `killed`: it would have had to wait, and is being killed: not held. */
export type Taken = 'taken' | 'recursive' | 'killed';

/** See the file's head. */
export class StructMutex {
  readonly #mutex: Mutex;
  readonly #isBeingKilled: () => boolean;
  /** Callbacks of objects that run synchronously now. */
  #depth = 0;

  constructor(mutex: Mutex, isBeingKilled: () => boolean) {
    this.#mutex = mutex;
    this.#isBeingKilled = isBeingKilled;
  }

  take(context: CallContext): MaybePromise<Taken> {
    if (this.#depth > 0) return 'recursive';
    const locked = lockIn(this.#mutex, context);
    return isPromise(locked) ? locked.then(() => 'taken') : 'taken';
  }

  /** The same for a task that would rather die than wait. Linux: mutex_lock_killable. */
  takeKillably(context: CallContext): MaybePromise<Taken> {
    const isKilled = this.#depth === 0 && this.#mutex.isLocked && this.#isBeingKilled();
    return isKilled ? 'killed' : this.take(context);
  }

  give(taken: Taken): void {
    if (taken === 'taken') this.#mutex.unlock();
  }

  /** Runs a callback of an object: what it raises before it returns is raised by the holder. */
  inside<T>(callback: () => T): T {
    this.#depth++;
    try {
      return callback();
    } finally {
      this.#depth--;
    }
  }
}
