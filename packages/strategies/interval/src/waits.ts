/**
 * The three places that wait. Each is a generator; `run` and `runSync` of sync are its two forms.
 */
import type { Waiting } from '@mmu-notifier/sync';
import type { Transitions } from './transitions.ts';

/**
 * A reader that collided waits until the epoch is over. Not under the lock: it owns nothing that the end of an
 * epoch touches. It does not loop: its caller bounds the time.                                    [R1] [R5]
 */
export function* waitToRead(state: Transitions, low: number): Waiting<void> {
  yield* state.seqQueue.wait(() => state.seqDiffers(low));
}

/**
 * A closer waits until the epoch is over, and looks under the lock: the end of the epoch turns seq first and
 * walks the deferred list afterwards, so without the lock the closer would free a record that is still on it.
 *
 *     the last end                         closer
 *     ------------------------------------ ------------------------------------
 *     lock; seq++
 *                                          seq differs: returns, frees the record
 *     reads the record's next
 *     unlock
 *     Required: not that.                                                              [U-5] [U1]
 *
 * `lockless` is the bug: v1, fixed in Linux by 319561669a59 (v5.18).
 */
export function* waitToClose(state: Transitions, low: number, lockless: boolean): Waiting<void> {
  yield* state.seqQueue.wait(() => (lockless ? state.seqDiffers(low) : state.epochIsOver(low)));
}

/** A registration waits for a moment without an open section, and runs in it: `runIfIdle` says whether it did. */
export function* waitForIdle(state: Transitions, runIfIdle: () => boolean): Waiting<void> {
  yield* state.idleQueue.wait(runIfIdle);
}
