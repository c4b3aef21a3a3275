/**
 * The two places that wait. Each is a generator; `run` and `runSync` of sync are its two forms.
 */
import type { Seq } from '@mmu-notifier/core';
import type { Waiting } from '@mmu-notifier/sync';
import type { Transitions } from './transitions.ts';

/**
 * A read that collided waits until the sections that are open now have ended, and not for later ones. If such a later
 * one is open then, the number from before the wait is returned, which `publish` refuses.        [R1] [R5]
 *
 *     reader                               invalidator
 *     ------------------------------------ ------------------------------------
 *     waits for section 1
 *                                          start of section 2 calls: seq becomes n
 *                                          end of section 1
 *     begins with n
 *     reads the page
 *                                          changes the page, end of section 2
 *     publish(n)
 *     Required: not that. Begins with the number from before section 2.                      [R2]
 *
 * @throws NotifierError `MMN_RELEASED`
 */
export function* waitToRead(state: Transitions, id: number): Waiting<Seq> {
  const { seq, sections } = state.observe(id);
  yield* state.queue.wait(() => !state.isHit(id, sections));
  const now = state.read(id);
  return now >= 0 ? (now as Seq) : seq;
}

/** A closer waits until nobody may call the subscription: `isOver` says whether it is free. [U1] */
export function* waitToClose(state: Transitions, isOver: () => boolean): Waiting<void> {
  yield* state.queue.wait(isOver);
}
