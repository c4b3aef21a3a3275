/**
 * The driver's lock of one event loop, for who brings none: a flag, and a queue of those who wait.
 *
 * 1. First come, first served: an unlock hands it on to the first who waits, and nobody gets in between.
 * 2. Who gives up waiting leaves the queue. If it was his turn already, he has the lock and has to unlock it.
 */
import { NotifierError, type DriverLock, type MaybePromise } from '@mmu-notifier/core';

/** See the file's head. */
export class LocalMutex implements DriverLock {
  #isHeld = false;
  #queue: Set<() => void> | undefined = undefined;

  tryLock(): boolean {
    if (this.#isHeld) return false;
    this.#isHeld = true;
    return true;
  }

  lock(signal?: AbortSignal): MaybePromise<void> {
    if (this.#isHeld) return this.#wait(signal);
    this.#isHeld = true;
    return undefined;
  }

  /** @throws NotifierError `MMN_WOULD_BLOCK` when it is held */
  lockSync(): void {
    if (!this.tryLock()) refuseToBlock();
  }

  /** @throws NotifierError `MMN_LOCK` when it is free */
  unlock(): void {
    if (!this.#isHeld) {
      throw new NotifierError('MMN_LOCK', 'expected the lock to be held, got it free');
    }
    if (this.#queue === undefined) this.#isHeld = false;
    else this.#handOn(this.#queue);
  }

  #handOn(queue: Set<() => void>): void {
    const [next] = queue;
    if (next === undefined) {
      this.#queue = undefined;
      this.#isHeld = false;
    } else {
      queue.delete(next);
      next();
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    const queue = (this.#queue ??= new Set());
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const giveUp = (): void => {
        queue.delete(take);
        reject(signal!.reason);
      };
      const take = (): void => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      queue.add(take);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }
}

/** @throws NotifierError `MMN_WOULD_BLOCK` */
export function refuseToBlock(): never {
  throw new NotifierError(
    'MMN_WOULD_BLOCK',
    'expected to go on without waiting in a …Sync call in one event loop, but the wait could never end: use the plain form',
  );
}
