/** A notifier with what tests say about it. */
import assert from 'node:assert/strict';
import type {
  InvalidationEvent,
  InvalidationRange,
  MaybePromise,
  Seq,
  SubscriptionOps,
} from '@mmu-notifier/core';
import { codeOf, type NotifierErrorCode } from '@mmu-notifier/core';
import type { DriverCreateOptions, DriverNotifier } from '@mmu-notifier/hlist-srcu/driver';
import { scifDma, type CopyBuffer } from '../src/index.ts';
import type { Endpoint } from '../src/endpoint.ts';

/** Of a size that v5.3 caches, and pages of it. */
export const large: number = 2 ** 30;
export const largePages: number = large / 4096;

/** The value of what need not wait; fails when it waits. */
export function now<T>(value: MaybePromise<T>): T {
  assert.ok(!(value instanceof Promise), 'expected a value at once, got a promise');
  return value;
}

/** Returns when everything that could go on has gone on: the worker. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** Whether a promise is still pending when everything that could go on has gone on. */
export async function isPending(value: MaybePromise<unknown>): Promise<boolean> {
  assert.ok(value instanceof Promise, 'expected a promise, got a value at once');
  let isSettled = false;
  const settle = (): boolean => (isSettled = true);
  void value.then(settle, settle);
  await settled();
  return !isSettled;
}

/** The code of what `act` throws or rejects with. */
export async function codeFrom(act: () => unknown): Promise<NotifierErrorCode | undefined> {
  try {
    await act();
  } catch (error) {
    return codeOf(error);
  }
  throw new Error('expected an error, got none');
}

/** Remembers its callbacks. */
export class Recorder implements SubscriptionOps {
  readonly calls: { start: number; end: number; event: InvalidationEvent; cookie: number }[] = [];
  releases = 0;
  /** What `invalidate` returns or does, besides remembering. */
  act: (range: InvalidationRange) => MaybePromise<boolean | void> = () => undefined;

  invalidate(range: InvalidationRange, cookie: number): MaybePromise<boolean | void> {
    const { start, end, event } = range;
    this.calls.push({ start, end, event, cookie });
    return this.act(range);
  }

  release(): void {
    this.releases++;
  }
}

/** See the file's head. */
export class World {
  readonly notifier: DriverNotifier<CopyBuffer>;

  constructor(options: DriverCreateOptions = {}) {
    this.notifier = scifDma.create(options);
  }

  subscribe(
    start: number,
    end: number,
    ops: SubscriptionOps = new Recorder(),
    cookie = 0,
  ): CopyBuffer {
    return now(this.notifier.subscribe({ start, end }, ops, { cookie }));
  }

  /** A subscription that remembers its callbacks. */
  recorder(start: number, end: number, cookie = 0) {
    const ops = new Recorder();
    return { ops, calls: ops.calls, subscription: this.subscribe(start, end, ops, cookie) };
  }

  /** Where its copies begin. */
  get endpoint(): Endpoint {
    return this.notifier.driver as Endpoint;
  }

  /** A buffer that was copied once. */
  copied(start: number, end: number, cookie = 0) {
    const recorder = this.recorder(start, end, cookie);
    copy(recorder.subscription);
    return recorder;
  }

  /** Starts a section that need not wait; returns what ends it. */
  start(start: number, end: number, event: InvalidationEvent = 'CLEAR'): () => void {
    const invalidation = now(this.notifier.invalidateRangeStart({ start, end, event }));
    return () => now(this.notifier.invalidateRangeEnd(invalidation));
  }

  /** A whole section. */
  invalidate(start: number, end: number): void {
    this.start(start, end)();
  }

  /** Another subscriber of the list, which refuses what is not blockable. Last: the list calls the newest first. */
  addRefusingPartner(): void {
    now(this.notifier.list.register({ invalidateRangeStart: ({ blockable }) => blockable }));
  }
}

/** A read that need not wait. */
export function begin(subscription: CopyBuffer): Seq {
  return now(subscription.readBegin());
}

/** A copy that nothing comes in between. */
export function copy(subscription: CopyBuffer): void {
  assert.ok(publish(subscription, begin(subscription)), 'expected it to be copied');
}

/** A publication that need not wait. */
export function publish(subscription: CopyBuffer, seq: Seq, install = () => {}): boolean {
  return now(subscription.publish(seq, install));
}
