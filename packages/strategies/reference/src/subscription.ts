/** A subscriber's handle of the reference notifier. */
import {
  abortable,
  NotifierError,
  type DriverLock,
  type MaybePromise,
  type Seq,
  type Span,
  type Subscription,
} from '@mmu-notifier/core';
import { run, runSync, type Waiting } from '@mmu-notifier/sync';
import type { ReferenceNotifier } from './notifier.ts';

/** See the contract's `Subscription`. */
export class ReferenceSubscription implements Subscription {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly #lock: DriverLock;
  readonly #notifier: ReferenceNotifier;
  #isOpen = true;
  #closing: Promise<void> | undefined;

  /** @internal use `subscribe` */
  constructor(notifier: ReferenceNotifier, id: number, span: Span, lock: DriverLock) {
    this.#notifier = notifier;
    this.#lock = lock;
    this.id = id;
    this.start = span.start;
    this.end = span.end;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  readBegin(signal?: AbortSignal): MaybePromise<Seq> {
    const seq = this.#read();
    return seq >= 0 ? (seq as Seq) : run(this.#waitToRead(), signal);
  }

  readBeginSync(): Seq {
    const seq = this.#read();
    return seq >= 0 ? (seq as Seq) : runSync(this.#waitToRead());
  }

  checkRetry(seq: Seq): boolean {
    return this.#notifier.state.seqOf(this.id) !== seq;
  }

  publish(
    seq: Seq,
    install: () => MaybePromise<void>,
    signal?: AbortSignal,
  ): MaybePromise<boolean> {
    this.#refuseClosed();
    if (this.#lock.tryLock()) {
      const collided = this.#collided(seq);
      let installed: MaybePromise<void> = undefined;
      try {
        if (!collided) installed = install();
      } catch (error) {
        this.#lock.unlock();
        throw error;
      }
      if (installed !== undefined) return this.#unlockAfter(installed);
      this.#lock.unlock();
      return !collided;
    }
    return this.#publishLater(seq, install, signal);
  }

  publishSync(seq: Seq, install: () => void): boolean {
    this.#refuseClosed();
    this.#lock.lockSync();
    try {
      if (this.#collided(seq)) return false;
      install();
      return true;
    } finally {
      this.#lock.unlock();
    }
  }

  close(signal?: AbortSignal): MaybePromise<void> {
    this.#notifier.refuseInCallback('close');
    if (!this.#isOpen) return this.#closing;
    this.#isOpen = false;
    const { state } = this.#notifier;
    state.beginClose(this.id);
    if (state.endClose(this.id)) return undefined;
    this.#closing = run(this.#waitToClose());
    return signal === undefined ? this.#closing : abortable(this.#closing, signal);
  }

  closeSync(): void {
    this.#notifier.refuseInCallback('close');
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { state } = this.#notifier;
    state.beginClose(this.id);
    if (!state.endClose(this.id)) runSync(this.#waitToClose());
  }

  #read(): number {
    this.#refuseClosed();
    return this.#notifier.state.read(this.id);
  }

  /** Throws `MMN_RELEASED` after release: then no read can be published any more. */
  #collided(seq: Seq): boolean {
    return this.#notifier.state.read(this.id) !== seq;
  }

  /**
   * Once: until none of the sections that were open is, or another has come. In that case the number from before
   * is returned, which `publish` refuses: the current one would be accepted when the new section has ended,
   * although the read began inside it.                                                        [R5]
   */
  *#waitToRead(): Waiting<Seq> {
    const { state } = this.#notifier;
    const before = state.seqOf(this.id);
    let now = -1;
    yield* state.queue.wait(() => {
      now = state.read(this.id);
      return now >= 0 || state.seqOf(this.id) !== before;
    });
    return now >= 0 ? (now as Seq) : before;
  }

  *#waitToClose(): Waiting<void> {
    const { state } = this.#notifier;
    yield* state.queue.wait(() => state.endClose(this.id));
  }

  async #publishLater(
    seq: Seq,
    install: () => MaybePromise<void>,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    await this.#lock.lock(signal);
    try {
      if (this.#collided(seq)) return false;
      await install();
      return true;
    } finally {
      this.#lock.unlock();
    }
  }

  async #unlockAfter(installed: Promise<void>): Promise<true> {
    try {
      await installed;
      return true;
    } finally {
      this.#lock.unlock();
    }
  }

  #refuseClosed(): void {
    if (this.#isOpen) return;
    throw new NotifierError('MMN_CLOSED', 'expected an open subscription, got a closed one');
  }
}
