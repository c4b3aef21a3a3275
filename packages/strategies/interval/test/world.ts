/**
 * A notifier with what tests say about it, in either kind of memory, or on objects. Tests of one event loop run over all three, since
 * shared memory takes other paths in every primitive, and the notifier on objects is another one; shared.test.ts adds the other agents.
 */
import assert from 'node:assert/strict';
import type {
  InvalidationEvent,
  InvalidationRange,
  MaybePromise,
  Seq,
  SubscribeOptions,
} from '@mmu-notifier/core';
import { interval, type IntervalNotifier, type IntervalSubscription } from '../src/variants.ts';
import type { IntervalOps } from '../src/variants.ts';
import { Mm, mmAt } from '../src/layout.ts';
import { localStrategy } from '../src/local/strategy.ts';
import { verifyLocal } from '../src/local/verify.ts';

export type Kind = 'event-loop' | 'shared-memory';
/** Where a notifier may live: in words, or on objects, where its variant is `local`. */
export type Place = Kind | 'objects';
/** The variants that live in words, in either kind of memory; local.test.ts has the other one. */
export const variants: readonly string[] = interval.variants.filter((each) => each !== 'local');
export const kinds: readonly Kind[] = ['event-loop', 'shared-memory'];
export const places: readonly Place[] = [...kinds, 'objects'];

/** A callback as a test remembers it. */
export interface Call {
  readonly start: number;
  readonly end: number;
  readonly event: InvalidationEvent;
  readonly blockable: boolean;
  readonly cookie: number;
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

/** A promise and the means to settle it. */
export interface Gate<T = void> {
  readonly promise: Promise<T>;
  readonly open: (value: T) => void;
  readonly fail: (reason: unknown) => void;
}

export function gate<T = void>(): Gate<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  return { promise, open: resolve, fail: reject };
}

/** Remembers its callbacks. */
export class Recorder implements IntervalOps {
  readonly calls: Call[] = [];
  /** What `invalidate` returns or does, besides remembering. */
  act: (range: InvalidationRange) => MaybePromise<boolean | void> = () => undefined;

  invalidate(
    { start, end, event, blockable }: InvalidationRange,
    cookie: number,
  ): MaybePromise<boolean | void> {
    this.calls.push({ start, end, event, blockable, cookie });
    return this.act({ start, end, event, blockable, owner: undefined });
  }
}

/** See the file's head. */
export class World {
  /** On objects, a `LocalNotifier`: it has neither words nor numbers of subscriptions. */
  readonly notifier: IntervalNotifier;
  readonly kind: Place;
  #opsIds = 0;
  /** What the checks of a notifier on objects see. */
  #objects = { active: 0, size: 0 };

  constructor(kind: Place, { variant = 'landed', capacity = 16 } = {}) {
    this.kind = kind;
    if (kind === 'event-loop') {
      this.notifier = interval.create({ variant, capacity });
    } else if (kind === 'shared-memory') {
      const memory = new SharedArrayBuffer(interval.byteLength(capacity, variant));
      this.notifier = interval.create({ variant, capacity, memory });
    } else {
      const local = localStrategy((entries, sections) => {
        verifyLocal(entries, sections);
        this.#objects = {
          active: sections.filter(({ handle }) => handle !== 0).length,
          size: entries.leaves.flatMap((leaf) => leaf.entries).length,
        };
      });
      this.notifier = local.create() as unknown as IntervalNotifier;
    }
  }

  /** Ops as this kind of memory wants them. */
  opsFor(ops: IntervalOps): IntervalOps | number {
    if (this.kind !== 'shared-memory') return ops;
    this.notifier.registerOps(this.#opsIds, ops);
    return this.#opsIds++;
  }

  subscribe(
    start: number,
    end: number,
    ops: IntervalOps = new Recorder(),
    options: SubscribeOptions = {},
  ): IntervalSubscription {
    return this.notifier.subscribe({ start, end }, this.opsFor(ops), options);
  }

  /** A subscription that remembers its callbacks. */
  recorder(start: number, end: number, options: SubscribeOptions = {}) {
    const ops = new Recorder();
    return { ops, calls: ops.calls, subscription: this.subscribe(start, end, ops, options) };
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

  /** How many sections are open. */
  get active(): number {
    if (this.kind !== 'objects') return this.words.active;
    this.verify();
    return this.#objects.active;
  }

  /** How many are in the tree. */
  get size(): number {
    if (this.kind !== 'objects') return this.notifier.state.tree.size;
    this.verify();
    return this.#objects.size;
  }

  /** Whether the epoch is full, so that changes are deferred. On objects there is none, and nothing is deferred. */
  get isFull(): boolean {
    return this.kind !== 'objects' && (this.words.seqLow & 1) === 1;
  }

  get deferred(): number {
    return this.kind === 'objects' ? 0 : this.words.deferred;
  }

  /** The words of the address space, for what no call shows. */
  get words(): { active: number; seqLow: number; seqHigh: number; deferred: number } {
    const { words } = this.notifier.state.region;
    return {
      active: words[mmAt + Mm.active]!,
      seqLow: words[mmAt + Mm.seqLow]!,
      seqHigh: words[mmAt + Mm.seqHigh]!,
      deferred: words[mmAt + Mm.deferred]!,
    };
  }

  /** Moves an idle address space to another sequence number. */
  setSeq(seqHigh: number, seqLow: number): void {
    const { words } = this.notifier.state.region;
    words[mmAt + Mm.seqHigh] = seqHigh;
    words[mmAt + Mm.seqLow] = seqLow;
  }

  verify(): void {
    this.notifier.verify();
  }
}

/** A read that need not wait. */
export function begin(subscription: IntervalSubscription): Seq {
  return now(subscription.readBegin());
}

/** A publication that need not wait. */
export function publish(subscription: IntervalSubscription, seq: Seq, install = () => {}): boolean {
  return now(subscription.publish(seq, install));
}
