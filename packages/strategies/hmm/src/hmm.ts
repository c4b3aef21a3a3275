/**
 * What the mirrors of one address space have in common: struct hmm, with the legacy callbacks.
 *
 * 1. A start first hits the faults that are on their way, then calls every mirror, wherever it is: each looks for
 *    itself whether the section concerns it. A non-blockable one, during which nothing else happens, may hit them last,
 *    when it is certain that it is not refused.                                                               [N2]
 * 2. The list of mirrors changes only under mirrors_sem, held for write; a start holds it for read while it calls
 *    them, not longer. A non-blockable one tries, and is refused while somebody wants to write.              [N1]
 * 3. It is used only while `refs`, one for each mirror, is not 0: a section that still finds it afterwards leaves it
 *    alone. It never comes back; the next mirror makes another.                                          (HMM-3)
 *
 * Lock order: mirrors_sem, then a mirror's own.
 *
 * Source: Linux mm/hmm.c, v5.3.
 */
import {
  invariant,
  isPromise,
  type InvalidationRange,
  type MaybePromise,
  type Steps,
} from '@mmu-notifier/core';
import { DriverCallbacks, type CallContext } from '@mmu-notifier/hlist-srcu/driver';
import { RwSemaphore, rwSemaphoreWords, type Region } from '@mmu-notifier/sync';
import type { Collisions } from './collisions.ts';
import type { Mirror } from './mirror.ts';

/** Words of its semaphore. */
export const hmmWords: number = rwSemaphoreWords;

/** See the file's head. */
export class Hmm extends DriverCallbacks {
  /** kref: its creator's mirror is the first. */
  refs = 1;
  readonly collisions: Collisions;
  readonly #mirrorsSem: RwSemaphore;
  readonly #mirrors = new Set<Mirror>();

  constructor(collisions: Collisions, region: Region, index: number) {
    super();
    this.collisions = collisions;
    this.#mirrorsSem = new RwSemaphore(region, index, 'mirrors_sem');
  }

  // The notifier's callbacks.

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    if (this.refs === 0) return true;
    this.collisions.start(range);
    if (!range.blockable && !this.#mirrorsSem.tryDownRead()) {
      this.collisions.end();
      return false;
    }
    return this.runIn(this.#sync(range, context), context);
  }

  invalidateRangeEnd(): void {
    if (this.refs > 0) this.collisions.end();
  }

  release(_cookie: number, context: CallContext): MaybePromise<void> {
    return this.runIn(this.#release(context), context);
  }

  // Mirrors.

  /** Linux: hmm_mirror_register. Waits for callbacks, not for sections: what is open is counted already. */
  *register(mirror: Mirror, context: CallContext): Steps<void> {
    yield* this.#change(() => {
      this.#mirrors.add(mirror);
      mirror.faults = this.collisions.createFaults(mirror);
    }, context);
  }

  /** Linux: hmm_mirror_unregister. */
  *unregister(mirror: Mirror, context: CallContext): Steps<void> {
    yield* this.#change(() => {
      this.#mirrors.delete(mirror);
      mirror.faults?.close();
    }, context);
  }

  verify(): void {
    for (const { hmm } of this.#mirrors) invariant(hmm === this, "a mirror is on another's list");
    const { size } = this.#mirrors;
    invariant(this.refs >= size, `expected at least ${size} references, got ${this.refs}`);
  }

  *#sync(range: InvalidationRange, context: CallContext): Steps<boolean> {
    let isTornDown = false;
    try {
      if (range.blockable) {
        this.collisions.hit(range);
        yield* this.#downRead(context);
      }
      try {
        isTornDown = yield* this.tearDownEach(this.#mirrors, range, context);
      } finally {
        this.#mirrorsSem.upRead();
      }
      if (isTornDown && !range.blockable) this.collisions.hit(range); // all of it was one step
      return isTornDown;
    } finally {
      if (!isTornDown) this.collisions.end();
    }
  }

  *#release(context: CallContext): Steps<void> {
    yield* this.#downRead(context);
    try {
      yield* this.releaseEach([...this.#mirrors], context);
    } finally {
      this.#mirrorsSem.upRead();
      this.collisions.abandon();
    }
  }

  *#change(act: () => void, { isSync, signal }: CallContext): Steps<void> {
    const sem = this.#mirrorsSem;
    yield isSync ? sem.downWriteSync() : sem.downWrite(signal);
    act();
    sem.upWrite();
  }

  *#downRead({ isSync, signal }: CallContext): Steps<void> {
    const sem = this.#mirrorsSem;
    const down = isSync ? sem.downReadSync() : sem.downRead(signal);
    if (isPromise(down)) yield down;
  }
}
