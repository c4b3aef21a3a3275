/**
 * Several ranges, watched as one. Each is *clean* from the moment it was added until a section hits it.
 *
 * 1. A range becomes clean under the driver's lock, by a publication: so no section was open on it then. What is read
 *    of it afterwards is unchanged as long as it is clean.                                                 [R2]
 * 2. It is clean until its callback has returned (if that waits: until it is over), so before the change begins.
 * 3. Nothing here holds two locks, and nobody who is kept waiting by `onHit` is waited for: `beforeWait` tells.
 * 4. In one event loop no callback runs between a look at `isClean` and what is done about it, without an await.
 *
 * One event loop only: the callbacks are closures. Ours; drm_gpusvm has the same flag for each of its ranges.
 */
import { isPromise, runSteps, type Steps } from './callbacks.ts';
import type { MaybePromise, Notifier, Subscription } from './notifier.ts';
import { checkSpan, overlaps, type InvalidationRange, type Span } from './range.ts';

/** One range. */
class Lease {
  readonly span: Span;
  /** Set before anybody can see the lease, but for `subscribe` that waits. */
  subscription: Subscription | undefined;
  isClean = false;
  /** The read that asked for it last. */
  readNumber = 0;
  /** Nobody is interested any more: closing. */
  isDropped = false;

  constructor(span: Span) {
    this.span = span;
  }
}

/** Who watches. */
export interface RangeWatchOptions {
  /** The first hit on what the current read has added. */
  readonly onReadHit: () => void;
  /** A clean range is hit. Keeps the section waiting as `SubscriptionOps.invalidate` may. */
  readonly onHit: (range: InvalidationRange) => MaybePromise<boolean | void>;
  /** The watch is about to wait for a section: nobody may be kept waiting by `onHit` meanwhile. */
  readonly beforeWait: () => void;
  /** When a range was refused and nothing had to be waited for. */
  readonly backoff: (attempt: number) => MaybePromise<void>;
  readonly signal: AbortSignal | undefined;
}

/** See the file's head. */
export class RangeWatch {
  readonly #notifier: Notifier;
  readonly #options: RangeWatchOptions;
  readonly #leases = new Map<string, Lease>();
  #readNumber = 0;
  #isHit = false;
  #waits = 0;

  constructor(notifier: Notifier, options: RangeWatchOptions) {
    this.#notifier = notifier;
    this.#options = options;
  }

  /** A range that this read had added was hit. */
  get isHit(): boolean {
    return this.#isHit;
  }

  /** What the current read has added and is not watched: an `add` is on its way, or has failed. */
  get unwatched(): number {
    const dirty = this.#used().filter(({ isClean }) => !isClean).length;
    return Math.max(dirty, this.#waits);
  }

  /** What the current read has added, in that order but for what earlier reads added already. */
  get spans(): Span[] {
    return this.#used().map(({ span }) => span);
  }

  /** A new read begins. The ranges of earlier ones stay subscribed, since it will mostly want the same. */
  beginRead(): void {
    this.#readNumber++;
    this.#isHit = false;
  }

  /** Makes every known range clean, all at the same moment: the one in which it returns. */
  cleanAll(): MaybePromise<void> {
    return runSteps(this.#cleanAll());
  }

  /** Adds a range to the current read. When it returns, or its promise resolves, the range is clean. */
  add({ start, end }: Span): MaybePromise<void> {
    const span = { start, end };
    checkSpan(span, 'span');
    const key = `${start}-${end}`;
    let lease = this.#leases.get(key);
    if (lease === undefined) this.#leases.set(key, (lease = new Lease(span)));
    lease.readNumber = this.#readNumber;
    if (lease.isClean) return undefined;
    const added = runSteps(this.#clean(lease));
    if (!isPromise(added)) return undefined;
    this.#waits++;
    const settled = added.finally(() => this.#waits--);
    settled.catch(() => {}); // who does not await it is told by `unwatched`
    return settled;
  }

  /** Lets go of what the current read has not added. */
  prune(): Promise<void> {
    return this.#drop([...this.#leases].filter(([, each]) => each.readNumber !== this.#readNumber));
  }

  /** Lets go of everything: no hit comes after it was called. Resolves when everything is closed. */
  close(): Promise<void> {
    return this.#drop([...this.#leases]);
  }

  #used(): Lease[] {
    return [...this.#leases.values()].filter((each) => each.readNumber === this.#readNumber);
  }

  async #drop(entries: [string, Lease][]): Promise<void> {
    for (const [key, lease] of entries) {
      lease.isDropped = true;
      this.#leases.delete(key);
    }
    await undefined; // closing is refused in a callback, where this may have been called
    await Promise.all(entries.map(([, { subscription }]) => subscription?.close()));
  }

  *#cleanAll(): Steps<void> {
    const firstDirty = (): Lease | undefined =>
      [...this.#leases.values()].find(({ isClean }) => !isClean);
    for (let lease = firstDirty(); lease !== undefined; lease = firstDirty()) {
      yield* this.#clean(lease);
    }
  }

  *#clean(lease: Lease): Steps<void> {
    const { signal, backoff } = this.#options;
    if (lease.subscription === undefined) yield* this.#subscribe(lease);
    const { subscription } = lease;
    if (subscription === undefined) return; // dropped meanwhile
    const clean = (): void => {
      lease.isClean = !lease.isDropped;
    };
    for (let attempt = 1; !lease.isClean && !lease.isDropped; attempt++) {
      const seq = yield* this.#wait(subscription.readBegin(signal));
      if (lease.isDropped) return;
      const published = yield* this.#wait(subscription.publish(seq, clean, signal));
      if (!published) yield* this.#wait(backoff(attempt) ?? Promise.resolve());
    }
  }

  *#subscribe(lease: Lease): Steps<void> {
    const { signal } = this.#options;
    const invalidate = (range: InvalidationRange): MaybePromise<boolean | void> =>
      this.#hit(lease, range);
    const options = signal && { signal };
    const subscribing = this.#notifier.subscribe(lease.span, { invalidate }, options);
    const subscription = yield* this.#wait(subscribing);
    // Two reads of one range may have waited side by side, or the watch was closed meanwhile.
    if (lease.subscription === undefined && !lease.isDropped) lease.subscription = subscription;
    else yield subscription.close();
  }

  *#wait<T>(pending: MaybePromise<T>): Steps<T> {
    if (!isPromise(pending)) return pending;
    this.#options.beforeWait();
    return (yield pending) as T;
  }

  #hit(lease: Lease, range: InvalidationRange): MaybePromise<boolean | void> {
    if (lease.isDropped || !lease.isClean || !overlaps(lease.span, range)) return undefined;
    let outcome: MaybePromise<boolean | void>;
    try {
      outcome = this.#options.onHit(range);
    } catch (error) {
      return this.#fail(lease, error);
    }
    if (!isPromise(outcome)) return this.#settle(lease, outcome);
    return outcome.then(
      (settled) => this.#settle(lease, settled),
      (error: unknown) => this.#fail(lease, error),
    );
  }

  #fail(lease: Lease, error: unknown): never {
    this.#settle(lease, undefined);
    throw error;
  }

  #settle(lease: Lease, outcome: boolean | void): boolean | void {
    if (outcome === false) return false;
    lease.isClean = false;
    if (lease.readNumber === this.#readNumber && !this.#isHit) {
      this.#isHit = true;
      this.#options.onReadHit();
    }
    return outcome;
  }
}
