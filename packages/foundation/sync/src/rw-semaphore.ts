/**
 * A sleeping lock for many readers or one writer: the kernel's rw_semaphore.
 *
 * 1. `count` is the number of readers, or -1 for a writer. Any negative value keeps readers out.
 * 2. Fair to writers: while one waits, no new reader gets in. So a task that reads and reads again deadlocks with
 *    a writer that came between: that is what rw semaphores do in Linux, and some schemes fall for it (ODP-1).
 * 3. An uncontended reader pays three Atomics calls down and two up, a writer one and two.
 */
import { NotifierError, type MaybePromise } from '@mmu-notifier/core';
import { debugMode, mightSleep, type HoldMode } from './lockdep.ts';
import { checkPlace, type Region } from './memory.ts';
import { struct } from './struct.ts';
import { WaitQueue, waitQueueWords } from './wait-queue.ts';
import { run, runSync, type Waiting } from './waiting.ts';

// A copy: see `debugMode`.
const debug = debugMode;

const At = struct({ count: 'word', writersWaiting: 'word' });
const writer = -1;

/** Words that a rw semaphore takes. */
export const rwSemaphoreWords: number = At.sizeWords + waitQueueWords;

/** See the file's head. Names: down takes it, up gives it back; `try…` never waits. */
export class RwSemaphore {
  readonly region: Region;
  readonly index: number;
  readonly name: string;
  readonly #queue: WaitQueue;

  /** @param index the first of its words in the region; zero when first used. @throws NotifierError `MMN_MEMORY` outside of it */
  constructor(region: Region, index: number, name = 'rw semaphore') {
    checkPlace(region, index, rwSemaphoreWords, name);
    this.region = region;
    this.index = index;
    this.name = name;
    this.#queue = new WaitQueue(region, index + At.sizeWords);
  }

  tryDownRead(): boolean {
    const { region, index } = this;
    for (;;) {
      const count = region.load(index + At.count);
      if (count < 0 || region.load(index + At.writersWaiting) !== 0) return false;
      if (region.compareExchange(index + At.count, count, count + 1)) break;
    }
    if (debug.lockdep !== undefined) debug.lockdep.hold(this, 'shared', false);
    return true;
  }

  /** May wait, but not while neither held by a writer nor wanted by one. Rejects with the signal's reason. */
  downRead(signal?: AbortSignal): MaybePromise<void> {
    if (debug.lockdep !== undefined) this.#check('shared');
    return this.tryDownRead() ? undefined : run(this.#waitRead(), signal);
  }

  downReadSync(): void {
    if (debug.lockdep !== undefined) this.#check('shared');
    if (!this.tryDownRead()) runSync(this.#waitRead());
  }

  /** @throws NotifierError `MMN_LOCK` when no reader holds it */
  upRead(): void {
    if (debug.lockdep !== undefined) debug.lockdep.release(this);
    const readers = this.region.add(this.index + At.count, -1);
    if (readers <= 0) {
      this.region.add(this.index + At.count, 1);
      this.#queue.wakeAll(); // whoever took the wrong count for a writer looks again
      this.#refuse('held by a reader');
    }
    if (readers === 1) this.#queue.wakeAll();
  }

  tryDownWrite(): boolean {
    if (!this.region.compareExchange(this.index + At.count, 0, writer)) return false;
    if (debug.lockdep !== undefined) debug.lockdep.hold(this, 'exclusive', false);
    return true;
  }

  /** May wait, but not while free. Rejects with the signal's reason. */
  downWrite(signal?: AbortSignal): MaybePromise<void> {
    if (debug.lockdep !== undefined) this.#check('exclusive');
    return this.tryDownWrite() ? undefined : run(this.#waitWrite(), signal);
  }

  downWriteSync(): void {
    if (debug.lockdep !== undefined) this.#check('exclusive');
    if (!this.tryDownWrite()) runSync(this.#waitWrite());
  }

  /** @throws NotifierError `MMN_LOCK` when no writer holds it */
  upWrite(): void {
    if (debug.lockdep !== undefined) debug.lockdep.release(this);
    if (!this.region.compareExchange(this.index + At.count, writer, 0)) {
      this.#refuse('held by a writer');
    }
    this.#queue.wakeAll();
  }

  *#waitRead(): Waiting<void> {
    yield* this.#queue.wait(() => this.tryDownRead());
  }

  *#waitWrite(): Waiting<void> {
    const { region, index } = this;
    region.add(index + At.writersWaiting, 1);
    try {
      yield* this.#queue.wait(() => this.tryDownWrite());
    } finally {
      region.add(index + At.writersWaiting, -1);
      // A writer that gave up held readers back: they may go on now.
      this.#queue.wakeAll();
    }
  }

  #check(mode: HoldMode): void {
    mightSleep(this.name);
    debug.lockdep?.check(this, mode);
  }

  #refuse(expected: string): never {
    throw new NotifierError(
      'MMN_LOCK',
      `expected '${this.name}' to be ${expected}, got it otherwise`,
    );
  }
}
