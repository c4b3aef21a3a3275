/**
 * A memory region's user memory: struct ib_umem_odp, with its page faults.
 *
 * 1. `count` sections that hit it are open; `seq` that hit it have ended. An end turns `seq` first, then lowers
 *    `count`; a fault may publish if, under the mutex, `count` is 0 and `seq` what it was.
 * 2. The kernel takes umem_mutex around each change of the two. Here one thread makes each change in one step, so the
 *    mutex is taken where something is torn down or installed.
 * 3. The completion is done while `count` is 0. A fault waits for it at most 1000 ms, and goes on whatever came of it:
 *    it will be refused, and tried again. The driver waits after a refused attempt; here the wait begins the next one.
 */
import type { DriverLock, MaybePromise, Seq } from '@mmu-notifier/core';
import { isPromise } from '@mmu-notifier/core';
import {
  Completion,
  DriverSubscription,
  type CallContext,
  type LockMemory,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import type { PerMm } from './per-mm.ts';

/** Words of a umem: its mutex and its completion. */
export const umemWords: number = mutexWords + Completion.words + 1;

/** MMU_NOTIFIER_TIMEOUT of drivers/infiniband/hw/mlx5/odp.c. */
const notifierTimeoutMs = 1000;

/** See the file's head. */
export class Umem extends DriverSubscription {
  /** umem_mutex, or the subscriber's lock in its place. */
  protected readonly lock: DriverLock;
  protected readonly callbackLock: DriverLock;
  perMm: PerMm | undefined = undefined;
  /** Whether it is one of its per_mm's `regionCount`. */
  isCounted = false;
  /** While it is in the tree. */
  handle: number | undefined = undefined;
  /** notifiers_count. */
  count = 0;
  /** notifiers_seq. */
  seq = 0;
  /** Waits that ended after 1000 ms: the driver's warning "timeout waiting for mmu notifier". */
  timeouts = 0;
  readonly #memory: LockMemory;
  /** First of its words. */
  readonly #record: number;
  readonly #completion: Completion;

  constructor(init: SubscriptionInit, memory: LockMemory) {
    super(init);
    const { region } = memory;
    this.#memory = memory;
    this.#record = memory.take();
    this.lock = init.ops.lock ?? new Mutex(region, this.#record, 'umem_mutex');
    this.callbackLock = this.lock;
    this.#completion = new Completion(region, this.#record + mutexWords, true);
  }

  /** A section that hits it begins. Linux: ib_umem_notifier_start_account. */
  startAccount(): void {
    if (this.count === 0) this.#completion.reinit();
    this.count++;
  }

  /** And ends. Linux: ib_umem_notifier_end_account. */
  endAccount(): void {
    this.seq++;
    this.count--;
    if (this.count === 0) this.#completion.complete();
  }

  /** Whoever waits for the notifier need not any more: the region, or the address space, goes. */
  completeAll(): void {
    this.#completion.complete();
  }

  protected begin(context: CallContext): MaybePromise<Seq> {
    const completed = this.#completion.wait(notifierTimeoutMs, context);
    return isPromise(completed)
      ? completed.then((isInTime) => this.#waited(isInTime))
      : this.#waited(completed);
  }

  /** Linux: ib_umem_mmu_notifier_retry. */
  protected override collided(seq: Seq): boolean {
    return this.count > 0 || seq !== this.seq;
  }

  /** A count never comes down without a turn of `seq`. */
  protected override isHopeless(seq: Seq): boolean {
    return this.collided(seq);
  }

  override freed(): void {
    this.#memory.free(this.#record);
  }

  #waited(isInTime: boolean): Seq {
    if (!isInTime) this.timeouts++;
    return this.seq as Seq;
  }
}
