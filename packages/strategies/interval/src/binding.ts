/**
 * A subscriber's ops as this agent calls them: one shape for all, so that the walk's property loads stay
 * monomorphic whatever objects users pass.
 */
import type { DriverLock, InvalidationRange, SubscriptionOps } from '@mmu-notifier/core';

/** What a subscriber of the unified notifier may say beside the contract's ops. */
export interface IntervalOps extends SubscriptionOps {
  /**
   * `'driver'`: `invalidate` takes its own lock and calls `setSeq` under it, as kernel drivers do; it may then
   * ignore an event by doing neither. Default `'notifier'`.
   */
  readonly locking?: 'notifier' | 'driver';
}

/** See the file's head. */
export class Binding {
  readonly ops: IntervalOps;
  /** The registered id, in shared memory. */
  readonly id: number;
  readonly invalidate: SubscriptionOps['invalidate'];
  readonly finish: SubscriptionOps['finish'];
  readonly lock: DriverLock;
  readonly owner: unknown;
  readonly locksItself: boolean;

  constructor(ops: IntervalOps, id: number, defaultLock: DriverLock) {
    this.ops = ops;
    this.id = id;
    this.invalidate = ops.invalidate;
    this.finish = ops.finish;
    this.lock = ops.lock ?? defaultLock;
    this.owner = ops.owner;
    this.locksItself = ops.locking === 'driver';
  }

  /** Whether the section is this subscriber's own doing, which it need not be told. */
  owns(range: InvalidationRange): boolean {
    return (
      range.owner !== undefined &&
      range.owner === this.owner &&
      (range.event === 'MIGRATE' || range.event === 'EXCLUSIVE')
    );
  }
}
