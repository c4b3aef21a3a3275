/**
 * A notifier under test with what tests say about it. It awaits whatever may be a promise, verifies the structures after
 * each step, and a wait that nobody can end is a failure and no hang.
 */
import type {
  Invalidation,
  InvalidationRange,
  MaybePromise,
  Notifier,
  RangeToInvalidate,
  Seq,
  SubscribeOptions,
  Subscription,
  SubscriptionOps,
} from '@mmu-notifier/core';
import { equal } from './check.ts';
import type { Mode, Subject } from './subject.ts';
import { over, sharedMemory } from './turns.ts';

/** Room in notifiers under test. */
export const capacityDefault = 16;

/** A call of `invalidate`. */
export type Call = InvalidationRange & { readonly cookie: number };

/** Ops that remember their callbacks. `act` is what `invalidate` does besides. */
export class Recorder implements SubscriptionOps {
  readonly calls: Call[] = [];
  act: (range: InvalidationRange) => MaybePromise<boolean | void> = () => undefined;

  invalidate(range: InvalidationRange, cookie: number): MaybePromise<boolean | void> {
    const { start, end, event, blockable, owner } = range;
    this.calls.push({ start, end, event, blockable, owner, cookie });
    return this.act(range);
  }
}

/** A recorder and its subscription. */
export interface Recorded {
  readonly ops: Recorder;
  readonly calls: readonly Call[];
  readonly subscription: Subscription;
}

/** See the file's head. */
export class World {
  readonly subject: Subject;
  readonly mode: Mode;
  #notifier: Notifier | undefined;
  #opsIds = 0;

  constructor(subject: Subject, mode: Mode, notifier?: Notifier) {
    this.subject = subject;
    this.mode = mode;
    this.#notifier = notifier;
  }

  get notifier(): Notifier {
    return (this.#notifier ??= this.create());
  }

  /** Another notifier, in the same kind of memory. */
  another(capacity?: number): World {
    return new World(this.subject, this.mode, this.create(capacity));
  }

  /** The same notifier as one that another maker made. */
  with(notifier: Notifier): World {
    return new World(this.subject, this.mode, notifier);
  }

  create(capacity: number = capacityDefault): Notifier {
    const { strategy, variant } = this.subject;
    if (this.mode === 'event-loop') return strategy.create({ variant, capacity });
    const memory = sharedMemory(strategy.byteLength(capacity, variant));
    return strategy.create({ variant, capacity, memory });
  }

  /** Ops as this kind of memory wants them. */
  opsFor(ops: SubscriptionOps): SubscriptionOps | number {
    if (this.mode === 'event-loop') return ops;
    this.notifier.registerOps(this.#opsIds, ops);
    return this.#opsIds++;
  }

  /** Subscribes at a moment when that need not wait. */
  async subscribe(
    start: number,
    end: number,
    ops: SubscriptionOps = new Recorder(),
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    const subscribing = this.notifier.subscribe({ start, end }, this.opsFor(ops), options);
    const subscription = await over(subscribing, 'subscribe');
    this.notifier.verify();
    return subscription;
  }

  /** A subscription that remembers its callbacks. */
  async recorder(start: number, end: number, options: SubscribeOptions = {}): Promise<Recorded> {
    const ops = new Recorder();
    return { ops, calls: ops.calls, subscription: await this.subscribe(start, end, ops, options) };
  }

  /** Starts a section; returns what ends it. */
  async start(
    start: number,
    end: number,
    more: Partial<RangeToInvalidate> = {},
  ): Promise<() => Promise<void>> {
    const starting = this.notifier.invalidateRangeStart({ start, end, ...more });
    const invalidation = await over(starting, 'a start');
    this.notifier.verify();
    return () => this.end(invalidation);
  }

  /** A non-blockable start; returns what ends it, or `undefined`. */
  tryStart(start: number, end: number): (() => Promise<void>) | undefined {
    const invalidation = this.notifier.tryInvalidateRangeStart({ start, end });
    this.notifier.verify();
    return invalidation === undefined ? undefined : () => this.end(invalidation);
  }

  async end(invalidation: Invalidation): Promise<void> {
    await over(this.notifier.invalidateRangeEnd(invalidation), 'an end');
    this.notifier.verify();
  }

  /** A whole section. */
  async invalidate(start: number, end: number): Promise<void> {
    await (
      await this.start(start, end)
    )();
  }

  /** Everything works: whatever went wrong before was cleaned up. Closes the subscription. */
  async expectUsable(subscription?: Subscription): Promise<void> {
    const subject = subscription ?? (await this.subscribe(0, 10));
    const { start, end } = subject;
    const seq = await begin(subject);
    await this.invalidate(start, end);
    if (this.subject.traits.retryScope !== 'none') {
      equal(await publish(subject, seq), false, 'a publication of what was read before a section');
    }
    equal(await publish(subject, await begin(subject)), true, 'a publication in peace');
    await this.tryStart(start, end)?.();
    await close(subject);
    this.notifier.verify();
  }
}

/** A read that need not wait. */
export function begin(subscription: Subscription): Promise<Seq> {
  return over(subscription.readBegin(), 'readBegin');
}

/** A publication that need not wait. */
export function publish(
  subscription: Subscription,
  seq: Seq,
  install: () => MaybePromise<void> = () => {},
): Promise<boolean> {
  return over(subscription.publish(seq, install), 'publish');
}

/** A close that need not wait. */
export function close(subscription: Subscription): Promise<void> {
  return over(subscription.close(), 'close');
}
