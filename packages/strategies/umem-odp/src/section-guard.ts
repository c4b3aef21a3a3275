/**
 * What keeps the tree still while sections are open. Two ways:
 *
 * `HeldSemaphore` (v5.3): a rw semaphore, held for read from start to end; the tree changes with it held for write.
 * A writer that waits keeps new readers out, though the reader that it waits for may be about to read again:
 *
 *     munmap                               dereg
 *     ------------------------------------ ------------------------------------
 *     start: down_read
 *                                          down_write: waits for the reader
 *     a THP split in the munmap
 *     start: down_read: waits for the writer
 *     Required: the second start returns. It does not: deadlock.                              (ODP-1)
 *
 * `SectionCount` (fixed): sections are counted, and the tree changes at a moment without any; whoever waits for that
 * holds nobody back. This is what the interval notifier does, which took the driver's place in v5.5 (f25a546e6529);
 * as there, a change may starve while sections always overlap.
 */
import { isPromise, type MaybePromise, type Steps } from '@mmu-notifier/core';
import { runIn, type CallContext } from '@mmu-notifier/hlist-srcu/driver';
import {
  RwSemaphore,
  rwSemaphoreWords,
  WaitQueue,
  type Region,
  type Waiting,
} from '@mmu-notifier/sync';

/** See the file's head. */
export interface SectionGuard {
  /** A section begins. May wait. */
  enter(context: CallContext): MaybePromise<void>;
  /** The same without waiting; `false` if it would have to. */
  tryEnter(): boolean;
  leave(): void;
  /** The address space was released: of the sections that are open no end comes any more. */
  abandon(): void;
  /** Changes the tree while no section is open, and waits until then. */
  change(act: () => void, context: CallContext): Steps<void>;
}

/** Words that either takes. */
export const guardWords: number = rwSemaphoreWords;

/** See the file's head. */
export class HeldSemaphore implements SectionGuard {
  readonly #semaphore: RwSemaphore;

  constructor(region: Region, index: number) {
    this.#semaphore = new RwSemaphore(region, index, 'umem_rwsem');
  }

  enter({ isSync, signal }: CallContext): MaybePromise<void> {
    return isSync ? this.#semaphore.downReadSync() : this.#semaphore.downRead(signal);
  }

  tryEnter(): boolean {
    return this.#semaphore.tryDownRead();
  }

  leave(): void {
    this.#semaphore.upRead();
  }

  /** v5.3 has nothing for it: whoever changes the tree waits for ever (ODP-5). */
  abandon(): void {}

  *change(act: () => void, { isSync, signal }: CallContext): Steps<void> {
    yield isSync ? this.#semaphore.downWriteSync() : this.#semaphore.downWrite(signal);
    act();
    this.#semaphore.upWrite();
  }
}

/** See the file's head. */
export class SectionCount implements SectionGuard {
  readonly #idle: WaitQueue;
  #open = 0;
  #isAbandoned = false;

  constructor(region: Region, index: number) {
    this.#idle = new WaitQueue(region, index);
  }

  enter(): void {
    this.#open++;
  }

  tryEnter(): boolean {
    this.#open++;
    return true;
  }

  leave(): void {
    this.#open--;
    if (this.#open === 0) this.#idle.wakeAll();
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#idle.wakeAll();
  }

  *change(act: () => void, context: CallContext): Steps<void> {
    if (this.#actIfIdle(act)) return;
    const waited = runIn(this.#wait(act), context);
    if (isPromise(waited)) yield waited;
  }

  *#wait(act: () => void): Waiting<void> {
    yield* this.#idle.wait(() => this.#actIfIdle(act));
  }

  /** Looking and acting is one step, so that no section begins between the two. */
  #actIfIdle(act: () => void): boolean {
    if (this.#open > 0 && !this.#isAbandoned) return false;
    act();
    return true;
  }
}
