/**
 * The release of an address space: one section over everything, in which every subscription is told once.
 *
 * 1. It goes on whatever fails, and throws the first failure at the end.
 * 2. An aborted release waits for nobody any more. It still calls those whose lock is free, and the address space is
 *    released all the same.
 * 3. When it is over, no subscription can begin a read or publish, also one that could not be told, or whose driver
 *    locks for itself and ignored the event. What such a one keeps, it keeps: nobody else can tear it down.
 */
import {
  abortable,
  callbackFailed,
  callbackRefused,
  type MaybePromise,
  type NotifierError,
  type Section,
  type Steps,
} from '@mmu-notifier/core';
import type { Bindings } from './binding.ts';
import type { Transitions } from './transitions.ts';
import { isAbort, type Mode, type Walk } from './walk.ts';

/** What a release works with. */
export interface ReleaseParts {
  readonly state: Transitions;
  readonly bindings: Bindings;
  readonly walk: Walk;
  readonly mode: Exclude<Mode, 'try'>;
  readonly signal: AbortSignal | undefined;
}

/** Calls one after the other, whatever fails. */
export class Attempts {
  failure: NotifierError | undefined;
  readonly #signal: AbortSignal | undefined;
  #isAborted = false;

  /** @param failure what has failed before */
  constructor(signal: AbortSignal | undefined, failure?: NotifierError) {
    this.#signal = signal;
    this.failure = failure;
  }

  *run(call: () => MaybePromise<unknown>): Steps<unknown> {
    try {
      return yield abortable(call(), this.#signal);
    } catch (error) {
      if (isAbort(error, this.#signal)) this.#isAborted = true;
      else this.failure ??= callbackFailed(error);
      return undefined;
    }
  }

  throwFirst(): void {
    if (this.#isAborted) throw this.#signal!.reason;
    if (this.failure !== undefined) throw this.failure;
  }
}

/** Tells every subscription: `invalidate`, `times` times, then `finish` and `release`. */
export function* tellOfRelease(
  { state, bindings, walk, mode, signal }: ReleaseParts,
  section: Section,
  { handles, times }: { readonly handles: readonly number[]; readonly times: number },
  attempts: Attempts,
): Steps<void> {
  for (let time = 0; time < times; time++) {
    for (const handle of handles) {
      const went = yield* attempts.run(() => walk.invalidate(section, handle, mode, signal));
      if (went === false) attempts.failure ??= callbackRefused();
    }
  }
  for (const handle of handles) {
    yield* attempts.run(() => walk.finish(section, handle));
    yield* attempts.run(() => {
      const { ops } = bindings.of(handle);
      return bindings.call(() => ops.release?.(bindings.cookieOf(handle)));
    });
  }
  if (walk.isV1) return;
  // Marked under their locks, but for those whose lock could not be had: an aborted release gave up on it.
  for (const handle of handles) if (state.loadSeq(handle) >= 0) state.setReleased(handle);
}
