/**
 * The unified notifier of one event loop, on objects: what nearly everybody wants, and small.
 *
 * Nothing comes between two statements that do not wait. So no word is shared with another agent, no lock guards the tree, and what
 * the other variants keep in an epoch of the address space each open section keeps for itself (section.ts).
 *
 *     invalidator                          reader
 *     ------------------------------------ ------------------------------------
 *                                          s = entry.seq; entry.sections is 0
 *     start: hits listed; entry.sections++
 *       driver's lock
 *       entry.seq++; tear down
 *                                          reads the range
 *     end: entry.sections--
 *                                          driver's lock; entry.seq !== s
 *     Required: the reader does not install. If it takes the driver's lock before the callback does, it
 *     installs, and the callback tears down what it installed.                             [R2]
 *
 * Ours. What it promises is what the variant `scoped` promises.
 */
import {
  addressMax,
  OpsRegistry,
  overlaps,
  runSteps,
  runStepsSync,
  SectionTable,
  type Invalidation,
  type MaybePromise,
  type Notifier,
  type RangeToInvalidate,
  type Span,
  type Steps,
  type SubscribeOptions,
  type Traits,
} from '@mmu-notifier/core';
import { nonBlockEnd, nonBlockStart } from '@mmu-notifier/sync';
import type { IntervalOps } from '../binding.ts';
import { checkCookie, refuseReleased, refuseToVerify } from '../refusals.ts';
import type { Mode } from '../walk.ts';
import { Calls } from './calls.ts';
import { Entries } from './entries.ts';
import { Entry } from './entry.ts';
import { LocalMutex } from './mutex.ts';
import { LocalSection } from './section.ts';
import { LocalSubscription } from './subscription.ts';
import { traits } from './traits.ts';

const releaseRange = { start: 0, end: addressMax, event: 'RELEASE' } as const;

/** What a notifier checks itself with, where that is wanted. */
export type LocalChecks = (entries: Entries, sections: readonly LocalSection[]) => void;

/** See the contract's `Notifier`. */
export class LocalNotifier implements Notifier {
  readonly #sections = new SectionTable(LocalSection);
  readonly #calls = new Calls();
  readonly #registry = new OpsRegistry<IntervalOps>();
  readonly #checks: LocalChecks | undefined;
  readonly #entries = new Entries();
  #isReleased = false;

  /** @internal use `interval.create` */
  constructor(checks: LocalChecks | undefined) {
    this.#checks = checks;
  }

  get traits(): Traits {
    return traits;
  }

  invalidateRangeStart(range: RangeToInvalidate, signal?: AbortSignal): MaybePromise<Invalidation> {
    const section = this.#open(range, true);
    return section.count === 0
      ? (section.handle as Invalidation)
      : this.#startHits(section, signal);
  }

  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation {
    const section = this.#open(range, true);
    void this.#call(section, 'sync');
    return section.handle as Invalidation;
  }

  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined {
    const section = this.#open(range, false);
    nonBlockStart();
    let isCalled: boolean;
    try {
      isCalled = this.#call(section, 'try') === true;
    } finally {
      nonBlockEnd();
    }
    if (isCalled) return section.handle as Invalidation;
    this.#end(section);
    return undefined;
  }

  /** Never waits. */
  invalidateRangeEnd(invalidation: Invalidation): undefined {
    this.#end(this.#sections.find(invalidation));
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    this.#end(this.#sections.find(invalidation));
  }

  async release(signal?: AbortSignal): Promise<void> {
    this.refuseInCallback('release');
    await runSteps(this.#release('plain', signal));
  }

  releaseSync(): void {
    this.refuseInCallback('release');
    runStepsSync(this.#release('sync', undefined));
  }

  /** Never waits. */
  subscribe(
    span: Span,
    ops: IntervalOps | number,
    options: SubscribeOptions = {},
  ): LocalSubscription {
    const subscription = this.prepare(ops, options);
    subscription.insert(span);
    return subscription;
  }

  subscribeSync(
    span: Span,
    ops: IntervalOps | number,
    options: SubscribeOptions = {},
  ): LocalSubscription {
    return this.subscribe(span, ops, options);
  }

  /**
   * A subscription that is not inserted yet: its `insert` may fail, its `close` is harmless all the same.
   *
   * @throws NotifierError `MMN_OPS_UNKNOWN`, `MMN_OPTION`
   */
  prepare(ops: IntervalOps | number, { cookie = 0 }: SubscribeOptions = {}): LocalSubscription {
    checkCookie(cookie);
    const table = this.#registry.resolve(ops, false);
    if (table.finish !== undefined) this.#calls.anyFinish = true;
    return new LocalSubscription(this, new Entry(table, cookie, new LocalMutex()));
  }

  registerOps(id: number, ops: IntervalOps): void {
    this.#registry.register(id, ops);
  }

  /** @throws NotifierError `MMN_OPTION` unless its strategy came with the checks; InvariantError */
  verify(): void {
    if (this.#checks === undefined) refuseToVerify();
    this.#checks(this.#entries, this.#sections.slots);
  }

  /** @internal what must not be called in a callback: it would wait for the callback's own section */
  refuseInCallback(what: string): void {
    this.#calls.refuseInCallback(what);
  }

  /** @internal puts an entry into the tree, at once. @throws NotifierError `MMN_RELEASED` */
  insert(entry: Entry, span: Span): void {
    if (this.#isReleased) refuseReleased();
    entry.start = span.start;
    entry.last = span.end - 1;
    this.#entries.insert(entry);
    // What the open sections cover is changing: they count as hits.
    for (const section of this.#sections.slots) {
      if (section.handle !== 0 && overlaps(section, span) && !entry.owns(section)) {
        section.add(entry);
      }
    }
  }

  /** @internal takes an entry out of the tree, at once, if it is there */
  remove(entry: Entry): void {
    this.#entries.remove(entry);
  }

  /** @internal the sections that call an entry yet, which has been taken out */
  callersOf(entry: Entry): LocalSection[] {
    return entry.sections === 0 ? [] : this.#sections.slots.filter((each) => each.isCalling(entry));
  }

  /** @internal the open sections that hit an entry */
  sectionsOf(entry: Entry): LocalSection[] {
    return this.#sections.slots.filter(({ hits }) => hits.includes(entry));
  }

  #open(range: RangeToInvalidate, blockable: boolean): LocalSection {
    const section = this.#sections.open(range, blockable);
    // Asked here, so that no function is called for a section behind all that is subscribed.
    if (section.start <= this.#entries.reach) this.#entries.addHits(section);
    return section;
  }

  #startHits(section: LocalSection, signal: AbortSignal | undefined): MaybePromise<Invalidation> {
    const called = this.#call(section, 'plain', signal);
    return called === true ? (section.handle as Invalidation) : this.#startLater(section, called);
  }

  /** Calls whom a section hits; ends it when that fails at once. */
  #call(section: LocalSection, mode: Mode, signal?: AbortSignal): MaybePromise<boolean> {
    try {
      return this.#calls.run(section, mode, signal);
    } catch (error) {
      this.#end(section);
      throw error;
    }
  }

  async #startLater(section: LocalSection, called: MaybePromise<boolean>): Promise<Invalidation> {
    try {
      await called;
    } catch (error) {
      this.#end(section);
      throw error;
    }
    return section.handle as Invalidation;
  }

  #end(section: LocalSection): void {
    this.#sections.close(section);
    if (section.count !== 0) section.forgetHits();
  }

  *#release(mode: Mode, signal: AbortSignal | undefined): Steps<void> {
    if (this.#isReleased) refuseReleased();
    // Throws when too many sections are open: then nothing is released.
    const section = this.#open(releaseRange, true);
    this.#isReleased = true;
    try {
      yield* this.#calls.tellOfRelease(section, mode, signal);
    } finally {
      this.#end(section);
    }
  }
}
