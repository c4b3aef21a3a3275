/**
 * The loop that reads a range and publishes what was derived from it, again and again until it did not
 * collide. People get it wrong by hand: they forget the bound, the abort, or that a refused publication must
 * read again and not just publish again.
 *
 * Guaranteed progress: each attempt is optimistic, so a steady writer could refuse it for ever, however short
 * its sections, if only the read is long enough. After `attemptsMax` of them the loop reads *under the driver's
 * lock*: a blockable section then waits for the reader instead of overtaking it, a non-blockable one is told
 * "would block". What can still refuse is a section that is open when the lock is taken. No read stands in that
 * window, nor any other wait if nothing is open and the lock is free; so the loop ends as soon as the writer
 * leaves a gap, while against one that always has a section open only the signal ends it, and nothing else could.
 *
 * The price of the last resort: `read` must not wait for anything that an invalidator holds, and must not wait
 * at all if the driver's lock is a spin lock. Who cannot promise that asks for `whenExhausted: 'throw'`.
 *
 * An abort ends the loop at once, also while `read` goes on and takes no notice of it; nothing is installed then.
 * A read that goes on under the lock keeps the lock until it is over. A collision is not an abort: `read` is not told.
 *
 * Linux has this loop in each driver, since 2026 in hmm_range_fault_unlocked_timeout; there a deadline ends it.
 */
import { checkFunction, checkMethod } from './arguments.ts';
import { abortable, isPromise } from './callbacks.ts';
import type { MaybePromise, Seq, Subscription } from './notifier.ts';
import {
  attemptsExhausted,
  checkAttempts,
  noteCollision,
  notePublication,
  type CollisionCounters,
} from './retry.ts';

/** What both forms of the loop take. */
interface CollisionRetryOptionsBase<T> {
  /** Makes the value visible. Runs under the driver's lock; must not read the range again. See `publish`. */
  readonly install: (value: T) => unknown;
  /** Optimistic attempts before the last resort. Default 16; at least 1. */
  readonly attemptsMax?: number;
  /** At the bound: read under the driver's lock (default), or throw `MMN_RETRY_EXHAUSTED`. */
  readonly whenExhausted?: 'lock' | 'throw';
  /** Asked after a refused publication: did the caller's own data change? Only for the counters. */
  readonly collided?: (value: T) => boolean;
  readonly counters?: CollisionCounters;
}

/** Options of {@link collisionRetry}. */
export interface CollisionRetryOptions<T> extends CollisionRetryOptionsBase<T> {
  /** Reads the range and derives the value. */
  readonly read: (seq: Seq, signal: AbortSignal | undefined) => MaybePromise<T>;
  readonly signal?: AbortSignal;
  /**
   * What to do after a refused publication, before the next attempt; `attempt` counts from 1. Default nothing:
   * `readBegin` waits for the section that collided. A strategy whose `readBegin` never waits needs one that
   * lets the event loop turn. `@mmu-notifier/sync` has an exponential one.
   */
  readonly backoff?: (attempt: number, signal: AbortSignal | undefined) => MaybePromise<void>;
}

/** Options of {@link collisionRetrySync}. */
export interface CollisionRetrySyncOptions<T> extends CollisionRetryOptionsBase<T> {
  readonly read: (seq: Seq) => T;
  readonly backoff?: (attempt: number) => void;
}

/**
 * Reads and publishes until it did not collide; resolves to the value that was installed.
 *
 * @throws the signal's reason; what `read`, `install`, `collided` or `backoff` throws; NotifierError `MMN_CLOSED`,
 *   `MMN_RELEASED`, `MMN_RETRY_EXHAUSTED`, `MMN_OPTION` for an `attemptsMax` that is not a positive integer, or no function
 */
export async function collisionRetry<T>(
  subscription: Subscription,
  options: CollisionRetryOptions<T>,
): Promise<T> {
  checkMethod(subscription, 'readBegin', 'subscription');
  const { read, install, collided, counters, signal, backoff } = options;
  checkFunction(read, 'options.read');
  checkFunction(install, 'options.install');
  const attemptsMax = checkAttempts(options.attemptsMax);
  let attempt = 1;
  for (; attempt <= attemptsMax; attempt++) {
    signal?.throwIfAborted();
    const seq = await subscription.readBegin(signal);
    const value = await abortable(read(seq, signal), signal);
    if (!subscription.checkRetry(seq)) {
      if (await subscription.publish(seq, () => install(value), signal)) {
        notePublication(counters, false);
        return value;
      }
    }
    noteCollision(counters, attempt, collided?.(value));
    if (attempt < attemptsMax) await backoff?.(attempt, signal);
  }
  if (options.whenExhausted === 'throw') throw attemptsExhausted(attemptsMax);
  const last = { value: undefined as T };
  const installLast = (value: T): unknown => {
    signal?.throwIfAborted();
    last.value = value;
    return install(value);
  };
  for (; ; attempt++) {
    signal?.throwIfAborted();
    // An `await` of what is no promise would open the window that the file's head speaks of.
    const begun = subscription.readBegin(signal);
    const seq = isPromise(begun) ? await begun : begun;
    const readAndInstall = (): unknown => {
      const value = read(seq, signal);
      return isPromise(value) ? value.then(installLast) : installLast(value);
    };
    if (await abortable(subscription.publish(seq, readAndInstall, signal), signal)) {
      notePublication(counters, true);
      return last.value;
    }
    noteCollision(counters, attempt, undefined);
    await backoff?.(attempt, signal);
  }
}

/** The same for a worker thread that may block: every wait is a blocking one, `read` is synchronous. */
export function collisionRetrySync<T>(
  subscription: Subscription,
  options: CollisionRetrySyncOptions<T>,
): T {
  checkMethod(subscription, 'readBeginSync', 'subscription');
  const { read, install, collided, counters, backoff } = options;
  checkFunction(read, 'options.read');
  checkFunction(install, 'options.install');
  const attemptsMax = checkAttempts(options.attemptsMax);
  let attempt = 1;
  for (; attempt <= attemptsMax; attempt++) {
    const seq = subscription.readBeginSync();
    const value = read(seq);
    if (!subscription.checkRetry(seq)) {
      if (subscription.publishSync(seq, () => install(value))) {
        notePublication(counters, false);
        return value;
      }
    }
    noteCollision(counters, attempt, collided?.(value));
    if (attempt < attemptsMax) backoff?.(attempt);
  }
  if (options.whenExhausted === 'throw') throw attemptsExhausted(attemptsMax);
  const last = { value: undefined as T };
  for (; ; attempt++) {
    const seq = subscription.readBeginSync();
    const readAndInstall = (): void => {
      last.value = read(seq);
      install(last.value);
    };
    if (subscription.publishSync(seq, readAndInstall)) {
      notePublication(counters, true);
      return last.value;
    }
    noteCollision(counters, attempt, undefined);
    backoff?.(attempt);
  }
}
