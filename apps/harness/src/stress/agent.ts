/**
 * What one agent does in one round: a seeded mix of sections, faults, device accesses, subscribing and closing on a
 * notifier that other agents use at the same time, all in the blocking forms.
 *
 * 1. An operation that fails since another agent died is counted and the agent goes on: nothing of it may be used.
 * 2. The agent that is told to die arrives where it is to be terminated, and spins there.
 */
import { Random } from '@mmu-notifier/address-space';
import {
  codeOf,
  collisionCounters,
  collisionRetrySync,
  type DriverLock,
  type InvalidationRange,
  type Notifier,
  type Subscription,
} from '@mmu-notifier/core';
import { Mailbox, nowMs } from '@mmu-notifier/sync';
import { pageBytes, type Board, type Counters } from './board.ts';
import { kills, type Fault } from './faults.ts';

/** What an agent is told of a round. */
export interface Round {
  readonly strategy: string;
  readonly seed: number;
  readonly round: number;
  readonly notifier: SharedArrayBuffer;
  readonly board: SharedArrayBuffer;
  /** This agent's number in the run, from 0. */
  readonly index: number;
  readonly fault: Fault | undefined;
  /** Every device's callback runs on the agent that subscribed it. */
  readonly ownerRun: boolean;
  /** The agent that releases the address space at the end, by index; -1 for none. */
  readonly releaser: number;
}

/** What an agent says after a round. */
export interface RoundEnd {
  readonly round: number;
  /** Where it was first served from a page that had changed. */
  readonly firstStale: string | undefined;
  /** The first of the errors that name a dead agent. */
  readonly firstDeath: string | undefined;
  /** An error that nothing in the round explains. */
  readonly error: string | undefined;
}

/** Devices of one agent: two that stay for the round, one that comes and goes. */
export const devicesPerAgent = 3;
const attemptsMax = 64;
/** One read in so many takes long: up to so many loads of a word. Together some 5 % of the time. */
const slowReadEvery = 256;
const slowReadLoads = 65_536;

/** See the file's head. */
export class StressAgent {
  readonly #round: Round;
  readonly #notifier: Notifier;
  readonly #board: Board;
  readonly #counters: Counters;
  readonly #random: Random;
  /** By device. */
  readonly #locks: CountingLock[] = [];
  readonly #open: (Subscription | undefined)[] = [];
  readonly #mailbox: Mailbox | undefined;
  /** By device, while it is open and its callback runs on this agent. */
  readonly #cookies: (number | undefined)[] = [];
  #firstStale: string | undefined;
  #firstDeath: string | undefined;
  #callbacks = 0;

  constructor(round: Round, notifier: Notifier, board: Board) {
    this.#round = round;
    this.#notifier = notifier;
    this.#board = board;
    this.#counters = board.countersOf(round.index);
    this.#random = new Random(
      (Math.imul(round.seed, 0x9e3779b1) ^ (round.round << 8) ^ round.index) | 0,
    );
    const { region, mailboxesAt } = board;
    const mailbox = round.ownerRun ? new Mailbox(region, mailboxesAt, { blocks: true }) : undefined;
    this.#mailbox = mailbox;
    for (let device = 0; device < board.size.devices; device++) {
      const lock = new CountingLock(board.lockOf(device), this.#counters);
      this.#locks.push(lock);
      notifier.registerOps(device, {
        invalidate: (range, cookie) =>
          mailbox?.ops.invalidate(range, cookie) ?? this.#invalidate(range, device),
        lock,
      });
    }
  }

  /** Runs the round. Never throws. */
  run(): RoundEnd {
    const { round } = this.#round;
    let failure: unknown;
    try {
      this.#attempt(() => this.#subscribe(this.#ownDevice(0)));
      this.#attempt(() => this.#subscribe(this.#ownDevice(1)));
      this.#board.meet();
      const releases = this.#round.releaser === this.#round.index;
      while (releases ? !this.#board.isStopped : !this.#board.isReleased) {
        this.#counters.add('operations');
        this.#attempt(() => this.#operate());
        this.#mailbox?.serve();
      }
      if (releases) {
        try {
          this.#attempt(() => this.#notifier.releaseSync());
        } finally {
          this.#board.markReleased();
        }
      }
      for (let which = 0; which < devicesPerAgent; which++) {
        const device = this.#ownDevice(which);
        if (this.#round.fault === undefined) this.#checkReleased(device);
        this.#attempt(() => this.#close(device));
      }
      this.#mailbox?.close();
    } catch (error) {
      failure = error;
    }
    const error =
      failure === undefined
        ? undefined
        : failure instanceof Error
          ? (failure.stack ?? failure.message)
          : String(failure);
    return { round, firstStale: this.#firstStale, firstDeath: this.#firstDeath, error };
  }

  /** Runs something; what the round's faults explain is counted. */
  #attempt(act: () => void): void {
    const { fault } = this.#round;
    const kind = fault?.kind;
    try {
      act();
    } catch (error) {
      const code = codeOf(error);
      if (code === 'MMN_RELEASED') return;
      if (code === 'MMN_AGENT_DIED' && kills(fault)) {
        this.#counters.add('deadAgents');
        this.#firstDeath ??= (error as Error).message;
      } else if (code === 'MMN_CALLBACK_FAILED' && kind === 'throw') {
        this.#counters.add('callbacksFailed');
      } else if (code === 'MMN_OUT_OF_CAPACITY' && (kind === 'full' || kills(fault))) {
        // What the dead left subscribed stays so, and so does what cannot be closed because of them.
        this.#counters.add('full');
      } else {
        throw error;
      }
    }
  }

  #operate(): void {
    const choice = this.#random.below(1000);
    if (choice < 560) this.#section();
    else if (choice < 800) this.#fault(this.#ownDevice(this.#random.below(devicesPerAgent)));
    else if (choice < 985) this.#access(this.#random.below(this.#board.size.devices));
    else this.#comeOrGo(this.#ownDevice(2));
  }

  #ownDevice(which: number): number {
    return this.#round.index * devicesPerAgent + which;
  }

  /** One section in eight non-blockable, one in sixteen with another one beginning and ending within it or after it. */
  #section(): void {
    const [first, count] = [this.#random.below(this.#board.size.pages), 1 + this.#random.below(4)];
    const last = Math.min(first + count, this.#board.size.pages);
    const range = { start: first * pageBytes, end: last * pageBytes };
    const isTry = this.#random.below(8) === 0;
    const began = isTry
      ? this.#notifier.tryInvalidateRangeStart(range)
      : this.#blocking(() => this.#notifier.invalidateRangeStartSync(range));
    if (began === undefined) {
      this.#counters.add('wouldBlock');
      return;
    }
    this.#counters.add('sections');
    this.#change(first, last);
    if (this.#isHere('section') || this.#isHere('silent')) this.#board.arrive();
    let nested: unknown;
    if (this.#random.below(16) === 0) {
      try {
        this.#section();
      } catch (error) {
        nested = error;
      }
    }
    this.#checkTornDown(first, last);
    this.#notifier.invalidateRangeEndSync(began);
    if (nested !== undefined) throw nested;
  }

  #change(first: number, last: number): void {
    this.#checkTornDown(first, last);
    for (let page = first; page < last; page++) this.#board.change(page);
  }

  #checkTornDown(first: number, last: number): void {
    const { devices } = this.#board.size;
    for (let device = 0; device < devices; device++) {
      for (let page = first; page < last; page++) {
        if (this.#board.shadow(device, page) !== 0) {
          this.#stale(device, page, 'has an entry while a section is open');
        }
      }
    }
  }

  /** A device needs a page: reads its version and publishes it. */
  #fault(device: number): void {
    const subscription = this.#open[device];
    if (subscription === undefined) return;
    const page = this.#pageIn(subscription);
    const board = this.#board;
    const collisions = collisionCounters();
    try {
      collisionRetrySync(this.#watched(subscription), {
        read: () => {
          const version = board.version(page);
          if (this.#random.below(slowReadEvery) === 0) this.#dawdle(page);
          return version;
        },
        install: (version) => {
          board.setShadow(device, page, version);
          if (board.isStale(device, page)) this.#stale(device, page, 'installs what is gone');
        },
        collided: (version) => board.version(page) !== version,
        attemptsMax,
        counters: collisions,
        backoff: () => {
          if (board.isStopped) throw stopped;
        },
      });
      this.#counters.add('faults');
    } catch (error) {
      if (error !== stopped) throw error;
    } finally {
      for (let i = 0; i < collisions.trueCollisions; i++) this.#counters.add('retriesTrue');
      for (let i = 0; i < collisions.falseCollisions; i++) this.#counters.add('retriesFalse');
      this.#counters.max('longestRun', collisions.longestRun);
    }
  }

  /** A read that takes long: whole sections, or the release, pass meanwhile. */
  #dawdle(page: number): void {
    for (let left = this.#random.below(slowReadLoads); left > 0; left--) this.#board.version(page);
  }

  /** The subscription as the blocking retry loop uses it, with waits that others see and that are measured. */
  #watched(subscription: Subscription): Subscription {
    const used: Pick<Subscription, 'readBeginSync' | 'checkRetry' | 'publishSync'> = {
      readBeginSync: () => this.#blocking(() => subscription.readBeginSync()),
      checkRetry: (seq) => subscription.checkRetry(seq),
      publishSync: (seq, install) => subscription.publishSync(seq, install),
    };
    return used as Subscription;
  }

  /** A device uses an entry, if it has it: with the driver's lock held. */
  #access(device: number): void {
    const page = this.#random.below(this.#board.size.pages);
    const lock = this.#locks[device]!;
    lock.lockSync();
    try {
      this.#counters.add('accesses');
      if (this.#board.isStale(device, page)) this.#stale(device, page, 'is served');
      if (this.#isHere('lock')) this.#board.arrive();
    } finally {
      lock.unlock();
    }
  }

  #stale(device: number, page: number, what: string): void {
    this.#counters.add('staleReads');
    const { seed, round, index } = this.#round;
    this.#firstStale ??=
      `device ${device} ${what}: page ${page} in version ${this.#board.shadow(device, page)}, ` +
      `which is in version ${this.#board.version(page)} (seen by agent ${index} in round ${round}, seed ${seed})`;
  }

  #comeOrGo(device: number): void {
    if (this.#open[device] === undefined) this.#subscribe(device);
    else this.#close(device);
  }

  #subscribe(device: number): void {
    const { pages } = this.#board.size;
    const first = this.#random.below(pages - 1);
    const last = first + 1 + this.#random.below(pages - first);
    const span = { start: first * pageBytes, end: last * pageBytes };
    const cookie = this.#mailbox?.own({ invalidate: (range) => this.#invalidate(range, device) });
    const options = { cookie: cookie ?? device };
    this.#open[device] = this.#blocking(() => this.#notifier.subscribeSync(span, device, options));
    this.#cookies[device] = cookie;
    this.#counters.add('subscriptions');
  }

  /** The device gives up what it has, faults no more, and only then closes: nobody tears it down afterwards. */
  #close(device: number): void {
    const subscription = this.#open[device];
    if (subscription === undefined) return;
    this.#open[device] = undefined;
    const lock = this.#locks[device]!;
    lock.lockSync();
    try {
      for (let page = 0; page < this.#board.size.pages; page++) {
        this.#board.setShadow(device, page, 0);
      }
    } finally {
      lock.unlock();
      this.#blocking(() => subscription.closeSync());
    }
    const cookie = this.#cookies[device];
    if (cookie !== undefined) this.#mailbox?.disown(cookie);
  }

  /** After the release nothing is left, and nothing has come since. */
  #checkReleased(device: number): void {
    for (let page = 0; page < this.#board.size.pages; page++) {
      if (this.#board.shadow(device, page) !== 0) {
        this.#stale(device, page, 'has an entry after the release');
      }
    }
  }

  #pageIn({ start, end }: Subscription): number {
    return start / pageBytes + this.#random.below((end - start) / pageBytes);
  }

  /** The callback of every device, in this agent. */
  #invalidate(range: InvalidationRange, device: number): boolean {
    this.#counters.add('callbacks');
    const { fault, index, ownerRun } = this.#round;
    if (ownerRun && Math.floor(device / devicesPerAgent) !== index) {
      throw new Error(`expected the callback of device ${device} on its owner, got agent ${index}`);
    }
    if (fault !== undefined && fault.agent === index) {
      const isDue = ++this.#callbacks % fault.every === 0;
      if (isDue && fault.kind === 'callback') this.#board.arrive();
      if (isDue && fault.kind === 'throw')
        throw new Error('a callback of the stress run, on purpose');
      if (isDue && fault.kind === 'stall') stall();
    }
    const { pages } = this.#board.size;
    const last = Math.min(pages, Math.ceil(range.end / pageBytes));
    for (let page = range.start / pageBytes; page < last; page++) {
      this.#board.setShadow(device, page, 0);
    }
    return true;
  }

  /** Whether this agent is to be terminated at this kind of place, now. */
  #isHere(kind: Fault['kind']): boolean {
    const { fault, index } = this.#round;
    return (
      fault !== undefined &&
      fault.kind === kind &&
      fault.agent === index &&
      this.#random.below(fault.every) === 0
    );
  }

  /** A call that may wait: others see that, and it is measured. */
  #blocking<T>(call: () => T): T {
    const { index } = this.#round;
    this.#board.setWaiting(index, true);
    const beganMs = nowMs();
    try {
      return call();
    } finally {
      this.#counters.max('longestWaitMs', nowMs() - beganMs);
      this.#board.setWaiting(index, false);
    }
  }
}

function stall(): void {
  const untilMs = nowMs() + 2;
  while (nowMs() < untilMs);
}

/** Thrown by a back-off to leave the retry loop. */
const stopped = new Error('stopped');

/** A driver's lock that counts how often it was held by somebody else. */
class CountingLock implements DriverLock {
  readonly #lock: DriverLock;
  readonly #counters: Counters;

  constructor(lock: DriverLock, counters: Counters) {
    this.#lock = lock;
    this.#counters = counters;
  }

  tryLock(): boolean {
    this.#counters.add('locks');
    if (this.#lock.tryLock()) return true;
    this.#counters.add('contended');
    return false;
  }

  lockSync(): void {
    if (!this.tryLock()) this.#lock.lockSync();
  }

  lock(signal?: AbortSignal): void | Promise<void> {
    return this.tryLock() ? undefined : this.#lock.lock(signal);
  }

  unlock(): void {
    this.#lock.unlock();
  }
}
