/**
 * The legacy ops of a driver: what the schemes' loops over their registrations have in common.
 *
 * 1. One registration that fails or would block does not keep the others from being called.
 * 2. A start that fails or is refused was undone by the driver itself when it returns: the list ends it for the
 *    others only. A start that succeeded gets its end, or its undo, from the list.
 * 3. The second pass runs for those whose first pass succeeded, with the driver's locks free or not, as its start
 *    left them, but never with a registration's own.
 */
import {
  callbackRefused,
  type InvalidationRange,
  type MaybePromise,
  type Steps,
} from '@mmu-notifier/core';
import { runSteps, runStepsSync } from '@mmu-notifier/core';
import type { DriverSubscription } from './driver-subscription.ts';
import type { CallContext, LegacyOps } from './ops.ts';
import { releaseRange } from './subscription.ts';

/** See the file's head. A scheme extends it by its start, and by its end and release if it has them. */
export abstract class DriverCallbacks implements LegacyOps {
  /** Only once somebody has had something to finish: a walk without any skips its second pass. */
  invalidateRangeFinish?: NonNullable<LegacyOps['invalidateRangeFinish']>;
  /** Who has a second pass due, by the section's range, which is the same object until the section ends. */
  readonly #due = new Map<InvalidationRange, DriverSubscription[]>();

  abstract invalidateRangeStart(
    range: InvalidationRange,
    cookie: number,
    context: CallContext,
  ): MaybePromise<boolean>;

  /**
   * First pass: calls each in turn. Returns `false` if one would block, and throws the first failure, both after all
   * have been called; their second pass has run then.
   */
  protected *tearDownEach(
    subscriptions: Iterable<DriverSubscription>,
    range: InvalidationRange,
    context: CallContext,
  ): Steps<boolean> {
    let isRefused = false;
    let failure: { readonly reason: unknown } | undefined;
    for (const subscription of subscriptions) {
      try {
        if (yield subscription.tearDown(range, context)) this.#noteFinish(subscription, range);
        else if (range.blockable) throw callbackRefused();
        else isRefused = true;
      } catch (error) {
        failure ??= { reason: error };
      }
    }
    if (failure === undefined && !isRefused) return true;
    yield* this.#finishEach(range);
    if (failure !== undefined) throw failure.reason;
    return false;
  }

  /** The address space is gone: tears down everything, finishes it, and says so; then throws the first failure. */
  protected *releaseEach(
    subscriptions: readonly DriverSubscription[],
    context: CallContext,
  ): Steps<void> {
    let failure: { readonly reason: unknown } | undefined;
    try {
      yield* this.tearDownEach(subscriptions, releaseRange, context);
      yield* this.#finishEach(releaseRange);
    } catch (error) {
      failure = { reason: error };
    }
    for (const subscription of subscriptions) {
      try {
        yield subscription.release();
      } catch (error) {
        failure ??= { reason: error };
      }
    }
    if (failure !== undefined) throw failure.reason;
  }

  /** Runs a slow path as its caller waits. */
  protected runIn<T>(steps: Steps<T>, context: CallContext): MaybePromise<T> {
    return context.isSync ? runStepsSync(steps) : runSteps(steps);
  }

  #noteFinish(subscription: DriverSubscription, range: InvalidationRange): void {
    if (subscription.ops.finish === undefined) return;
    this.invalidateRangeFinish ??= (section, _cookie, context) =>
      this.runIn(this.#finishEach(section), context);
    subscription.hold();
    const due = this.#due.get(range);
    if (due === undefined) this.#due.set(range, [subscription]);
    else due.push(subscription);
  }

  *#finishEach(range: InvalidationRange): Steps<void> {
    const due = this.#due.get(range);
    if (due === undefined) return;
    this.#due.delete(range);
    let failure: { readonly reason: unknown } | undefined;
    for (const subscription of due) {
      try {
        yield subscription.finish(range);
      } catch (error) {
        failure ??= { reason: error };
      } finally {
        subscription.unhold();
      }
    }
    if (failure !== undefined) throw failure.reason;
  }
}
