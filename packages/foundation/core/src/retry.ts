/** What the retry loops have in common: the bound, and the counters. */
import { NotifierError } from './errors.ts';

const attemptsMaxDefault = 16;

/** Counts over any number of loops. Create one with {@link collisionCounters} and pass it along. */
export interface CollisionCounters {
  /** Loops that published. */
  published: number;
  /** Refused publications after which the value turned out to have changed under the reader. */
  trueCollisions: number;
  /** Refused publications that were not needed: another part of the span, or another subscription, was hit. */
  falseCollisions: number;
  /** Refused publications without a verdict: no `collided` was given, or nothing had been read (last resort). */
  unclassifiedCollisions: number;
  /** The most refused publications that one loop had in a row, whether or not it published in the end. */
  longestRun: number;
  /** Loops that published what they read under the driver's lock. */
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

/** The bound, or its default. @throws NotifierError `MMN_OPTION` */
export function checkAttempts(attemptsMax: number = attemptsMaxDefault): number {
  if (Number.isSafeInteger(attemptsMax) && attemptsMax >= 1) return attemptsMax;
  throw new NotifierError(
    'MMN_OPTION',
    `expected attemptsMax to be an integer of at least 1, got ${String(attemptsMax)}`,
  );
}

/** The error of a loop that was told not to keep sections waiting. */
export function attemptsExhausted(attemptsMax: number): NotifierError {
  return new NotifierError(
    'MMN_RETRY_EXHAUSTED',
    `expected to publish within ${attemptsMax} attempts, but each collided with an invalidation`,
  );
}

/** `collision`: whether the value had changed; `undefined` when nobody knows. */
export function noteCollision(
  counters: CollisionCounters | undefined,
  run: number,
  collision: boolean | undefined,
): void {
  if (counters === undefined) return;
  counters.longestRun = Math.max(counters.longestRun, run);
  if (collision === undefined) counters.unclassifiedCollisions++;
  else if (collision) counters.trueCollisions++;
  else counters.falseCollisions++;
}

/** `underLock`: sections were kept waiting for it. */
export function notePublication(counters: CollisionCounters | undefined, underLock: boolean): void {
  if (counters === undefined) return;
  counters.published++;
  if (underLock) counters.underLock++;
}
