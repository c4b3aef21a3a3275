/** A subscriber's handle in one event loop. */
import { abortable, type MaybePromise, type Seq, type Span } from '@mmu-notifier/core';
import { mightSleep } from '@mmu-notifier/sync';
import { refuseIdle, refuseInserted, refuseReleased } from '../refusals.ts';
import { SubscriptionBase } from '../subscription-base.ts';
import type { Entry } from './entry.ts';
import { refuseToBlock } from './mutex.ts';
import type { LocalNotifier } from './notifier.ts';
import type { LocalSection } from './section.ts';

/** See the contract's `Subscription`; `readRetry`, `setSeq` and `insert` are the kernel-level calls beside it. */
export class LocalSubscription extends SubscriptionBase {
  readonly #notifier: LocalNotifier;
  readonly #entry: Entry;

  /** @internal use `subscribe` or `prepare` */
  constructor(notifier: LocalNotifier, entry: Entry) {
    super(entry);
    this.#notifier = notifier;
    this.#entry = entry;
  }

  readBegin(signal?: AbortSignal): MaybePromise<Seq> {
    const seq = this.#loadSeq();
    return this.#entry.sections === 0 ? seq : this.#readLater(seq, signal);
  }

  readBeginSync(): Seq {
    const seq = this.#loadSeq();
    if (this.#entry.sections !== 0) refuseToBlock();
    return seq;
  }

  checkRetry(seq: Seq): boolean {
    return this.#entry.seq !== seq;
  }

  /**
   * Whether the read that began with `seq` collided. Reliable only with the driver's lock held; then `false`
   * lasts until it is released. Linux: mmu_interval_read_retry.
   */
  readRetry(seq: Seq): boolean {
    return this.#entry.seq !== seq;
  }

  /**
   * Notes a hit, as a callback with `locking: 'driver'` must, under the driver's lock, before it returns.
   * Linux: mmu_interval_set_seq.
   *
   * @throws NotifierError `MMN_NOT_OPEN` when no section is open that could have called it
   */
  setSeq(): void {
    if (this.#entry.sections === 0) refuseIdle();
    this.#entry.setSeq();
  }

  protected isReleased(): boolean {
    return this.#entry.isReleased;
  }

  protected insertAt(span: Span): void {
    if (this.isOpen) refuseInserted();
    this.#notifier.insert(this.#entry, span);
  }

  protected remove(): boolean {
    this.#notifier.remove(this.#entry);
    return this.#callers.length !== 0;
  }

  protected async untilUncalled(): Promise<void> {
    await Promise.all(this.#callers.map((section) => section.untilCalled()));
  }

  protected untilUncalledSync(): void {
    if (this.#callers.length !== 0) refuseToBlock();
  }

  protected free(): void {}

  protected refuseInCallback(what: string): void {
    this.#notifier.refuseInCallback(what);
  }

  get #callers(): LocalSection[] {
    return this.#notifier.callersOf(this.#entry);
  }

  #loadSeq(): Seq {
    if (!this.isOpen) this.refuseNotOpen();
    const { seq } = this.#entry;
    if (seq < 0) refuseReleased();
    return seq as Seq;
  }

  /** Waits once: for the sections that hit it now. */
  async #readLater(seq: Seq, signal: AbortSignal | undefined): Promise<Seq> {
    mightSleep('readBegin');
    const ends = this.#notifier.sectionsOf(this.#entry).map((section) => section.untilEnded());
    await abortable(Promise.all(ends), signal);
    const now = this.#entry.seq as Seq;
    if (now < 0) refuseReleased();
    // A later section is open: what was read before it started to call is not valid, and `publish` will say so.
    return this.#entry.sections === 0 ? now : seq;
  }
}
