/**
 * Memory of the user's that it copies from and to: what scif_vreadfrom and scif_vwriteto are called with, again and again.
 *
 * A publication is a copy. It goes through a window of pinned pages, one that is there already or a new one. In v5.3, when
 * a window goes, every buffer that went through it is torn down, all of it. In `fixed` a section has torn down what it
 * hits, and the window counts as cached until all of it went at once.
 *
 * Locks: rma_lock over a copy, in it the buffer's own (or the subscriber's), for installing against tearing down. A start
 * takes the latter only.
 */
import type { DriverLock, InvalidationRange, MaybePromise, Seq, Span } from '@mmu-notifier/core';
import { isPromise } from '@mmu-notifier/core';
import {
  DriverSubscription,
  NestedLock,
  type CallContext,
  type Collidable,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import type { Endpoint } from './endpoint.ts';
import type { Window } from './window.ts';

/** Words of a buffer: its lock. */
export const bufferWords: number = mutexWords;

/** See the file's head. */
export class CopyBuffer extends DriverSubscription implements Collidable {
  /** The windows that its copies go through: one, or another that is going. */
  readonly windows = new Set<Window>();
  mark = 0;
  protected readonly lock: DriverLock;
  protected readonly callbackLock: DriverLock;
  readonly #endpoint: Endpoint;
  /** First of its words. */
  readonly #record: number;

  constructor(init: SubscriptionInit, endpoint: Endpoint) {
    super(init);
    const { memory, rmaLock } = endpoint;
    this.#endpoint = endpoint;
    this.#record = memory.take();
    this.callbackLock = init.ops.lock ?? new Mutex(memory.region, this.#record, 'copy buffer');
    this.lock = new NestedLock(rmaLock, this.callbackLock);
  }

  /** v5.3 has nothing to wait for. */
  protected begin(context: CallContext): MaybePromise<Seq> {
    return this.#endpoint.collisions?.begin(this, context) ?? (0 as Seq);
  }

  protected override collided(seq: Seq): boolean {
    return this.#endpoint.collisions?.collided(this, seq) ?? false;
  }

  protected override isHopeless(seq: Seq): boolean {
    return this.collided(seq);
  }

  /** Closing waits for copies that wait for rma_lock as well: they come by the buffer's own, whose word it gives back. */
  override publish(seq: Seq, install: () => unknown, signal?: AbortSignal): MaybePromise<boolean> {
    const published = super.publish(seq, install, signal);
    if (!isPromise(published)) return published;
    this.hold();
    return published.finally(() => this.unhold());
  }

  /** A copy that outlasts `close` must not put a window into the list. */
  protected override published(): void {
    if (this.isOpen) this.#endpoint.copied(this);
  }

  /** v5.3 gives up all of it, whoever asked for the section: it knows no owners. */
  protected override callInvalidate(range: InvalidationRange): MaybePromise<boolean | void> {
    const isExact = this.#endpoint.collisions !== undefined || range.event === 'RELEASE';
    const given = isExact ? range : wholeOf(this, range);
    const outcome = super.callInvalidate(given);
    return isPromise(outcome)
      ? outcome.then((value) => this.#tornDown(value, given))
      : this.#tornDown(outcome, given);
  }

  override freed(): void {
    this.#endpoint.memory.free(this.#record);
  }

  #tornDown(outcome: boolean | void, { start, end }: Span): boolean {
    if (outcome === false) return false;
    if (start <= this.start && this.end <= end) this.#endpoint.tornDown(this);
    return true;
  }
}

function wholeOf({ start, end }: Span, { event, blockable }: InvalidationRange): InvalidationRange {
  return { start, end, event, blockable, owner: undefined };
}
