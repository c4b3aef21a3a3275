/**
 * The loop that reads a range and publishes what was derived from it, again and again until it did not
 * collide. People get it wrong by hand: they forget the bound, the abort, or that a refused publication must
 * read again and not just publish again.
 *
 * Guaranteed progress: each attempt is optimistic, so a steady writer could refuse it for ever. After
 * `attemptsMax` of them the last one reads *under the driver's lock*: a blockable section then waits for the
 * reader instead of overtaking it, a non-blockable one is told "would block". The price is that `read` must
 * not then wait for anything that an invalidator holds; who cannot promise that asks for `whenExhausted: 'throw'`.
 *
 * Linux has this loop in each driver, since 2026 in hmm_range_fault_unlocked_timeout; there a deadline ends it.
 */
import { NotifierError } from './errors.ts';
import type { MaybePromise, Seq, Subscription } from './notifier.ts';

/** Counts over any number of loops. Create one with {@link collisionCounters} and pass it along. */
export interface CollisionCounters {
  /** Loops that published. */
  published: number;
  /** Refused publications after which the value turned out to have changed under the reader. */
  trueCollisions: number;
  /** Refused publications that were not needed: another part of the span, or another subscription, was hit. */
  falseCollisions: number;
  /** Refused publications that nobody classified, because no `collided` was given. */
  unclassifiedCollisions: number;
  /** The most refused publications that one loop had in a row. */
  longestRun: number;
  /** Loops that needed the driver's lock for their last read. */
  underLock: number;
}

/** Fresh counters, all zero. */
export function collisionCounters(): CollisionCounters {
  return {
    published: 0,
    trueCollisions: 0,
    falseCollisions: 0,
    unclassifiedCollisions: 0,
    longestRun: 0,
    underLock: 0,
  };
}

/** What both forms of the loop take. */
interface CollisionRetryOptionsBase<T> {
  /** Makes the value visible. Runs under the driver's lock; must not read the range again. */
  readonly install: (value: T) => void;
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
   * What to do between attempts; `attempt` counts from 1. Default nothing: `readBegin` waits for the section
   * that collided. `@mmu-notifier/sync` has an exponential one.
   */
  readonly backoff?: (attempt: number, signal: AbortSignal | undefined) => MaybePromise<void>;
}

/** Options of {@link collisionRetrySync}. */
export interface CollisionRetrySyncOptions<T> extends CollisionRetryOptionsBase<T> {
  readonly read: (seq: Seq) => T;
  readonly backoff?: (attempt: number) => void;
}

const attemptsMaxDefault = 16;

/**
 * Reads and publishes until it did not collide; resolves to the value that was installed.
 *
 * @throws the signal's reason; what `read` or `install` throws; NotifierError `MMN_CLOSED`, `MMN_RELEASED`,
 *   `MMN_RETRY_EXHAUSTED`
 */
export async function collisionRetry<T>(
  subscription: Subscription,
  options: CollisionRetryOptions<T>,
): Promise<T> {
  const { read, install, signal, backoff } = options;
  const attemptsMax = checkAttempts(options.attemptsMax);
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    signal?.throwIfAborted();
    const seq = await subscription.readBegin(signal);
    const value = await read(seq, signal);
    if (!subscription.checkRetry(seq)) {
      if (await subscription.publish(seq, () => install(value), signal)) {
        return finished(options, value, attempt);
      }
    }
    count(options, value);
    if (attempt < attemptsMax) await backoff?.(attempt, signal);
  }
  if (options.whenExhausted === 'throw') throw exhausted(attemptsMax);
  const last = { value: undefined as T };
  const readAndInstall = async (seq: Seq): Promise<void> => {
    last.value = await read(seq, signal);
    install(last.value);
  };
  for (;;) {
    signal?.throwIfAborted();
    const seq = await subscription.readBegin(signal);
    if (await subscription.publish(seq, () => readAndInstall(seq), signal)) {
      return finishedUnderLock(options, last.value, attemptsMax);
    }
  }
}

/** The same for a worker thread that may block: every wait is a blocking one, `read` is synchronous. */
export function collisionRetrySync<T>(
  subscription: Subscription,
  options: CollisionRetrySyncOptions<T>,
): T {
  const { read, install, backoff } = options;
  const attemptsMax = checkAttempts(options.attemptsMax);
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const seq = subscription.readBeginSync();
    const value = read(seq);
    if (!subscription.checkRetry(seq)) {
      if (subscription.publishSync(seq, () => install(value))) {
        return finished(options, value, attempt);
      }
    }
    count(options, value);
    if (attempt < attemptsMax) backoff?.(attempt);
  }
  if (options.whenExhausted === 'throw') throw exhausted(attemptsMax);
  const last = { value: undefined as T };
  const readAndInstall = (seq: Seq): void => {
    last.value = read(seq);
    install(last.value);
  };
  for (;;) {
    const seq = subscription.readBeginSync();
    if (subscription.publishSync(seq, () => readAndInstall(seq))) {
      return finishedUnderLock(options, last.value, attemptsMax);
    }
  }
}

function checkAttempts(attemptsMax: number = attemptsMaxDefault): number {
  if (Number.isSafeInteger(attemptsMax) && attemptsMax >= 1) return attemptsMax;
  throw new NotifierError(
    'MMN_OPTION',
    `expected attemptsMax to be an integer of at least 1, got ${String(attemptsMax)}`,
  );
}

function exhausted(attemptsMax: number): NotifierError {
  return new NotifierError(
    'MMN_RETRY_EXHAUSTED',
    `expected to publish within ${attemptsMax} attempts, but each collided with an invalidation`,
  );
}

function count<T>(options: CollisionRetryOptionsBase<T>, value: T): void {
  const { counters, collided } = options;
  if (counters === undefined) return;
  if (collided === undefined) counters.unclassifiedCollisions++;
  else if (collided(value)) counters.trueCollisions++;
  else counters.falseCollisions++;
}

function finished<T>(options: CollisionRetryOptionsBase<T>, value: T, attempts: number): T {
  const { counters } = options;
  if (counters !== undefined) {
    counters.published++;
    counters.longestRun = Math.max(counters.longestRun, attempts - 1);
  }
  return value;
}

function finishedUnderLock<T>(
  options: CollisionRetryOptionsBase<T>,
  value: T,
  attempts: number,
): T {
  if (options.counters !== undefined) options.counters.underLock++;
  return finished(options, value, attempts + 1);
}
