/**
 * Sleepable read-copy-update: readers mark their sections, which may sleep and nest; `synchronize` waits until
 * every section that had begun before it is over.
 *
 * 1. Two counters. A reader enters the one that `index` names and leaves the same one. The bit `waited` in a
 *    counter says that somebody waits for it to drain: the last reader out wakes it.
 * 2. A grace period drains the idle counter, turns `index`, and drains the other. The first drain is what makes it right:
 *
 *        reader                              grace period
 *        ----------------------------------- -----------------------------------
 *        i = index (0)
 *                                            period 1: drains 1, index = 1, drains 0: empty
 *        counter[0]++, reads the old object
 *                                            unlinks the object, period 2 begins
 *        Required: period 2 waits for the reader, so it drains 0 before it turns.                 [SRCU-1]
 *
 * 3. Grace periods exclude one another by a mutex.
 * 4. A reader pays three Atomics calls: load and add, sub.
 *
 * Source: Linux kernel/rcu/srcutree.c, v5.3, the algorithm; there the counters are per CPU and split in two.
 */
import type { MaybePromise } from '@mmu-notifier/core';
import { mightSleep } from './lockdep.ts';
import type { Region } from './memory.ts';
import { Mutex } from './mutex.ts';
import { struct } from './struct.ts';
import { run, runSync, wake, type Waiting } from './waiting.ts';

const At = struct({ index: 'word', counter0: 'word', counter1: 'word', gracePeriod: 'word' });
const waited = 1 << 30;

/** Words that an SRCU domain takes. */
export const srcuWords: number = At.sizeWords;

/** See the file's head. */
export class Srcu {
  readonly region: Region;
  readonly index: number;
  readonly #gracePeriod: Mutex;
  #callbacks: (() => void)[] = [];
  #running: Promise<void> | undefined;

  /** @param index the first of its words in the region; zero when first used */
  constructor(region: Region, index: number) {
    this.region = region;
    this.index = index;
    this.#gracePeriod = new Mutex(region, index + At.gracePeriod, 'srcu grace period');
  }

  /** Begins a read section. Never waits. Returns what {@link readUnlock} needs. */
  readLock(): number {
    const { region, index } = this;
    const side = region.load(index + At.index);
    region.add(index + At.counter0 + side, 1);
    return side;
  }

  /** Ends the read section that `readLock` began. Never waits. */
  readUnlock(side: number): void {
    const { region, index } = this;
    if (region.add(index + At.counter0 + side, -1) === (waited | 1)) {
      wake(region, index + At.counter0 + side);
    }
  }

  /** Waits for every read section that has begun. In one, it would wait for itself. */
  synchronize(signal?: AbortSignal): Promise<void> {
    mightSleep('synchronize');
    return this.#synchronize(signal);
  }

  /** The same, blocking the thread. */
  synchronizeSync(): void {
    mightSleep('synchronizeSync');
    this.#gracePeriod.lockSync();
    try {
      runSync(this.#drainBoth());
    } finally {
      this.#gracePeriod.unlock();
    }
  }

  /** Runs `callback` on this agent after a grace period. Never waits. Linux: call_srcu. */
  call(callback: () => void): void {
    this.#callbacks.push(callback);
    this.#running ??= this.#runCallbacks();
  }

  /** Waits until every callback given to {@link call} by this agent has run. Linux: srcu_barrier. */
  barrier(): MaybePromise<void> {
    return this.#running;
  }

  async #synchronize(signal: AbortSignal | undefined): Promise<void> {
    await this.#gracePeriod.lock(signal);
    try {
      await run(this.#drainBoth(), signal);
    } finally {
      this.#gracePeriod.unlock();
    }
  }

  async #runCallbacks(): Promise<void> {
    try {
      while (this.#callbacks.length > 0) {
        const batch = this.#callbacks;
        this.#callbacks = [];
        await this.#synchronize(undefined);
        for (const callback of batch) callback();
      }
    } finally {
      this.#running = undefined;
    }
  }

  *#drainBoth(): Waiting<void> {
    const { region, index } = this;
    const side = region.load(index + At.index);
    yield* this.#drain(side ^ 1);
    region.store(index + At.index, side ^ 1);
    yield* this.#drain(side);
  }

  *#drain(side: number): Waiting<void> {
    const { region } = this;
    const at = this.index + At.counter0 + side;
    if (region.load(at) === 0) return;
    region.add(at, waited);
    try {
      for (let now = region.load(at); now !== waited; now = region.load(at)) {
        yield { region, index: at, expected: now };
      }
    } finally {
      region.add(at, -waited);
    }
  }
}
