/**
 * A notifier that measures another: nanoseconds for each invalidation (start and end, with the callbacks) and
 * for each fault (readBegin and publish, without what is installed), as its caller sees them.
 *
 * 1. Only calls that returned at once are measured: one that had to wait contains other agents' work.
 * 2. What the clock itself costs is measured once for each sample, since it changes with what else is compiled and with what else the core
 *    does; the median is taken off.
 */
import type {
  Invalidation,
  MaybePromise,
  Notifier,
  RangeToInvalidate,
  Seq,
  Span,
  SubscribeOptions,
  Subscription,
  SubscriptionOps,
  Traits,
} from '@mmu-notifier/core';
import { isPromise } from '@mmu-notifier/core';
import { nowMs } from '@mmu-notifier/sync';
import { quantileSorted } from 'simple-statistics';

/** Samples in nanoseconds. Grows by doubling, so that adding one costs next to nothing. */
class Samples {
  #values = new Float64Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(ns: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = ns;
  }

  quantiles(): Quantiles {
    const sorted = [...this.#values.subarray(0, this.#length).sort()];
    return { p50: quantileSorted(sorted, 0.5), p99: quantileSorted(sorted, 0.99) };
  }
}

/** In nanoseconds. */
export interface Quantiles {
  p50: number;
  p99: number;
}

/** What a run measured. */
export class Timings {
  readonly #invalidation = new Samples();
  readonly #fault = new Samples();
  /** Of two readings in a row. */
  readonly #clock = new Samples();

  /** @param ns its start and its end, each between two readings of the clock */
  addInvalidation(ns: number): void {
    this.#invalidation.add(ns);
    this.#measureClock();
  }

  /** @param ns its readBegin and its publish, each between two readings of the clock, and two more in the publish */
  addFault(ns: number): void {
    this.#fault.add(ns);
    this.#measureClock();
  }

  /** Nothing without samples. */
  get invalidation(): Quantiles | undefined {
    return this.#withoutClock(this.#invalidation, 2);
  }

  /** Nothing without samples. */
  get fault(): Quantiles | undefined {
    return this.#withoutClock(this.#fault, 3);
  }

  #measureClock(): void {
    const startMs = nowMs();
    this.#clock.add((nowMs() - startMs) * 1e6);
  }

  /** At least a nanosecond: what is less, this clock does not tell. */
  #withoutClock(samples: Samples, readings: number): Quantiles | undefined {
    if (samples.length === 0) return undefined;
    const clockNs = readings * this.#clock.quantiles().p50;
    const { p50, p99 } = samples.quantiles();
    return { p50: Math.max(1, p50 - clockNs), p99: Math.max(1, p99 - clockNs) };
  }
}

/** See the file's head. */
export class TimedNotifier implements Notifier {
  readonly traits: Traits;
  readonly #inner: Notifier;
  readonly #timings: Timings;
  /** What the start of an open section took, by its handle. */
  readonly #startNs = new Map<Invalidation, number>();

  constructor(inner: Notifier, timings: Timings) {
    this.#inner = inner;
    this.#timings = timings;
    this.traits = inner.traits;
  }

  invalidateRangeStart(range: RangeToInvalidate, signal?: AbortSignal): MaybePromise<Invalidation> {
    const startMs = nowMs();
    const started = this.#inner.invalidateRangeStart(range, signal);
    const ns = (nowMs() - startMs) * 1e6;
    if (!isPromise(started)) this.#startNs.set(started, ns);
    return started;
  }

  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined {
    const startMs = nowMs();
    const started = this.#inner.tryInvalidateRangeStart(range);
    const ns = (nowMs() - startMs) * 1e6;
    if (started !== undefined) this.#startNs.set(started, ns);
    return started;
  }

  invalidateRangeEnd(invalidation: Invalidation): MaybePromise<void> {
    const startedNs = this.#startNs.get(invalidation);
    this.#startNs.delete(invalidation);
    const startMs = nowMs();
    const ended = this.#inner.invalidateRangeEnd(invalidation);
    const ns = (nowMs() - startMs) * 1e6;
    if (startedNs !== undefined && !isPromise(ended)) {
      this.#timings.addInvalidation(startedNs + ns);
    }
    return ended;
  }

  subscribe(
    span: Span,
    ops: SubscriptionOps,
    options?: SubscribeOptions,
  ): MaybePromise<Subscription> {
    const subscribed = this.#inner.subscribe(span, ops, options);
    if (!isPromise(subscribed)) return new TimedSubscription(subscribed, this.#timings);
    return subscribed.then((inner) => new TimedSubscription(inner, this.#timings));
  }

  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation {
    return this.#inner.invalidateRangeStartSync(range);
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    this.#inner.invalidateRangeEndSync(invalidation);
  }

  release(signal?: AbortSignal): MaybePromise<void> {
    return this.#inner.release(signal);
  }

  releaseSync(): void {
    this.#inner.releaseSync();
  }

  subscribeSync(span: Span, ops: SubscriptionOps, options?: SubscribeOptions): Subscription {
    return this.#inner.subscribeSync(span, ops, options);
  }

  registerOps(id: number, ops: SubscriptionOps): void {
    this.#inner.registerOps(id, ops);
  }

  verify(): void {
    this.#inner.verify();
  }
}

class TimedSubscription implements Subscription {
  readonly #inner: Subscription;
  readonly #timings: Timings;
  /** What the last `readBegin` took; a device reads with one agent at a time, but for retries. */
  #readNs = 0;

  constructor(inner: Subscription, timings: Timings) {
    this.#inner = inner;
    this.#timings = timings;
  }

  get start(): number {
    return this.#inner.start;
  }

  get end(): number {
    return this.#inner.end;
  }

  get isOpen(): boolean {
    return this.#inner.isOpen;
  }

  readBegin(signal?: AbortSignal): MaybePromise<Seq> {
    const startMs = nowMs();
    const seq = this.#inner.readBegin(signal);
    this.#readNs = (nowMs() - startMs) * 1e6;
    if (isPromise(seq)) this.#readNs = Number.NaN;
    return seq;
  }

  publish(seq: Seq, install: () => unknown, signal?: AbortSignal): MaybePromise<boolean> {
    let installMs = 0;
    const timedInstall = (): unknown => {
      const installStartMs = nowMs();
      const installed = install();
      installMs = nowMs() - installStartMs;
      return installed;
    };
    const startMs = nowMs();
    const published = this.#inner.publish(seq, timedInstall, signal);
    const ns = (nowMs() - startMs - installMs) * 1e6;
    if (published === true && !Number.isNaN(this.#readNs)) {
      this.#timings.addFault(this.#readNs + ns);
    }
    return published;
  }

  readBeginSync(): Seq {
    return this.#inner.readBeginSync();
  }

  checkRetry(seq: Seq): boolean {
    return this.#inner.checkRetry(seq);
  }

  publishSync(seq: Seq, install: () => unknown): boolean {
    return this.#inner.publishSync(seq, install);
  }

  close(signal?: AbortSignal): MaybePromise<void> {
    return this.#inner.close(signal);
  }

  closeSync(): void {
    this.#inner.closeSync();
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
