/**
 * A queue of those who wait for a condition: wait_event and wake_up_all.
 *
 * 1. Whoever waits enters (`waiters`++), reads `turn`, then looks at the condition, and waits only while the
 *    turn is the same. Whoever made the condition true looks at `waiters` afterwards and, if there are any,
 *    takes the next turn and wakes all. Accesses being sequentially consistent, one of the two sees the other:
 *
 *        waiter                              waker
 *        ----------------------------------- -----------------------------------
 *        waiters++
 *        turn = load                         condition = true
 *        condition?  -> false                waiters?  -> 0, wakes nobody
 *        Required: not both. `waiters++` pairs with the load in `wakeAll`.                       [W1]
 *
 * 2. Waking an empty queue costs one load.
 */
import type { MaybePromise } from '@mmu-notifier/core';
import type { Region } from './memory.ts';
import { struct } from './struct.ts';
import { run, runSync, wake, type Waiting } from './waiting.ts';

const At = struct({ turn: 'word', waiters: 'word' });

/** Words that a wait queue takes. */
export const waitQueueWords: number = At.sizeWords;

/** See the file's head. */
export class WaitQueue {
  readonly region: Region;
  readonly index: number;

  /** @param index the first of its words in the region; zero when first used */
  constructor(region: Region, index: number) {
    this.region = region;
    this.index = index;
  }

  /** Waits until the condition holds; looks first, and again whenever it is woken. */
  waitUntil(condition: () => boolean, signal?: AbortSignal): MaybePromise<void> {
    return condition() ? undefined : this.#ignore(run(this.wait(condition), signal));
  }

  /** The same, blocking the thread. */
  waitUntilSync(condition: () => boolean): void {
    if (!condition()) runSync(this.wait(condition));
  }

  /**
   * As part of a slow path of the caller's. Returns false when `timeoutMs` passed without the condition.
   */
  *wait(condition: () => boolean, timeoutMs?: number): Waiting<boolean> {
    const { region } = this;
    const turnAt = this.index + At.turn;
    region.add(this.index + At.waiters, 1);
    try {
      for (;;) {
        const expected = region.load(turnAt);
        if (condition()) return true;
        const outcome = yield timeoutMs === undefined
          ? { region, index: turnAt, expected }
          : { region, index: turnAt, expected, timeoutMs };
        if (outcome === 'timed-out') return condition();
      }
    } finally {
      region.add(this.index + At.waiters, -1);
    }
  }

  /** Wakes everybody. Call it after the condition was made true. */
  wakeAll(): void {
    const { region, index } = this;
    if (region.load(index + At.waiters) === 0) return;
    region.add(index + At.turn, 1);
    wake(region, index + At.turn);
  }

  async #ignore(waited: Promise<boolean>): Promise<void> {
    await waited;
  }
}
