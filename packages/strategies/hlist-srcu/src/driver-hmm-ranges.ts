/**
 * The ranges of mm/hmm.c: how the faults of the drivers on top of it notice that they collided.
 *
 * 1. `notifiers` sections are open in the address space, wherever they are. A start makes every range that it hits
 *    invalid; the end that leaves none open makes all of them valid again, and wakes who waits for that.
 * 2. A range is on the list while a fault reads it. One that is registered while a section is open, anywhere, is
 *    invalid until none is.                                                                              (HMM-4)
 * 3. A fault may publish if its range is valid. That is not enough:
 *
 *        section                              fault
 *        ------------------------------------ ------------------------------------
 *                                             valid? -> true; reads the page
 *        start: valid = false
 *        the page changes
 *        end: valid = true
 *                                             valid? -> true; publishes
 *        Required: it tries again. A boolean cannot remember that it was false.                         (HMM-1)
 *
 * The list has a spin lock in the kernel; here every change of it is one step.
 *
 * Source: Linux mm/hmm.c, v5.3.
 */
import { isPromise, runSteps, runStepsSync } from '@mmu-notifier/core';
import type { MaybePromise, Seq, Span, Steps } from '@mmu-notifier/core';
import { WaitQueue, waitQueueWords, type Region } from '@mmu-notifier/sync';
import { runIn } from './driver-locks.ts';
import type { CallContext } from './ops.ts';

/** What a fault reads: struct hmm_range. */
export class HmmRange implements Span {
  readonly start: number;
  readonly end: number;
  /** Tells ranges apart: the seq of the faults that read under it. Never 0. */
  readonly number: Seq;
  valid: boolean;
  /** It has been valid, or need not be waited for any more. */
  isWaitOver: boolean;
  /** It is on the list. */
  isRegistered = true;
  /** Its faults are over: the next section takes it off the list. */
  isIdle = false;

  constructor({ start, end }: Span, number: number, valid: boolean) {
    this.start = start;
    this.end = end;
    this.number = number as Seq;
    this.valid = valid;
    this.isWaitOver = valid;
  }
}

/** See the file's head: what struct hmm has of it. */
export class HmmRanges {
  /** Words that it takes. */
  static readonly words: number = waitQueueWords;
  notifiers = 0;
  readonly #ranges = new Set<HmmRange>();
  readonly #queue: WaitQueue;
  #registered = 0;

  /** @param index the first of its words in the region; zero when first used */
  constructor(region: Region, index: number) {
    this.#queue = new WaitQueue(region, index);
  }

  /** Ranges on the list. */
  get size(): number {
    return this.#ranges.size;
  }

  /** Linux: hmm_range_register. */
  register(span: Span): HmmRange {
    const range = new HmmRange(span, ++this.#registered, this.notifiers === 0);
    this.#ranges.add(range);
    return range;
  }

  /** Linux: hmm_range_unregister. */
  unregister(range: HmmRange): void {
    range.isRegistered = false;
    this.#ranges.delete(range);
  }

  /** A section begins: before anything is torn down. Hits what it merely touches, too. */
  start({ start, end }: Span): void {
    this.notifiers++;
    for (const range of this.#ranges) {
      if (range.isIdle) this.unregister(range);
      else if (end >= range.start && start < range.end) range.valid = false;
    }
  }

  /** It ends, or did not come about. Linux: notifiers_decrement. */
  end(): void {
    this.notifiers--;
    if (this.notifiers > 0) return;
    for (const range of this.#ranges) {
      range.valid = true;
      range.isWaitOver = true;
    }
    this.#queue.wakeAll();
  }

  /**
   * Waits until the range has become valid, once; it may be invalid again. `false` after `timeoutMs` of the clock in
   * use. Linux: hmm_range_wait_until_valid, which would then wait on.
   */
  wait(range: HmmRange, timeoutMs: number, context: CallContext): MaybePromise<boolean> {
    return (
      range.valid ||
      runIn(
        this.#queue.wait(() => range.isWaitOver, timeoutMs),
        context,
      )
    );
  }

  /** Whoever waits for these need not any more. */
  giveUp(ranges: Iterable<HmmRange>): void {
    for (const range of ranges) range.isWaitOver = true;
    this.#queue.wakeAll();
  }

  /** The address space is gone: no ends come any more. */
  abandon(): void {
    this.giveUp(this.#ranges);
  }
}

/** How the faults of one registration notice that they collided. */
export interface Faults {
  /** A fault begins. May wait, once. */
  begin(context: CallContext): MaybePromise<Seq>;
  /** It is over, with the driver's lock held: whether it may publish. */
  done(seq: Seq): boolean;
  /** Whether `done` will say no: certain if so. */
  isHopeless(seq: Seq): boolean;
  /** A section hits the registration. Only where the list of ranges does not see to it. */
  hit?(): void;
  /** There are no faults any more. */
  close(): void;
}

/** Options of {@link HmmFaults}. */
export interface HmmFaultOptions {
  /** Longest wait for a range to become valid. Default 1000: HMM_RANGE_DEFAULT_TIMEOUT. */
  readonly timeoutMs?: number;
  /** A range whose wait took too long stays on the list for ever. Default `false`. (NV-1) */
  readonly leavesTimedOut?: boolean;
}

/** The seq of a fault that is told -EBUSY: it is refused. */
const busy = 0 as Seq;

/**
 * The faults of one registration that are on their way.
 *
 * A driver registers a range for each fault. So does this; but two valid ranges over one span never differ
 * again, so one of them stays for all faults that have begun. When the last of them is over it goes with the next
 * section, so that what was published can be published again until then, as the contract has it; a fault that is given
 * up tells nobody, and then it stays until `close`.
 */
export class HmmFaults implements Faults {
  /** Waits that took too long. */
  timeouts = 0;
  readonly #ranges: HmmRanges;
  readonly #span: Span;
  readonly #timeoutMs: number;
  readonly #leavesTimedOut: boolean;
  readonly #waiting = new Set<HmmRange>();
  #begun: HmmRange | undefined;
  #begunCount = 0;

  constructor(ranges: HmmRanges, span: Span, options: HmmFaultOptions = {}) {
    this.#ranges = ranges;
    this.#span = span;
    this.#timeoutMs = options.timeoutMs ?? 1000;
    this.#leavesTimedOut = options.leavesTimedOut ?? false;
  }

  /** Registers, and waits until the range is valid. What did not become so in time is refused later. */
  begin(context: CallContext): MaybePromise<Seq> {
    const range = this.#ranges.register(this.#span);
    if (range.valid) return this.#beginAt(range);
    const waiting = this.#wait(range, context);
    return context.isSync ? runStepsSync(waiting) : runSteps(waiting);
  }

  /** The fault is over: whether its range is valid now. Linux: hmm_range_valid, then hmm_range_unregister. */
  done(seq: Seq): boolean {
    const range = this.#begun;
    if (range === undefined || this.isHopeless(seq)) return false;
    this.#begunCount = Math.max(0, this.#begunCount - 1);
    if (this.#begunCount > 0) return range.valid;
    if (range.valid) range.isIdle = true;
    else this.#ranges.unregister(range);
    return range.valid;
  }

  /** Whether `done` will say no: certain if so. A range that is invalid now may be valid then. */
  isHopeless(seq: Seq): boolean {
    const range = this.#begun;
    return range === undefined || !range.isRegistered || range.number !== seq;
  }

  close(): void {
    this.#ranges.giveUp(this.#waiting);
    if (this.#begun !== undefined) this.#ranges.unregister(this.#begun);
    this.#begun = undefined;
  }

  *#wait(range: HmmRange, context: CallContext): Steps<Seq> {
    this.#waiting.add(range);
    let isLeft = false;
    try {
      const waited = this.#ranges.wait(range, this.#timeoutMs, context);
      const isInTime = (isPromise(waited) ? yield waited : waited) as boolean;
      if (isInTime && range.valid) return this.#beginAt(range);
      if (!isInTime) this.timeouts++;
      isLeft = !isInTime && this.#leavesTimedOut;
      return busy;
    } finally {
      this.#waiting.delete(range);
      if (range !== this.#begun && !isLeft) this.#ranges.unregister(range);
    }
  }

  #beginAt(range: HmmRange): Seq {
    const begun = this.#begun?.isRegistered === true ? this.#begun : range;
    if (begun !== range) this.#ranges.unregister(range);
    this.#begunCount++;
    begun.isIdle = false;
    this.#begun = begun;
    return begun.number;
  }
}
