/**
 * No notifier at all: nobody is told, nothing collides. Under it a device serves whatever it once read, so its
 * stale reads must be above zero, or else the oracle is blind.
 */
import {
  checkSpan,
  SectionTable,
  type Invalidation,
  type Notifier,
  type RangeToInvalidate,
  type Seq,
  type Span,
  type Strategy,
  type Subscription,
  type Traits,
} from '@mmu-notifier/core';

const theTraits: Traits = Object.freeze<Traits>({
  name: 'none',
  variant: 'none',
  summary: 'no notifier: the control that must fail',
  correct: false,
  filtersByRange: true,
  retryScope: 'none',
  defersChanges: false,
  subscribeWaits: false,
  twoPass: false,
  filtersByOwner: false,
  modes: ['event-loop', 'shared-memory'],
  knownRaces: [{ id: 'NONE', what: 'nothing is ever torn down, and every publication succeeds' }],
});

class NoSubscription implements Subscription {
  readonly start: number;
  readonly end: number;
  isOpen = true;

  constructor(span: Span) {
    this.start = span.start;
    this.end = span.end;
  }

  readBegin(): Seq {
    return 0 as Seq;
  }

  readBeginSync(): Seq {
    return 0 as Seq;
  }

  checkRetry(): boolean {
    return false;
  }

  publish(_seq: Seq, install: () => void): boolean {
    install();
    return true;
  }

  publishSync(_seq: Seq, install: () => void): boolean {
    install();
    return true;
  }

  close(): void {
    this.isOpen = false;
  }

  closeSync(): void {
    this.isOpen = false;
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

class NoNotifier implements Notifier {
  readonly traits: Traits = theTraits;
  readonly #sections = new SectionTable();

  invalidateRangeStart(range: RangeToInvalidate): Invalidation {
    return this.#sections.open(range, true).handle as Invalidation;
  }

  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation {
    return this.invalidateRangeStart(range);
  }

  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation {
    return this.#sections.open(range, false).handle as Invalidation;
  }

  invalidateRangeEnd(invalidation: Invalidation): void {
    this.#sections.close(this.#sections.find(invalidation));
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    this.invalidateRangeEnd(invalidation);
  }

  release(): void {}
  releaseSync(): void {}

  subscribe(span: Span): NoSubscription {
    checkSpan(span, 'span');
    return new NoSubscription(span);
  }

  subscribeSync(span: Span): NoSubscription {
    return this.subscribe(span);
  }

  registerOps(): void {}
  verify(): void {}
}

/** See the file's head. */
export const none: Strategy = Object.freeze({
  name: 'none',
  variants: ['none'],
  traits: () => theTraits,
  byteLength: () => 0,
  create: () => new NoNotifier(),
  attach: () => new NoNotifier(),
});
