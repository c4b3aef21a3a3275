/**
 * A notifier with what tests say about it, in either kind of memory: shared memory takes other paths in every primitive,
 * also when nobody shares it. Whatever a world does, it verifies the structures afterwards.
 *
 * A new strategy changes the import. All tests but own.test.ts speak to the contract only.
 */
import assert from 'node:assert/strict';
import {
  codeOf,
  type InvalidationRange,
  type MaybePromise,
  type Notifier,
  type RangeToInvalidate,
  type Seq,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import { reference } from '../src/index.ts';

export const strategy = reference;

export type Kind = 'event-loop' | 'shared-memory';
export const kinds: readonly Kind[] = ['event-loop', 'shared-memory'];

/** Remembers its callbacks. `act` is what `invalidate` does besides. */
export class Recorder implements SubscriptionOps {
  readonly calls: (InvalidationRange & { cookie: number })[] = [];
  act: (range: InvalidationRange) => MaybePromise<boolean | void> = () => undefined;

  invalidate(range: InvalidationRange, cookie: number): MaybePromise<boolean | void> {
    const { start, end, event, blockable, owner } = range;
    this.calls.push({ start, end, event, blockable, owner, cookie });
    return this.act(range);
  }
}

/** See the file's head. */
export class World {
  readonly notifier: Notifier;
  readonly kind: Kind;
  #opsIds = 0;

  constructor(kind: Kind, capacity = 16, { grows = false } = {}) {
    this.kind = kind;
    const Memory = kind === 'event-loop' ? ArrayBuffer : SharedArrayBuffer;
    const memory = new Memory(strategy.byteLength(capacity));
    this.notifier = strategy.create(grows ? { capacity } : { capacity, memory });
  }

  /** Ops as this kind of memory wants them. */
  opsFor(ops: SubscriptionOps): SubscriptionOps | number {
    if (this.kind === 'event-loop') return ops;
    this.notifier.registerOps(this.#opsIds, ops);
    return this.#opsIds++;
  }

  subscribe(
    start: number,
    end: number,
    ops: SubscriptionOps = new Recorder(),
    options: SubscribeOptions = {},
  ): Subscription {
    const subscription = now(this.notifier.subscribe({ start, end }, this.opsFor(ops), options));
    this.notifier.verify();
    return subscription;
  }

  /** A subscription that remembers its callbacks. */
  recorder(start: number, end: number, options: SubscribeOptions = {}) {
    const ops = new Recorder();
    return { ops, calls: ops.calls, subscription: this.subscribe(start, end, ops, options) };
  }

  /** Starts a section that need not wait; returns what ends it. */
  start(start: number, end: number, more: Partial<RangeToInvalidate> = {}): () => void {
    const invalidation = now(this.notifier.invalidateRangeStart({ start, end, ...more }));
    this.notifier.verify();
    return () => {
      now(this.notifier.invalidateRangeEnd(invalidation));
      this.notifier.verify();
    };
  }

  /** The same, when its callbacks may sleep. */
  async startLater(start: number, end: number, signal?: AbortSignal): Promise<() => void> {
    const invalidation = await this.notifier.invalidateRangeStart({ start, end }, signal);
    this.notifier.verify();
    return () => {
      now(this.notifier.invalidateRangeEnd(invalidation));
      this.notifier.verify();
    };
  }

  /** A non-blockable start; returns what ends it, or `undefined`. */
  tryStart(start: number, end: number): (() => void) | undefined {
    const invalidation = this.notifier.tryInvalidateRangeStart({ start, end });
    this.notifier.verify();
    if (invalidation === undefined) return undefined;
    return () => now(this.notifier.invalidateRangeEnd(invalidation));
  }

  /** A whole section. */
  invalidate(start: number, end: number): void {
    this.start(start, end)();
  }

  /** Everything works as it did before: whatever went wrong was cleaned up. */
  expectUsable(subscription: Subscription = this.subscribe(0, 10)): void {
    const seq = begin(subscription);
    this.invalidate(subscription.start, subscription.end);
    assert.equal(publish(subscription, seq), false);
    assert.equal(publish(subscription, begin(subscription)), true);
    now(subscription.close());
    this.notifier.verify();
  }
}

/** A read that need not wait. */
export function begin(subscription: Subscription): Seq {
  return now(subscription.readBegin());
}

/** A publication that need not wait. */
export function publish(subscription: Subscription, seq: Seq, install = () => {}): boolean {
  return now(subscription.publish(seq, install));
}

/** The value of what need not wait; fails when it waits. */
export function now<T>(value: MaybePromise<T>): T {
  assert.ok(!(value instanceof Promise), 'expected a value at once, got a promise');
  return value;
}

/** Whether a promise is still pending when everything that could go on has gone on. */
export async function isPending(value: MaybePromise<unknown>): Promise<boolean> {
  assert.ok(value instanceof Promise, 'expected a promise, got a value at once');
  let isSettled = false;
  const settle = (): boolean => (isSettled = true);
  void value.then(settle, settle);
  await eventLoopTurns();
  return !isSettled;
}

/** Lets everything go on that can. Atomics.waitAsync needs more than one turn. */
export async function eventLoopTurns(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** The error that `act` throws, or that its promise rejects with. */
export async function errorOf(act: () => unknown) {
  try {
    await act();
  } catch (error) {
    assert.ok(error instanceof Error, 'expected an Error');
    return { code: codeOf(error), message: error.message, cause: error.cause };
  }
  return assert.fail('expected an error, but there was none');
}

/** Its code alone, at once. */
export function codeOfCall(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
}
