/** A subscriber's handle of the unified notifier in words. All its state is in the region; this is one agent's view. */
import type { MaybePromise, Seq, Span } from '@mmu-notifier/core';
import { mightSleep, run, runSync } from '@mmu-notifier/sync';
import type { Binding } from './binding.ts';
import type { IntervalNotifier } from './notifier.ts';
import { refuseIdle, refuseReleased } from './refusals.ts';
import { SubscriptionBase } from './subscription-base.ts';

/** See the contract's `Subscription`; `readRetry`, `setSeq` and `insert` are the kernel-level calls beside it. */
export class IntervalSubscription extends SubscriptionBase {
  /** The number of its record: another agent opens the same subscription with `notifier.subscriptionAt(id)`. */
  readonly id: number;
  /** The epoch that its closing waits for, or 0. */
  #lastEpoch = 0;
  readonly #notifier: IntervalNotifier;

  /** @internal use `subscribe`, `prepare` or `subscriptionAt` */
  constructor(notifier: IntervalNotifier, id: number, binding: Binding) {
    super(binding);
    this.#notifier = notifier;
    this.id = id;
  }

  readBegin(signal?: AbortSignal): MaybePromise<Seq> {
    const seq = this.#loadSeq();
    const { state } = this.#notifier;
    if (!state.isBusy(this.id, seq)) return seq;
    mightSleep('readBegin');
    return run(state.waitToRead(this.id, seq), signal);
  }

  readBeginSync(): Seq {
    const seq = this.#loadSeq();
    const { state } = this.#notifier;
    return state.isBusy(this.id, seq) ? runSync(state.waitToRead(this.id, seq)) : seq;
  }

  checkRetry(seq: Seq): boolean {
    return this.#notifier.state.loadSeqLow(this.id) !== (seq | 0);
  }

  /**
   * Whether the read that began with `seq` collided. Reliable only with the driver's lock held; then `false`
   * lasts until it is released. Linux: mmu_interval_read_retry.
   */
  readRetry(seq: Seq): boolean {
    const { state, isV1 } = this.#notifier;
    // v1: READ_ONCE, since the core writes the number without the driver's lock.
    return (isV1 ? state.loadSeq(this.id) : state.seqOf(this.id)) !== seq;
  }

  /**
   * Notes a hit, as a callback with `locking: 'driver'` must, under the driver's lock, before it returns.
   * Linux: mmu_interval_set_seq.
   *
   * @throws NotifierError `MMN_NOT_OPEN` when no section is open that could have called it: an even seq would make its
   *   readers wait for an epoch that nobody ends
   */
  setSeq(): void {
    const { state } = this.#notifier;
    if (!state.isFull) refuseIdle();
    state.setSeq(this.id);
  }

  protected isReleased(): boolean {
    return this.#notifier.state.loadSeq(this.id) < 0;
  }

  protected insertAt({ start, end }: Span): void {
    const { state, isV1 } = this.#notifier;
    state.insert(this.id, start, end - 1, isV1);
  }

  protected remove(): boolean {
    const { state, isV1 } = this.#notifier;
    this.#lastEpoch = state.remove(this.id, isV1);
    return this.#lastEpoch !== 0;
  }

  protected async untilUncalled(): Promise<void> {
    const { state, isV1 } = this.#notifier;
    if (this.#lastEpoch !== 0) await run(state.waitToClose(this.id, this.#lastEpoch, isV1));
  }

  protected untilUncalledSync(): void {
    const { state, isV1 } = this.#notifier;
    if (this.#lastEpoch !== 0) runSync(state.waitToClose(this.id, this.#lastEpoch, isV1));
  }

  protected free(): void {
    this.#notifier.forget(this.id);
  }

  protected refuseInCallback(what: string): void {
    this.#notifier.refuseInCallback(what);
  }

  #loadSeq(): Seq {
    if (!this.isOpen) this.refuseNotOpen();
    const seq = this.#notifier.state.loadSeq(this.id);
    if (seq < 0) refuseReleased();
    return seq;
  }
}
