/**
 * Deriving a value from ranges that are learned while they are read, as a block of compiled code that spans pages,
 * or a query that discovers what it reads.
 *
 *     invalidator                          reader
 *     ------------------------------------ ------------------------------------
 *                                          await read.add(a); read a
 *     invalidateRangeStart(a) … End
 *                                          await read.add(b); read b
 *                                          install
 *     Required: install did not run; a and b are read again.                                 [D1]
 *
 * 1. Each range is watched before it is read: `add` first, then the data. See range-watch.ts.
 * 2. `install` runs if nothing that was added has been hit; between that look and `install` nobody runs.
 * 3. From then on, the first section that hits one of the ranges calls `invalidate`, once, before its start returns.
 *
 * Guaranteed progress: as in collision-retry.ts, the first attempts are optimistic. After that sections are kept
 * waiting while a read is on: those that hit what the reads before it have added. A read that discovers something
 * new which it would have to wait for lets them go again, so that nobody waits in a circle, and the next one knows
 * it. So the loop ends when what it reads stays the same and there is a moment with no section open on it.
 */
import { checkFunction, checkMethod } from './arguments.ts';
import { abortable, deferred, isPromise, type Deferred } from './callbacks.ts';
import { NotifierError } from './errors.ts';
import type { MaybePromise, Notifier } from './notifier.ts';
import type { InvalidationRange, Span } from './range.ts';
import { RangeWatch } from './range-watch.ts';
import {
  attemptsExhausted,
  checkAttempts,
  noteCollision,
  notePublication,
  type CollisionCounters,
} from './retry.ts';

/** What `read` receives: the ranges that it depends on go in here. */
export interface Reading {
  /**
   * Watches a range from now on. To be awaited before anything of the range is read; a promise only if a section is
   * open on it. Adding a range twice is harmless; one range for everything that is read together is cheapest.
   *
   * @throws NotifierError `MMN_ADDRESS`, `MMN_RANGE_EMPTY`, `MMN_RANGE_INVERTED`, `MMN_CLOSED` when the read is over,
   *   and what `subscribe` throws
   */
  add(span: Span): MaybePromise<void>;
  /** This read has collided already: whatever it returns or throws will not be used. It need not look. */
  readonly isHit: boolean;
}

/** Options of {@link derive}. */
export interface DeriveOptions<T> {
  /** Adds ranges, reads them, and derives the value. What it throws after a collision is not reported: torn data may do that. */
  readonly read: (reading: Reading, signal: AbortSignal | undefined) => MaybePromise<T>;
  /** Makes the value visible. Sections wait for it if it returns a promise. */
  readonly install?: (value: T) => unknown;
  /** Tears down what `install` made visible, once: see `SubscriptionOps.invalidate`. */
  readonly invalidate?: (range: InvalidationRange) => MaybePromise<boolean | void>;
  readonly signal?: AbortSignal;
  /** Optimistic attempts before sections are kept waiting. Default 16; at least 1. */
  readonly attemptsMax?: number;
  /** At the bound: keep sections waiting (default, called `'lock'` as in `collisionRetry`), or throw `MMN_RETRY_EXHAUSTED`. */
  readonly whenExhausted?: 'lock' | 'throw';
  /** A read has collided, and goes on for nothing. Called by the section that hit it; must not wait or throw. */
  readonly onCollision?: () => void;
  readonly counters?: CollisionCounters;
  /** After a refusal; see `CollisionRetryOptions.backoff`. */
  readonly backoff?: (attempt: number, signal: AbortSignal | undefined) => MaybePromise<void>;
}

/** A value, and the ranges that it was derived from. */
export interface Derivation<T> extends AsyncDisposable {
  readonly value: T;
  /** What `read` added. */
  readonly spans: readonly Span[];
  /** Until a section hits one of the ranges, or it is closed. */
  readonly isValid: boolean;
  /** Lets go of the ranges: `invalidate` is not called any more. Closes itself after it was invalidated. */
  close(): Promise<void>;
}

/**
 * Reads, and starts again, until nothing that was read has been hit; installs the value, and watches its ranges.
 *
 *     const total = await derive(notifier, {
 *       async read(reading) {
 *         await reading.add({ start: 0, end: 64 });
 *         return sum(bytes.subarray(0, 64));
 *       },
 *       invalidate: () => console.log('outdated'),
 *     });
 *
 * One event loop only: a notifier in shared memory refuses the closures with `MMN_OPS_UNKNOWN`.
 *
 * @throws the signal's reason; what `read`, `install` or `backoff` throws; NotifierError `MMN_RETRY_EXHAUSTED`,
 *   `MMN_OPTION`, `MMN_RELEASED`, `MMN_NOT_AWAITED` when `read` returned before an `add` of its had succeeded,
 *   `MMN_RANGE_EMPTY` when it added nothing: nobody would ever know that the value is outdated
 */
export async function derive<T>(
  notifier: Notifier,
  options: DeriveOptions<T>,
): Promise<Derivation<T>> {
  checkMethod(notifier, 'subscribe', 'notifier');
  checkFunction(options.read, 'options.read');
  const attemptsMax = checkAttempts(options.attemptsMax);
  const loop = new DeriveLoop(notifier, options);
  try {
    return await loop.run(attemptsMax);
  } catch (error) {
    void loop.close(); // may wait for a section, which an abort must not
    throw error;
  }
}

/** What a hit finds: nothing to tear down yet, somebody to wait for, something to tear down, or nothing any more. */
type State = 'reading' | 'holding' | 'installed' | 'over';

class DeriveLoop<T> implements Derivation<T> {
  value!: T;
  spans: readonly Span[] = [];
  readonly #options: DeriveOptions<T>;
  readonly #watch: RangeWatch;
  #state: State = 'reading';
  /** Settles when sections are not kept waiting any more. */
  #held: Deferred<void> | undefined;
  /** The teardown, for sections that come while it is on its way. */
  #tornDown: MaybePromise<boolean | void> = undefined;
  #closing: Promise<void> | undefined;

  constructor(notifier: Notifier, options: DeriveOptions<T>) {
    this.#options = options;
    const { signal, backoff } = options;
    this.#watch = new RangeWatch(notifier, {
      onHit: (range) => this.#hit(range),
      onReadHit: () => {
        if (this.#state === 'reading') options.onCollision?.();
      },
      beforeWait: () => this.#letGo('reading'),
      backoff: (attempt) => backoff?.(attempt, signal),
      signal,
    });
  }

  get isValid(): boolean {
    return this.#state === 'installed';
  }

  async run(attemptsMax: number): Promise<Derivation<T>> {
    const { counters, backoff, signal, whenExhausted } = this.#options;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      this.#watch.beginRead();
      if (attempt > attemptsMax) {
        if (whenExhausted === 'throw') throw attemptsExhausted(attemptsMax);
        // Asked again after each wait, which may have let a section in.
        for (let cleaned = this.#watch.cleanAll(); cleaned; cleaned = this.#watch.cleanAll()) {
          await cleaned;
        }
        this.#hold();
      }
      if (await this.#attempt()) {
        notePublication(counters, attempt > attemptsMax);
        return this;
      }
      noteCollision(counters, attempt, undefined);
      if (attempt !== attemptsMax) await backoff?.(attempt, signal);
    }
  }

  close(): Promise<void> {
    this.#letGo('over');
    return (this.#closing ??= this.#watch.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Reads and installs; `false` if it collided. */
  async #attempt(): Promise<boolean> {
    const { read, install, signal } = this.#options;
    const reading = new OpenReading(this.#watch);
    let value: T;
    try {
      value = await abortable(read(reading, signal), signal);
    } catch (error) {
      this.#letGo('reading');
      if (this.#watch.isHit && signal?.aborted !== true) return false;
      throw error;
    } finally {
      reading.end();
    }
    if (this.#watch.isHit) {
      this.#letGo('reading');
      return false;
    }
    this.#checkRead();
    this.value = value;
    this.spans = this.#watch.spans;
    void this.#watch.prune();
    this.#hold(); // a section that comes while it is being installed has something to tear down, soon
    const installed = install?.(value);
    if (isPromise(installed)) await installed;
    this.#letGo('installed');
    return true;
  }

  #checkRead(): void {
    const { unwatched } = this.#watch;
    if (unwatched > 0) {
      throw new NotifierError(
        'MMN_NOT_AWAITED',
        `expected read to await its add(…) calls before it returns, got ${unwatched} on their way or failed`,
      );
    }
    if (this.#watch.spans.length > 0) return;
    throw new NotifierError(
      'MMN_RANGE_EMPTY',
      'expected read to add the ranges that it reads, got none: nobody would know when the value is outdated',
    );
  }

  #hold(): void {
    if (this.#state === 'holding') return;
    this.#state = 'holding';
    this.#held = deferred();
  }

  #letGo(state: State): void {
    if (this.#state === 'over') return;
    this.#state = state;
    this.#held?.resolve();
  }

  #hit(range: InvalidationRange): MaybePromise<boolean | void> {
    switch (this.#state) {
      case 'holding':
        return range.blockable && this.#hitLater(range);
      case 'reading':
        return undefined;
      case 'installed':
        return this.#tearDown(range);
      case 'over':
        return this.#tornDown;
    }
  }

  async #hitLater(range: InvalidationRange): Promise<boolean | void> {
    await this.#held?.promise;
    return this.#hit(range);
  }

  #tearDown(range: InvalidationRange): MaybePromise<boolean | void> {
    this.#state = 'over';
    let outcome: MaybePromise<boolean | void>;
    try {
      outcome = this.#options.invalidate?.(range);
    } catch (error) {
      void this.close();
      throw error;
    }
    if (!isPromise(outcome)) return this.#endTearDown(outcome);
    this.#tornDown = this.#tearDownLater(outcome);
    return this.#tornDown;
  }

  async #tearDownLater(pending: Promise<boolean | void>): Promise<boolean | void> {
    try {
      return this.#endTearDown(await pending);
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  /** `false`: it would have to wait, and is called again. */
  #endTearDown(outcome: boolean | void): boolean | void {
    this.#tornDown = undefined;
    if (outcome === false) this.#state = 'installed';
    else void this.close();
    return outcome;
  }
}

/** The reader's view of a watch, while one read lasts. */
class OpenReading implements Reading {
  #watch: RangeWatch | undefined;
  #wasHit = false;

  constructor(watch: RangeWatch) {
    this.#watch = watch;
  }

  get isHit(): boolean {
    return this.#watch?.isHit ?? this.#wasHit;
  }

  add(span: Span): MaybePromise<void> {
    if (this.#watch !== undefined) return this.#watch.add(span);
    throw new NotifierError(
      'MMN_CLOSED',
      'expected add to be called while its read is on, got called after it',
    );
  }

  end(): void {
    this.#wasHit = this.isHit;
    this.#watch = undefined;
  }
}
