/**
 * Sleepable read-copy-update: readers mark their sections, which may sleep and nest; `synchronize` waits until
 * every section that had begun before it is over.
 *
 * 1. Two counters. A reader enters the one that the parity of `phase` names, and leaves the same one. Whoever
 *    reads what is protected does so after it entered.
 * 2. So a grace period is over when each counter was seen at zero once since it began: every older reader was
 *    in one of them. Nothing else is needed for safety, neither an order nor a lock.
 * 3. For progress new readers must not fill the counter that is waited for. So one waits for the idle counter
 *    only; to see the other at zero, one turns the phase. Only who saw the idle counter at zero in a phase turns
 *    it (compare and exchange from that phase to the next), anybody may, and the readers of the former phase
 *    then drain while new ones go elsewhere. Hence a waiter who missed such a moment may count phases instead:
 *
 *        reader                              grace period, begun in phase p
 *        ----------------------------------- -----------------------------------
 *        counter[p & 1]++ or the other
 *                                            p → p+1   perhaps by who looked before we began
 *                                            p+1 → p+2 counter[p & 1] was zero since we began
 *                                            p+2 → p+3 the other was
 *        Required: the reader left before phase p+3.                                              [SRCU-1]
 *
 * 4. The bit `waited` in a counter asks the last reader out to wake those who wait for it. Who turns the phase
 *    clears it and wakes them all, so that nobody sleeps on a bit that somebody else cleared.
 * 5. A reader pays three Atomics calls: load and add, sub. A grace period without readers pays two loads.
 *
 * Source: two counters and the drain of the idle one are Linux kernel/rcu/srcutree.c, v5.3. There a mutex and a
 * state machine serialise grace periods; that waiters help each other to turn is ours, since a thread that
 * blocks for a grace period must not depend on one that its own event loop was running.
 */
import { checkFunction, NotifierError, type MaybePromise } from '@mmu-notifier/core';
import { mightSleep } from './lockdep.ts';
import { checkPlace, type Region } from './memory.ts';
import { struct } from './struct.ts';
import { run, runSync, wake, type Waiting } from './waiting.ts';

const At = struct({ phase: 'word', counter0: 'word', counter1: 'word' });
const waited = 1 << 30;

/** Words that an SRCU domain takes. */
export const srcuWords: number = At.sizeWords;

/** See the file's head. */
export class Srcu {
  readonly region: Region;
  readonly index: number;
  #callbacks: (() => void)[] = [];
  #running: Promise<void> | undefined;

  /** @param index the first of its words in the region; zero when first used. @throws NotifierError `MMN_MEMORY` outside of it */
  constructor(region: Region, index: number) {
    checkPlace(region, index, srcuWords, 'SRCU domain');
    this.region = region;
    this.index = index;
  }

  /** Begins a read section. Never waits. Returns what {@link readUnlock} needs. */
  readLock(): number {
    const { region, index } = this;
    const side = region.load(index + At.phase) & 1;
    region.add(index + At.counter0 + side, 1);
    return side;
  }

  /**
   * Ends the read section that `readLock` began. Never waits. Any agent may, not only the one that began it.
   *
   * @throws NotifierError `MMN_LOCK` when no read section is open on that side
   */
  readUnlock(side: number): void {
    const { region, index } = this;
    const counter = index + At.counter0 + side;
    const before = region.add(counter, -1);
    if (before === (waited | 1)) {
      wake(region, counter);
    } else if (before === 0 || before === waited) {
      region.add(counter, 1);
      throw new NotifierError('MMN_LOCK', 'expected an SRCU read section to be open, got none');
    }
  }

  /** Waits for every read section that has begun, and not for newer ones. In one, it would wait for itself. */
  synchronize(signal?: AbortSignal): MaybePromise<void> {
    mightSleep('synchronize');
    return this.#isIdle() ? undefined : run(this.#gracePeriod(), signal);
  }

  /** The same, blocking the thread. */
  synchronizeSync(): void {
    mightSleep('synchronizeSync');
    if (!this.#isIdle()) runSync(this.#gracePeriod());
  }

  /**
   * Runs `callback` on this agent after a grace period, and never from within this call, which never waits.
   * Callbacks run in the order they were given; what one throws is an uncaught exception. When a reader died, no
   * callback runs any more. Linux: call_srcu.
   */
  call(callback: () => void): void {
    checkFunction(callback, 'callback');
    this.#callbacks.push(callback);
    if (this.#running !== undefined) return;
    this.#running = this.#runCallbacks();
    this.#running.catch(() => {}); // `barrier` tells
  }

  /**
   * Waits until every callback given to {@link call} by this agent has run. Rejects with `MMN_AGENT_DIED` if they
   * never will. Linux: srcu_barrier.
   */
  barrier(): MaybePromise<void> {
    return this.#running;
  }

  async #runCallbacks(): Promise<void> {
    while (this.#callbacks.length > 0) {
      await undefined; // leaves the context of `call`, which may hold a spin lock
      const batch = this.#callbacks;
      this.#callbacks = [];
      await run(this.#gracePeriod());
      for (const callback of batch) {
        try {
          callback();
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    }
    this.#running = undefined;
  }

  /** How many read sections a counter counts. */
  #readers(side: number): number {
    return this.region.load(this.index + At.counter0 + side) & ~waited;
  }

  #isIdle(): boolean {
    return this.#readers(0) === 0 && this.#readers(1) === 0;
  }

  *#gracePeriod(): Waiting<void> {
    const { region, index } = this;
    const begun = region.load(index + At.phase);
    let isDrained0 = false;
    let isDrained1 = false;
    for (;;) {
      const phase = region.load(index + At.phase);
      isDrained0 ||= this.#readers(0) === 0;
      isDrained1 ||= this.#readers(1) === 0;
      if ((isDrained0 && isDrained1) || ((phase - begun) | 0) >= 3) return;
      const idle = index + At.counter0 + (~phase & 1);
      const now = region.load(idle);
      if ((now & ~waited) === 0) {
        if (region.compareExchange(index + At.phase, phase, (phase + 1) | 0)) this.#release(idle);
      } else if ((now & waited) !== 0 || region.compareExchange(idle, now, now | waited)) {
        yield { region, index: idle, expected: now | waited };
      }
    }
  }

  /** Takes the bit out of a counter that was drained, and wakes whoever relied on it. */
  #release(counter: number): void {
    const { region } = this;
    for (;;) {
      const now = region.load(counter);
      if ((now & waited) === 0) return;
      if (region.compareExchange(counter, now, now & ~waited)) break;
    }
    wake(region, counter);
  }
}
