/**
 * Time and chance, so that tests need no real ones. Everything that waits for time asks the clock here;
 * `useVirtualClock` replaces it by one that a test moves.
 */
import { checkFunction, checkMethod, NotifierError } from '@mmu-notifier/core';

/** A timer that has not fired. */
export interface TimerHandle {
  cancel(): void;
}

/** A source of time. */
export interface Clock {
  /** Milliseconds since some fixed point, with fractions. Never goes back. */
  nowMs(): number;
  /** Calls `fire` once, `delayMs` from now. */
  startTimer(delayMs: number, fire: () => void): TimerHandle;
}

/** The longest delay of setTimeout, 24 days; a longer one would fire at once. */
const timerMsMax = 2 ** 31 - 1;

const realClock: Clock = {
  nowMs: () => performance.now(),
  startTimer(delayMs, fire) {
    const timer = setTimeout(fire, Math.min(delayMs, timerMsMax));
    return { cancel: () => clearTimeout(timer) };
  },
};

let clock: Clock = realClock;

/** The current time in milliseconds, from the clock in use. */
export function nowMs(): number {
  return clock.nowMs();
}

/** Starts a timer on the clock in use. @throws NotifierError `MMN_OPTION` */
export function startTimer(delayMs: number, fire: () => void): TimerHandle {
  checkMs(delayMs, 'delayMs');
  checkFunction(fire, 'fire');
  return clock.startTimer(delayMs, fire);
}

/** Resolves after `delayMs`, or rejects with the signal's reason. */
export function delay(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const timer = startTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = (): void => {
      timer.cancel();
      reject(signal!.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** A clock that moves only when told to. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #timers: { dueMs: number; fire: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  startTimer(delayMs: number, fire: () => void): TimerHandle {
    const timer = { dueMs: this.#nowMs + delayMs, fire };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((t) => t !== timer)) };
  }

  /** Moves time forward and fires what is due, in order of time. @throws NotifierError `MMN_OPTION` */
  advance(byMs: number): void {
    checkMs(byMs, 'byMs');
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.dueMs <= untilMs);
      if (due.length === 0) break;
      const next = due.reduce((a, b) => (b.dueMs < a.dueMs ? b : a));
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.fire();
    }
    this.#nowMs = untilMs;
  }
}

/** Puts another clock in use; returns what puts the former one back. */
export function useClock(other: Clock): () => void {
  checkMethod(other, 'startTimer', 'clock');
  const former = clock;
  clock = other;
  return () => {
    clock = former;
  };
}

function checkMs(ms: number, what: string): void {
  if (typeof ms === 'number' && ms >= 0) return;
  throw new NotifierError(
    'MMN_OPTION',
    `expected ${what} to be milliseconds from 0 on, got ${String(ms)}`,
  );
}

/** Options of {@link exponentialBackoff}. */
export interface BackoffOptions {
  /** Longest delay after the first attempt. Default 1 ms. */
  readonly delayMsMin?: number;
  /** Longest delay after any attempt. Default 100 ms. */
  readonly delayMsMax?: number;
  /** Random numbers from 0 to 1; default `Math.random`. */
  readonly random?: () => number;
}

/** A back-off for `collisionRetry`: a random delay up to a bound that doubles with each attempt ("full jitter"). */
export function exponentialBackoff(
  options: BackoffOptions = {},
): (attempt: number, signal?: AbortSignal) => Promise<void> {
  const { delayMsMin = 1, delayMsMax = 100, random = Math.random } = options;
  checkMs(delayMsMin, 'delayMsMin');
  checkMs(delayMsMax, 'delayMsMax');
  checkFunction(random, 'random');
  return (attempt, signal) =>
    delay(random() * Math.min(delayMsMax, delayMsMin * 2 ** (attempt - 1)), signal);
}
