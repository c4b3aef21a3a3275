/**
 * Notifiers to test with: a correct one, as plain as possible, and the same with one thing forgotten.
 */
import {
  type InvalidationRange,
  type MaybePromise,
  type Notifier,
  NotifierError,
  overlaps,
  type Invalidation,
  type RangeToInvalidate,
  type Section,
  SectionTable,
  type Seq,
  type Span,
  type Subscription,
  type SubscriptionOps,
  type Traits,
} from '@mmu-notifier/core';
import { headerWords, Mutex, mutexWords, Region } from '@mmu-notifier/sync';
import { isPromise, wholeSpace } from '@mmu-notifier/address-space';

/** What a notifier forgets; `'everything'` is a row without any notifier. */
export type Mistake =
  | 'nothing'
  | 'everything'
  | 'to refuse'
  | 'to call back'
  | 'that a section is open'
  | 'that a section was open'
  | 'the last page';

export class FakeNotifier implements Notifier {
  readonly traits: Traits = {} as Traits;
  readonly sections = new SectionTable();
  readonly subscriptions = new Set<FakeSubscription>();
  readonly mistake: Mistake;
  isReleased = false;
  readonly #hit = new Map<number, FakeSubscription[]>();

  constructor(mistake: Mistake = 'nothing') {
    this.mistake = mistake;
  }

  invalidateRangeStart(range: RangeToInvalidate): MaybePromise<Invalidation> {
    const section = this.sections.open(range, true);
    const handle = section.handle as Invalidation;
    const hit = this.#whoIsHit(section);
    this.#hit.set(handle, hit);
    const waits: Promise<unknown>[] = [];
    for (const each of hit) {
      each.sectionStarts();
      const torn = each.tearDown(section);
      if (isPromise(torn)) waits.push(torn);
    }
    return waits.length === 0 ? handle : Promise.all(waits).then(() => handle);
  }

  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined {
    const section = this.sections.open(range, false);
    const hit = this.#whoIsHit(section);
    for (const each of hit) each.sectionStarts();
    let isRefused = false;
    for (const each of hit) if (!each.tryTearDown(section)) isRefused = true;
    if (isRefused) {
      for (const each of hit) each.sectionEnds();
      this.sections.close(section);
      return undefined;
    }
    this.#hit.set(section.handle, hit);
    return section.handle as Invalidation;
  }

  invalidateRangeEnd(invalidation: Invalidation): void {
    const section = this.sections.find(invalidation);
    for (const each of this.#hit.get(invalidation) ?? []) each.sectionEnds();
    this.#hit.delete(invalidation);
    this.sections.close(section);
  }

  async release(): Promise<void> {
    this.isReleased = true;
    const range = { ...wholeSpace, event: 'RELEASE', blockable: true, owner: undefined } as const;
    for (const each of this.subscriptions) {
      each.sectionStarts();
      await each.tearDown(range);
      each.sectionEnds();
    }
  }

  subscribe(span: Span, ops: SubscriptionOps | number): Subscription {
    const subscription = new FakeSubscription(this, span, ops as SubscriptionOps);
    for (const [handle, hit] of this.#hit) {
      const section = this.sections.find(handle as Invalidation);
      if (!overlaps(section, span)) continue;
      subscription.sectionStarts();
      hit.push(subscription);
    }
    this.subscriptions.add(subscription);
    return subscription;
  }

  invalidateRangeStartSync = unused;
  invalidateRangeEndSync = unused;
  releaseSync = unused;
  subscribeSync = unused;
  registerOps = unused;

  verify(): void {}

  #whoIsHit(section: Section): FakeSubscription[] {
    const { start, end, event, owner } = section;
    const reach = this.mistake === 'the last page' ? Math.max(start + 1, end - 4096) : end;
    const isOwned = event === 'MIGRATE' || event === 'EXCLUSIVE';
    return [...this.subscriptions].filter(
      (each) => overlaps({ start, end: reach }, each) && !(isOwned && each.ops.owner === owner),
    );
  }
}

class FakeSubscription implements Subscription {
  readonly notifier: FakeNotifier;
  readonly start: number;
  readonly end: number;
  readonly ops: SubscriptionOps;
  isOpen = true;
  #seq = 1;
  #openSections = 0;
  #waiters: (() => void)[] = [];
  readonly #lock: Mutex;

  constructor(notifier: FakeNotifier, { start, end }: Span, ops: SubscriptionOps) {
    this.notifier = notifier;
    this.start = start;
    this.end = end;
    this.ops = ops;
    const byteLength = (headerWords + mutexWords + 1) * 4;
    const region = Region.create({ kind: 'fake', capacity: 1, byteLength });
    this.#lock = new Mutex(region, headerWords);
  }

  sectionStarts(): void {
    this.#seq++;
    this.#openSections++;
  }

  sectionEnds(): void {
    if (--this.#openSections > 0) return;
    for (const wake of this.#waiters.splice(0)) wake();
  }

  tearDown(range: InvalidationRange): MaybePromise<void> {
    const { mistake } = this.notifier;
    if (mistake === 'everything' || mistake === 'to call back') return undefined;
    const locked = this.#lock.lock();
    return isPromise(locked) ? locked.then(() => this.#invalidate(range)) : this.#invalidate(range);
  }

  tryTearDown(range: InvalidationRange): boolean {
    const { mistake } = this.notifier;
    if (mistake === 'everything' || mistake === 'to call back') return true;
    if (!this.#lock.tryLock()) return false;
    const result = this.ops.invalidate(range, 0);
    this.#lock.unlock();
    return result !== false;
  }

  readBegin(): MaybePromise<Seq> {
    this.#check();
    if (this.#openSections === 0 || this.notifier.mistake !== 'nothing') return this.#seq as Seq;
    return new Promise((resolve) => this.#waiters.push(() => resolve(this.#seq as Seq)));
  }

  checkRetry(seq: Seq): boolean {
    return this.notifier.mistake === 'nothing' && this.#seq !== seq;
  }

  publish(seq: Seq, install: () => MaybePromise<void>): MaybePromise<boolean> {
    this.#check();
    const locked = this.#lock.lock();
    return isPromise(locked)
      ? locked.then(() => this.#publish(seq, install))
      : this.#publish(seq, install);
  }

  close(): void {
    this.isOpen = false;
    this.notifier.subscriptions.delete(this);
  }

  readBeginSync = unused;
  publishSync = unused;
  closeSync = unused;
  [Symbol.dispose] = unused;

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #invalidate(range: InvalidationRange): MaybePromise<void> {
    const result = this.ops.invalidate(range, 0);
    const finish = (): MaybePromise<void> => {
      this.#lock.unlock();
      return this.ops.finish?.(range, 0);
    };
    return isPromise(result) ? result.then(finish) : finish();
  }

  #publish(seq: Seq, install: () => MaybePromise<void>): boolean {
    const { mistake } = this.notifier;
    const wasOpen = this.#seq !== seq && mistake !== 'that a section was open';
    const isOpen = this.#openSections > 0 && mistake !== 'that a section is open';
    const refuses = mistake !== 'everything' && mistake !== 'to refuse' && (wasOpen || isOpen);
    if (!refuses) void install();
    this.#lock.unlock();
    return !refuses;
  }

  #check(): void {
    if (!this.isOpen) throw new NotifierError('MMN_CLOSED', 'expected it open, got it closed');
    if (this.notifier.isReleased) {
      throw new NotifierError('MMN_RELEASED', 'expected it alive, got it released');
    }
  }
}

function unused(): never {
  throw new Error('not part of these tests');
}
