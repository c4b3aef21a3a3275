/**
 * The same stress in one event loop: tasks in the plain forms, which yield at seeded moments. For strategies that keep
 * objects and so cannot be shared; and to the letter repeatable: the same seed gives the same rounds.
 *
 * 1. What differs from worker threads: nothing happens between two statements. So accesses need no lock, and races
 *    between an operation's waits are found, those between its words are not.
 * 2. A task goes on after a seeded number of turns of the microtask queue. Time decides only how many rounds there are.
 * 3. A round in which nothing moves any more, though tasks are not done, is a deadlock. So no task goes on for ever: the
 *    microtasks of one would keep the clock from being looked at.
 * 4. Waits have a long tail: most are over in a few turns, some outlast many sections. Some schemes fail only where much
 *    happens during one wait, others only where nothing does.
 */
import { Random } from '@mmu-notifier/address-space';
import {
  codeOf,
  collisionCounters,
  collisionRetry,
  type InvalidationRange,
  type MaybePromise,
  type Notifier,
  type Subscription,
} from '@mmu-notifier/core';
import { delay, nowMs } from '@mmu-notifier/sync';
import { devicesPerAgent } from './agent.ts';
import { addCounts, Board, noCounts, pageBytes, type Counters, type Counts } from './board.ts';
import type { RoundReport, StressOptions, StressReport } from './stress.ts';

const tasks = 4;
/** Of the one that then releases the address space. */
const operationsPerTask = 250;
/** Of the others: they stop if no release comes. */
const operationsMax = 20 * operationsPerTask;
/** Other tasks are done long before a fault has been refused so often. */
const attemptsMax = 5000;
/** One wait in so many is so many times as long. */
const longWait = 16;
/** What a section may say of itself; every page of it changes all the same. */
const events = ['UNMAP', 'CLEAR', 'PROTECTION_VMA', 'PROTECTION_PAGE'] as const;
/** Nothing has moved for so long: what the strategies themselves wait for takes no time. */
const stuckMs = 200;

const refused = new Error('a fault is refused without end');

/** See the file's head. */
export async function stressEventLoop(options: StressOptions): Promise<StressReport> {
  const { seconds, rounds, firstRound, signal, onProgress, onRound } = options;
  const beganMs = nowMs();
  const elapsed = (): number => (nowMs() - beganMs) / 1000;
  const counts = noCounts();
  const reports: RoundReport[] = [];
  let firstStale: string | undefined;
  for (let round = firstRound; round < rounds && elapsed() < seconds; round++) {
    if (signal.aborted) break;
    const run = new EventLoopRound(options, round);
    const report = await run.run();
    reports.push(report);
    onRound?.(report);
    addCounts(counts, run.counts());
    firstStale ??= run.firstStale;
    onProgress?.(counts, elapsed());
    await delay(0); // lets Ctrl-C in
  }
  return {
    counts,
    seconds: elapsed(),
    rounds: reports,
    firstStale,
    isInterrupted: signal.aborted,
  };
}

class EventLoopRound {
  firstStale: string | undefined;
  /** Of faults that were refused without end. */
  readonly errors: string[] = [];
  readonly seed: number;
  readonly round: number;
  readonly board: Board;
  readonly notifier: Notifier;
  readonly #random: Random;

  constructor({ contender, seed, pages }: StressOptions, round: number) {
    this.seed = seed;
    this.round = round;
    const size = { agents: tasks, pages, devices: tasks * devicesPerAgent };
    this.board = Board.create(size, new ArrayBuffer(Board.byteLength(size)));
    this.notifier = contender.strategy.create({ variant: contender.variant });
    this.#random = new Random((Math.imul(seed, 0x9e3779b1) ^ Math.imul(round + 1, 0x85ebca6b)) | 0);
  }

  /** For messages. */
  get name(): string {
    return `round ${this.round}, seed ${this.seed}`;
  }

  counts(): Counts {
    return this.board.totals();
  }

  async run(): Promise<RoundReport> {
    const { errors } = this;
    const releaser = this.#random.below(tasks);
    const agents = Array.from({ length: tasks }, (_, index) => new Task(this, index, this.#random));
    let left = tasks;
    const running = agents.map(async (task, index) => {
      try {
        await task.run(index === releaser);
      } catch (error) {
        errors.push(String(error));
      } finally {
        left--;
      }
    });
    const isOver = await this.#over(Promise.all(running));
    const hung = isOver ? 0 : left;
    if (hung > 0) errors.push(`${this.name}: ${hung} of ${tasks} tasks wait for ever`);
    const { staleReads } = this.counts();
    return {
      round: this.round,
      fault: undefined,
      dead: undefined,
      staleReads,
      death: undefined,
      hung,
      errors,
      afterMs: 0,
    };
  }

  /** Whether the work is done; not when nothing has moved for a while. */
  async #over(work: Promise<unknown>): Promise<boolean> {
    const done = work.then(() => true);
    for (let before = -1; ;) {
      const { operations, callbacks } = this.counts();
      if (operations + callbacks === before) return false;
      before = operations + callbacks;
      const stuck = new AbortController();
      const waited = delay(stuckMs, stuck.signal).then(
        () => undefined,
        () => undefined,
      );
      const isDone = await Promise.race([done, waited]);
      stuck.abort();
      if (isDone === true) return true;
    }
  }
}

/** Pages `first` to before `last`. */
interface Section {
  readonly first: number;
  readonly last: number;
  readonly blockable: boolean;
  /** No wait before the change, nor after it. */
  readonly isQuick: boolean;
}

class Task {
  readonly #round: EventLoopRound;
  readonly #index: number;
  readonly #random: Random;
  readonly #counters: Counters;
  readonly #open: (Subscription | undefined)[] = [];
  /** Devices whose faults were refused without end: once is enough. */
  readonly #broken = new Set<number>();

  constructor(round: EventLoopRound, index: number, random: Random) {
    this.#round = round;
    this.#index = index;
    this.#random = random;
    this.#counters = round.board.countersOf(index);
  }

  async run(releases: boolean): Promise<void> {
    const { board, notifier } = this.#round;
    await this.#attempt(() => this.#subscribe(0));
    await this.#attempt(() => this.#subscribe(1));
    const most = releases ? operationsPerTask : operationsMax;
    for (let i = 0; i < most && !board.isReleased; i++) {
      this.#counters.add('operations');
      await this.#attempt(() => this.#operate());
      await this.#wait(4);
    }
    if (releases) {
      await this.#attempt(async () => void (await notifier.release()));
      board.markReleased();
    }
    await this.#wait(8);
    for (let which = 0; which < devicesPerAgent; which++) {
      this.#checkReleased(this.#device(which));
      await this.#attempt(() => this.#close(which));
    }
  }

  /** A few turns of the microtask queue, now and then many: others go on meanwhile. */
  async #wait(below: number): Promise<void> {
    const most = this.#random.below(longWait) === 0 ? below * longWait : below;
    for (let turns = this.#random.below(most); turns > 0; turns--) await undefined;
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (codeOf(error) !== 'MMN_RELEASED') throw error;
    }
  }

  async #operate(): Promise<void> {
    const choice = this.#random.below(1000);
    if (choice < 330) await this.#someSection();
    else if (choice < 340) await this.#storm();
    else if (choice < 700) await this.#fault(this.#random.below(devicesPerAgent));
    else if (choice < 920) this.#access(this.#random.below(this.#round.board.size.devices));
    else if (choice < 930) await this.#wait(16 * longWait);
    else await this.#comeOrGo();
  }

  #device(which: number): number {
    return this.#index * devicesPerAgent + which;
  }

  /** A few pages; all of them once in a while. One in four non-blockable. */
  async #someSection(): Promise<void> {
    const { pages } = this.#round.board.size;
    const isAll = this.#random.below(64) === 0;
    const first = isAll ? 0 : this.#random.below(pages);
    const last = isAll ? pages : Math.min(first + 1 + this.#random.below(8), pages);
    const [blockable, isQuick] = [this.#random.below(4) > 0, this.#random.below(4) === 0];
    await this.#section({ first, last, blockable, isQuick });
  }

  /** As fork does: section after section, through all that there is. */
  async #storm(): Promise<void> {
    const { pages } = this.#round.board.size;
    const step = 1 + this.#random.below(16);
    for (let first = 0; first < pages; first += step) {
      const last = Math.min(first + step, pages);
      await this.#section({ first, last, blockable: true, isQuick: true });
    }
  }

  /** As quick as can be, or with waits before the change and after it. */
  async #section({ first, last, blockable, isQuick }: Section): Promise<void> {
    const { board, notifier } = this.#round;
    const event = events[this.#random.below(events.length)]!;
    const range = { start: first * pageBytes, end: last * pageBytes, event };
    const began = blockable
      ? await notifier.invalidateRangeStart(range)
      : notifier.tryInvalidateRangeStart(range);
    if (began === undefined) {
      this.#counters.add('wouldBlock');
      return;
    }
    this.#counters.add('sections');
    if (!isQuick) await this.#wait(4);
    for (let page = first; page < last; page++) board.change(page);
    this.#checkChanged(first, last);
    if (!isQuick) await this.#wait(4);
    this.#checkChanged(first, last);
    await notifier.invalidateRangeEnd(began);
  }

  /** Every device that had what has changed has lost it. */
  #checkChanged(first: number, last: number): void {
    const { board } = this.#round;
    for (let device = 0; device < board.size.devices; device++) {
      for (let page = first; page < last; page++) {
        if (board.isStale(device, page)) this.#stale(device, page, 'would be served');
      }
    }
  }

  async #fault(which: number): Promise<void> {
    const { board } = this.#round;
    const device = this.#device(which);
    const subscription = this.#open[device];
    if (subscription === undefined || this.#broken.has(device)) return;
    const { start, end } = subscription;
    const page = start / pageBytes + this.#random.below((end - start) / pageBytes);
    const counters = collisionCounters();
    try {
      await collisionRetry(subscription, {
        read: async () => {
          const version = board.version(page);
          await this.#wait(6);
          return version;
        },
        install: (version) => {
          board.setShadow(device, page, version);
          if (board.isStale(device, page)) this.#stale(device, page, 'installs what is gone');
        },
        collided: (version) => board.version(page) !== version,
        backoff: (attempt) => {
          if (attempt < attemptsMax) return this.#wait(16);
          throw refused;
        },
        counters,
      });
      this.#counters.add('faults');
    } catch (error) {
      if (error !== refused) throw error;
      this.#broken.add(device);
      const { errors, name } = this.#round;
      errors.push(`${name}: a fault was refused ${attemptsMax} times in a row`);
    } finally {
      for (let i = 0; i < counters.trueCollisions; i++) this.#counters.add('retriesTrue');
      for (let i = 0; i < counters.falseCollisions; i++) this.#counters.add('retriesFalse');
      this.#counters.max('longestRun', counters.longestRun);
    }
  }

  #access(device: number): void {
    const { board } = this.#round;
    const page = this.#random.below(board.size.pages);
    this.#counters.add('accesses');
    if (board.isStale(device, page)) this.#stale(device, page, 'is served');
  }

  #stale(device: number, page: number, what: string): void {
    const { board, round, seed } = this.#round;
    this.#counters.add('staleReads');
    this.#round.firstStale ??=
      `device ${device} ${what}: page ${page} in version ${board.shadow(device, page)}, ` +
      `which is in version ${board.version(page)} (seen by task ${this.#index} in round ${round}, seed ${seed})`;
  }

  async #comeOrGo(): Promise<void> {
    if (this.#open[this.#device(2)] === undefined) await this.#subscribe(2);
    else await this.#close(2);
  }

  async #subscribe(which: number): Promise<void> {
    const { board, notifier } = this.#round;
    const device = this.#device(which);
    const first = this.#random.below(board.size.pages - 1);
    const last = first + 1 + this.#random.below(board.size.pages - first);
    const span = { start: first * pageBytes, end: last * pageBytes };
    const subscription = await notifier.subscribe(span, {
      invalidate: (range) => this.#invalidate(range, device),
    });
    this.#open[device] = subscription;
    this.#counters.add('subscriptions');
  }

  async #close(which: number): Promise<void> {
    const { board } = this.#round;
    const device = this.#device(which);
    const subscription = this.#open[device];
    if (subscription === undefined) return;
    this.#open[device] = undefined;
    for (let page = 0; page < board.size.pages; page++) board.setShadow(device, page, 0);
    await subscription.close();
  }

  #checkReleased(device: number): void {
    const { board } = this.#round;
    for (let page = 0; page < board.size.pages; page++) {
      if (board.shadow(device, page) !== 0) {
        this.#stale(device, page, 'has an entry after the release');
      }
    }
  }

  /** Tears down at once, or takes a few turns over it. */
  #invalidate(range: InvalidationRange, device: number): MaybePromise<boolean> {
    this.#counters.add('callbacks');
    const choice = this.#random.below(8);
    if (choice === 0 && !range.blockable) return false;
    if (choice > 1 || !range.blockable) return this.#tearDown(range, device);
    return this.#wait(4).then(() => this.#tearDown(range, device));
  }

  #tearDown({ start, end }: InvalidationRange, device: number): boolean {
    const { board } = this.#round;
    const last = Math.min(board.size.pages, Math.ceil(end / pageBytes));
    for (let page = start / pageBytes; page < last; page++) board.setShadow(device, page, 0);
    return true;
  }
}
