/** What the tests of every driver's scheme have in common: a notifier, and what they say about it. */
import assert from 'node:assert/strict';
import {
  codeOf,
  type IndexFactory,
  type InvalidationEvent,
  type InvalidationRange,
  type MaybePromise,
  type NotifierErrorCode,
  type Seq,
  type Subscription,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import { createIntervalTree1dIndex } from '@mmu-notifier/index-interval-tree-1d';
import {
  createFlatIndex,
  type DriverCreateOptions,
  type DriverNotifier,
  type DriverSubscription,
} from '../src/driver.ts';

/** Every variant with every container, for schemes that take one. */
export function kindsOf(
  variants: readonly string[],
): readonly (DriverCreateOptions & { variant: string; index: string })[] {
  return variants.flatMap((variant) => [
    { variant, index: 'interval-tree-1d', createIndex: createIntervalTree1dIndex as IndexFactory },
    { variant, index: 'flat', createIndex: createFlatIndex as IndexFactory },
  ]);
}

/** The value of what need not wait; fails when it waits. */
export function now<T>(value: MaybePromise<T>): T {
  assert.ok(!(value instanceof Promise), 'expected a value at once, got a promise');
  return value;
}

/** Returns when everything that could go on has gone on, workers too. */
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

/** A read that need not wait. */
export function begin(subscription: Subscription): Seq {
  return now(subscription.readBegin());
}

/** A publication that need not wait. */
export function publish(subscription: Subscription, seq: Seq, install = () => {}): boolean {
  return now(subscription.publish(seq, install));
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
export class DriverWorld<S extends DriverSubscription, R extends Recorder = Recorder> {
  readonly notifier: DriverNotifier<S>;
  readonly #createRecorder: () => R;

  constructor(notifier: DriverNotifier<S>, createRecorder: () => R) {
    this.notifier = notifier;
    this.#createRecorder = createRecorder;
  }

  subscribe(
    start: number,
    end: number,
    ops: SubscriptionOps = this.#createRecorder(),
    cookie = 0,
  ): S {
    return now(this.notifier.subscribe({ start, end }, ops, { cookie }));
  }

  /** A subscription that remembers its callbacks. */
  recorder(start: number, end: number, cookie = 0) {
    const ops = this.#createRecorder();
    return { ops, calls: ops.calls, subscription: this.subscribe(start, end, ops, cookie) };
  }

  /** One that has published. */
  published(start: number, end: number, cookie = 0) {
    const recorder = this.recorder(start, end, cookie);
    const { subscription } = recorder;
    assert.ok(publish(subscription, begin(subscription)), 'expected it to be published');
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
