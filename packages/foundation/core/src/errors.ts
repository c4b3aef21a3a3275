/**
 * The three kinds of errors.
 *
 * 1. An expected outcome (would block, collided) is a return value, never an exception.
 * 2. A caller's mistake throws {@link NotifierError}. Its `code` is stable between major versions; its
 *    message says what was expected and what came, and may change.
 * 3. A broken invariant of ours throws {@link InvariantError}. Nobody catches it: it is a bug to report.
 */

/** Every code a {@link NotifierError} can carry. */
export type NotifierErrorCode =
  /** An address is not a safe integer from 0 to 2^53-1. */
  | 'MMN_ADDRESS'
  /** A range has `start === end`. */
  | 'MMN_RANGE_EMPTY'
  /** A range has `start > end`. */
  | 'MMN_RANGE_INVERTED'
  /** An event name that the contract does not have. */
  | 'MMN_EVENT'
  /** An end for a section that is not open here: ended already, never started, or another notifier's or agent's. */
  | 'MMN_NOT_OPEN'
  /** An operation that a callback must not call (close, release), called in a callback. */
  | 'MMN_IN_CALLBACK'
  /** The address space was released: no new subscription, read or publication. */
  | 'MMN_RELEASED'
  /** The subscription was closed. */
  | 'MMN_CLOSED'
  /** A prepared subscription is inserted that is inserted already. */
  | 'MMN_INSERTED'
  /** The operation has to wait, and this agent or this context must not. */
  | 'MMN_WOULD_BLOCK'
  /** No room for another subscription, section or agent. */
  | 'MMN_OUT_OF_CAPACITY'
  /** A callback returned `false` (would block) although the section is blockable. */
  | 'MMN_CALLBACK_REFUSED'
  /** A callback threw or rejected; the reason is the error's `cause`. */
  | 'MMN_CALLBACK_FAILED'
  /** A callback returned a promise where nobody can wait for it: a `…Sync` form, or a non-blockable section. */
  | 'MMN_CALLBACK_ASYNC'
  /** In shared memory, an ops table that is not registered in this agent. */
  | 'MMN_OPS_UNKNOWN'
  /** Memory that is too small, misaligned, not laid out by us, or laid out by something else. */
  | 'MMN_MEMORY'
  /** The variant, mode or option does not exist for this strategy; or an argument is no function, or out of its bounds. */
  | 'MMN_OPTION'
  /** The retry loop reached its bound and was told not to take the lock. */
  | 'MMN_RETRY_EXHAUSTED'
  /** A read returned before a range that it added was watched: `await read.add(…)`. */
  | 'MMN_NOT_AWAITED'
  /** A lock is released by somebody who does not hold it, or taken again by its holder. */
  | 'MMN_LOCK'
  /** What is waited for cannot come any more, since the agent that owed it has died. The message names it. */
  | 'MMN_AGENT_DIED';

/** A mistake of the caller's: wrong argument, wrong order, wrong context. */
export class NotifierError extends Error {
  override readonly name = 'NotifierError';
  readonly code: NotifierErrorCode;

  constructor(code: NotifierErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A mistake of ours: a state that must not exist. Never catch it; report it. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Throws {@link InvariantError} unless `condition` holds. For `verify()` and for states that cannot be. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/**
 * The code of an error thrown by these packages, or `undefined` for any other value. By name and not by
 * `instanceof`: an application may hold two copies of this package.
 */
export function codeOf(error: unknown): NotifierErrorCode | undefined {
  return error instanceof Error && error.name === 'NotifierError'
    ? (error as NotifierError).code
    : undefined;
}
