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
 *    So in shared memory the condition must change by an atomic write, not by a plain one.
 *
 * 2. Waking an empty queue costs one load. Waking another one wakes everybody, and each looks again.
 */
import { checkFunction, type MaybePromise } from '@mmu-notifier/core';
import { nowMs } from './clock.ts';
import { mightSleep } from './lockdep.ts';
import { checkPlace, type Region } from './memory.ts';
import { run, runSync, wake, type Waiting } from './waiting.ts';

/** Its words. */
const turnOffset = 0;
const waitersOffset = 1;

/** Words that a wait queue takes. */
export const waitQueueWords = 2;

/** See the file's head. */
export class WaitQueue {
  declare readonly region: Region;
  declare readonly index: number;

  /** @param index the first of its words in the region; zero when first used. @throws NotifierError `MMN_MEMORY` outside of it */
  constructor(region: Region, index: number) {
    checkPlace(region, index, waitQueueWords, 'wait queue');
    this.region = region;
    this.index = index;
  }

  /** Waits until the condition holds; looks first, and again whenever it is woken. */
  waitUntil(condition: () => boolean, signal?: AbortSignal): MaybePromise<void> {
    checkFunction(condition, 'condition');
    mightSleep('waitUntil');
    return condition() ? undefined : run(this.#waitForever(condition), signal);
  }

  /** The same, blocking the thread. */
  waitUntilSync(condition: () => boolean): void {
    checkFunction(condition, 'condition');
    mightSleep('waitUntilSync');
    if (!condition()) runSync(this.#waitForever(condition));
  }

  /**
   * As part of a slow path of the caller's. Returns false when `timeoutMs` passed without the condition.
   */
  *wait(condition: () => boolean, timeoutMs: number = Infinity): Waiting<boolean> {
    const { region } = this;
    const turnAt = this.index + turnOffset;
    const deadlineMs = timeoutMs === Infinity ? Infinity : nowMs() + timeoutMs;
    region.add(this.index + waitersOffset, 1);
    try {
      for (;;) {
        const expected = region.load(turnAt);
        if (condition()) return true;
        const leftMs = deadlineMs === Infinity ? Infinity : deadlineMs - nowMs();
        if (leftMs <= 0) return false;
        const outcome = yield { region, index: turnAt, expected, timeoutMs: leftMs };
        if (outcome === 'timed-out') return condition();
      }
    } finally {
      region.add(this.index + waitersOffset, -1);
    }
  }

  /** Wakes everybody. Call it after the condition was made true. Never waits. */
  wakeAll(): void {
    const { region, index } = this;
    if (region.load(index + waitersOffset) === 0) return;
    region.add(index + turnOffset, 1);
    wake(region, index + turnOffset);
  }

  *#waitForever(condition: () => boolean): Waiting<void> {
    yield* this.wait(condition);
  }
}
