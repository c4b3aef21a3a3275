/**
 * The unified notifier of one event loop, on objects: what nearly everybody wants, and small.
 *
 * Nothing comes between two statements that do not wait. So no word is shared with another agent, no lock guards the tree, and what
 * the other variants keep in an epoch of the address space each open section keeps for itself (entry.ts).
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
  checkSpan,
  OpsRegistry,
  overlaps,
  runSteps,
  runStepsSync,
  SectionTable,
  type Invalidation,
  type MaybePromise,
  type Notifier,
  type RangeToInvalidate,
  type Section,
  type Span,
  type Steps,
  type SubscribeOptions,
  type Traits,
} from '@mmu-notifier/core';
import { nonBlockEnd, nonBlockStart } from '@mmu-notifier/sync';
import type { IntervalOps } from '../binding.ts';
import { checkCookie, refuseReleased, refuseToVerify } from '../refusals.ts';
import { releaseNote, type Mode } from '../walk.ts';
import { Calls } from './calls.ts';
import { Open, Entry } from './entry.ts';
import { LocalMutex } from './mutex.ts';
import { LocalSubscription } from './subscription.ts';
import { traits } from './traits.ts';
import { insert, remove } from './tree.ts';

const releaseRange = { start: 0, end: addressMax, event: 'RELEASE' } as const;

/** What a notifier checks itself with, where that is wanted. */
export type LocalChecks = (root: Entry | undefined, opens: readonly Open[]) => void;

/** See the contract's `Notifier`. */
export class LocalNotifier implements Notifier {
  readonly #sections = new SectionTable();
  /** By the section's slot. */
  readonly #opens: Open[] = [];
  readonly #calls = new Calls();
  readonly #registry = new OpsRegistry<IntervalOps>();
  readonly #checks: LocalChecks | undefined;
  #root: Entry | undefined = undefined;
  #isReleased = false;

  /** @internal use `interval.create` */
  constructor(checks: LocalChecks | undefined) {
    this.#checks = checks;
  }

  get traits(): Traits {
    return traits;
  }

  invalidateRangeStart(range: RangeToInvalidate, signal?: AbortSignal): MaybePromise<Invalidation> {
    const section = this.#sections.open(range, true);
    const open = this.#list(section);
    if (open.count === 0) return section.handle as Invalidation;
    const called = this.#call(open, 'plain', signal);
    return called === true ? (section.handle as Invalidation) : this.#startLater(open, called);
  }

  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation {
    const open = this.#list(this.#sections.open(range, true));
    void this.#call(open, 'sync');
    return open.section.handle as Invalidation;
  }

  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined {
    const open = this.#list(this.#sections.open(range, false));
    nonBlockStart();
    let isCalled: boolean;
    try {
      isCalled = this.#call(open, 'try') === true;
    } finally {
      nonBlockEnd();
    }
    if (isCalled) return open.section.handle as Invalidation;
    this.#end(open);
    return undefined;
  }

  /** Never waits. */
  invalidateRangeEnd(invalidation: Invalidation): undefined {
    const { slot } = this.#sections.find(invalidation);
    this.#end(this.#opens[slot]!);
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    this.invalidateRangeEnd(invalidation);
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
    checkSpan(span, 'span');
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
    this.#checks(this.#root, this.#opens);
  }

  /** @internal whether a section is open */
  get isBusy(): boolean {
    return this.#sections.openCount !== 0;
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
    this.#root = insert(this.#root, entry);
    for (const open of this.#opens) {
      if (open.isOpen && overlaps(open.section, span) && !entry.owns(open.section)) {
        open.addLate(entry);
      }
    }
  }

  /** @internal takes an entry out of the tree, at once, if it is there. Returns whether somebody is calling it yet. */
  remove(entry: Entry): boolean {
    this.#root = remove(this.#root, entry);
    return entry.callers !== 0;
  }

  /** @internal when the sections that hit an entry now are over */
  async untilEnded(entry: Entry): Promise<void> {
    await Promise.all(this.#opensWith(entry).map((open) => open.untilEnded()));
  }

  /** @internal when nobody calls an entry any more that has been taken out */
  async untilCalled(entry: Entry): Promise<void> {
    const calling = this.#opensWith(entry).filter(({ isCalling }) => isCalling);
    await Promise.all(calling.map((open) => open.untilCalled()));
  }

  #opensWith(entry: Entry): Open[] {
    return this.#opens.filter(({ hits }) => hits.includes(entry));
  }

  #list(section: Section): Open {
    const open = this.#opens[section.slot] ?? (this.#opens[section.slot] = new Open(section));
    open.list(this.#root);
    return open;
  }

  /** Calls whom a section hits; ends it when that fails at once. */
  #call(open: Open, mode: Mode, signal?: AbortSignal): MaybePromise<boolean> {
    try {
      return this.#calls.run(open, mode, signal);
    } catch (error) {
      this.#end(open);
      throw error;
    }
  }

  async #startLater(open: Open, called: MaybePromise<boolean>): Promise<Invalidation> {
    try {
      await called;
    } catch (error) {
      this.#end(open);
      throw error;
    }
    return open.section.handle as Invalidation;
  }

  #end(open: Open): void {
    this.#sections.close(open.section);
    open.leave();
  }

  *#release(mode: Mode, signal: AbortSignal | undefined): Steps<void> {
    if (this.#isReleased) refuseReleased();
    this.#isReleased = true;
    const section = this.#sections.open(releaseRange, true);
    section.note = releaseNote;
    const open = this.#list(section);
    try {
      yield* this.#calls.tellOfRelease(open, mode, signal);
    } finally {
      this.#end(open);
    }
  }
}
