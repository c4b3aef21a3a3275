/**
 * A device with shadow page tables: it faults pages in through the contract, as a driver does with
 * hmm_range_fault.
 *
 *     readBegin -> mmap lock for read -> fault the page in -> unlock -> checkRetry -> publish
 *
 * A device does not fault while it migrates pages itself: its own sections are not reported to it, so nothing
 * else would tell the fault that what it read has moved. Drivers have a lock for that; so has this one.
 */
import { addressMax, codeOf, NotifierError, type DriverLock, type Span } from '@mmu-notifier/core';
import { headerWords, Region, RwSemaphore, rwSemaphoreWords } from '@mmu-notifier/sync';
import { faultIn, lookUp } from './faults.ts';
import type { Machine } from './machine.ts';
import { Mirror } from './mirror.ts';
import type { Mm } from './mm.ts';
import { indexInLeaf } from './page-table.ts';
import { pageBytes, pageOf, pagesOf, pteFlags } from './pages.ts';
import { isPromise, waitFor, type Task } from './scheduler.ts';
import { entryAt, entryFlags, entryOffset } from './shadow-table.ts';

/** Options of {@link Device}. */
export interface DeviceOptions {
  readonly name?: string;
  /** Attempts of one fault before it gives up. Default 64. */
  readonly attemptsMax?: number;
  /**
   * Where its callbacks sleep for a while: in `invalidate`, before they tear anything down (and then a
   * non-blockable section is refused), in the second pass, or nowhere (default).
   */
  readonly waits?: 'never' | 'invalidate' | 'finish';
  /** Steps that they sleep. Default 5. */
  readonly waitSteps?: number;
  /**
   * It maps what the program has faulted in, and nothing else: hmm_range_fault without HMM_PFN_REQ_FAULT. So it
   * never changes the page table, never holds up the program, and what the program does is the same under every
   * strategy. Default `false`.
   */
  readonly passive?: boolean;
  /** The driver's lock for each mirror. Default: the strategy's. */
  readonly createLock?: () => DriverLock;
}

/**
 * How an access ended. `hit`: a shadow entry was there; `faulted`: it was faulted in; `efault`, `eperm`: as a
 * CPU's fault; `gave-up`: every attempt collided; `closed`: the mirror or the address space is gone.
 */
export type AccessOutcome = 'hit' | 'faulted' | 'efault' | 'eperm' | 'gave-up' | 'closed';

/** See the file's head. */
export class Device {
  readonly machine: Machine;
  readonly name: string;
  readonly waits: 'never' | 'invalidate' | 'finish';
  readonly mirrors: Set<Mirror> = new Set();
  /** Held for read by its faults, for write by its own migrations. */
  readonly ownLock: RwSemaphore;
  readonly passive: boolean;
  readonly #attemptsMax: number;
  readonly #waitSteps: number;
  readonly #createLock: (() => DriverLock) | undefined;

  constructor(machine: Machine, options: DeviceOptions = {}) {
    this.machine = machine;
    this.name = options.name ?? 'a device';
    this.waits = options.waits ?? 'never';
    this.passive = options.passive ?? false;
    this.#attemptsMax = options.attemptsMax ?? 64;
    if (!Number.isSafeInteger(this.#attemptsMax) || this.#attemptsMax < 1) {
      throw new NotifierError(
        'MMN_OPTION',
        `expected attemptsMax to be an integer of at least 1, got ${String(this.#attemptsMax)}`,
      );
    }
    this.#waitSteps = options.waitSteps ?? 5;
    this.#createLock = options.createLock;
    const byteLength = (headerWords + rwSemaphoreWords) * Int32Array.BYTES_PER_ELEMENT;
    const region = Region.create({ kind: 'device', capacity: 1, byteLength });
    this.ownLock = new RwSemaphore(region, headerWords, "device's own lock");
  }

  /** Whose `MIGRATE` and `EXCLUSIVE` sections it is not told of. */
  get owner(): unknown {
    return this;
  }

  /**
   * Begins to mirror a span: whole pages. May wait, if the strategy's `subscribe` does.
   *
   * @throws NotifierError as `subscribe` does; `MMN_RELEASED` when the address space has ended
   */
  *register(space: Mm, span: Span): Task<Mirror> {
    const { from, to } = pagesOf(span, 'span');
    yield;
    const number = ++this.machine.mirrorNumber;
    // The last page of the address space ends one byte early: 2^53 is not a safe integer.
    const end = Math.min(to * pageBytes, addressMax);
    const whole = { start: from * pageBytes, end };
    const mirror = new Mirror(this, space, number, whole, this.#createLock?.());
    space.mirrors.add(mirror);
    try {
      mirror.subscription = yield* waitFor(
        space.notifier.subscribe(whole, mirror.ops, { cookie: number }),
        `the subscription of ${mirror.toString()}`,
      );
    } catch (error) {
      space.mirrors.remove(mirror);
      throw error;
    }
    this.mirrors.add(mirror);
    mirror.isOpen = true;
    return mirror;
  }

  /** Ends a mirror: first nobody uses its entries any more, then the subscription closes. */
  *unregister(mirror: Mirror): Task<void> {
    yield;
    if (!mirror.isOpen) return;
    mirror.isOpen = false;
    mirror.shadow.clear(mirror.from, mirror.to);
    const closed = mirror.subscription?.close();
    if (isPromise(closed)) yield* waitFor(closed, `the end of ${mirror.toString()}`);
    this.mirrors.delete(mirror);
    mirror.space.mirrors.remove(mirror);
  }

  /**
   * Reads or writes one byte through a mirror.
   *
   * @param contents what is written; default a number that nobody wrote before
   */
  *access(mirror: Mirror, address: number, write: boolean, contents?: number): Task<AccessOutcome> {
    const { statistics } = this.machine;
    yield;
    statistics.accesses++;
    if (this.#use(mirror, pageOf(address), write, contents)) return 'hit';
    statistics.faults++;
    if (address < mirror.start || address >= mirror.end) {
      statistics.efault++;
      return 'efault';
    }
    const outcome = yield* this.#fault(mirror, pageOf(address), write, contents);
    if (outcome === 'gave-up') statistics.gaveUp++;
    else if (outcome === 'efault' || outcome === 'eperm' || outcome === 'closed') {
      statistics[outcome]++;
    }
    return outcome;
  }

  /** What a device reads at an address that it has an entry for: the contents of the page. */
  contentsAt(mirror: Mirror, address: number): number | undefined {
    const entry = mirror.entryAt(address);
    return entry === undefined ? undefined : this.machine.frames.contents(entry.frame);
  }

  /** A sleep in a callback, in simulated time. */
  sleep(): Promise<void> {
    return this.machine.scheduler.sleep(this.#waitSteps, `a callback of ${this.name}`);
  }

  *#fault(
    mirror: Mirror,
    page: number,
    write: boolean,
    contents: number | undefined,
  ): Task<AccessOutcome> {
    const held = this.ownLock.downRead();
    if (isPromise(held)) yield* waitFor(held, `the own lock of ${this.name}`);
    const { retries } = this.machine.statistics;
    try {
      for (let run = 1; run <= this.#attemptsMax; run++) {
        const outcome = yield* this.#attempt(mirror, page, write, contents);
        if (outcome === 'torn-down') continue;
        if (outcome !== 'collided') return outcome;
        retries.longestRun = Math.max(retries.longestRun, run);
      }
      return 'gave-up';
    } catch (error) {
      const code = codeOf(error);
      if (code === 'MMN_CLOSED' || code === 'MMN_RELEASED') return 'closed';
      throw error;
    } finally {
      this.ownLock.upRead();
    }
  }

  *#attempt(
    mirror: Mirror,
    page: number,
    write: boolean,
    contents: number | undefined,
  ): Task<AccessOutcome | 'collided' | 'torn-down'> {
    const { machine } = this;
    const { scheduler } = machine;
    const { space, subscription } = mirror;
    yield;
    if (!mirror.isOpen || subscription === undefined) return 'closed';
    const begun = subscription.readBegin();
    const seq = isPromise(begun)
      ? yield* waitFor(begun, `readBegin of ${mirror.toString()}`)
      : begun;
    const beganStep = scheduler.steps;
    const read = space.beginRead(page);
    try {
      yield* space.lockForRead();
      let version: number;
      let frame: number;
      let flags: number;
      try {
        const outcome = this.passive
          ? lookUp(space, page, write, this.owner)
          : yield* faultIn(space, page, write, this.owner);
        if (outcome !== 'ok') return outcome;
        const leaf = space.pageTable.leafFor(page);
        const index = indexInLeaf(page);
        version = leaf.versions[index]!;
        frame = leaf.frames[index]!;
        // What MADV_FREE left may be dropped: a write has to fault and say so.
        const isWritable =
          (leaf.flags[index]! & (pteFlags.writable | pteFlags.lazyFree)) === pteFlags.writable;
        flags = isWritable ? entryFlags.writable : 0;
      } finally {
        space.mmapLock.upRead();
      }
      const readStep = scheduler.steps;
      yield;
      if (!subscription.checkRetry(seq)) {
        const install = (): void => {
          if (!mirror.isOpen) return;
          const publishedStep = scheduler.steps;
          mirror.shadow.set(page, version, frame, flags, beganStep, readStep, publishedStep);
          machine.oracle.installed(space, mirror, page);
          machine.statistics.published++;
        };
        const published = subscription.publish(seq, install);
        const isPublished = isPromise(published)
          ? yield* waitFor(published, `publish of ${mirror.toString()}`)
          : published;
        if (isPublished) {
          // Published, and torn down before the device came to use it, if `publish` had to wait.
          return this.#use(mirror, page, write, contents) ? 'faulted' : 'torn-down';
        }
      }
      machine.statistics.retries[read.collided ? 'true' : 'false']++;
      return 'collided';
    } finally {
      space.endRead(read);
    }
  }

  /** Uses the shadow entry of a page, if it serves. */
  #use(mirror: Mirror, page: number, write: boolean, contents: number | undefined): boolean {
    const values = mirror.shadow.valuesAt(page);
    const at = entryOffset(page);
    if (values === undefined || values[at] === 0) return false;
    const flags = values[at + entryAt.flags]!;
    if (write && (flags & entryFlags.writable) === 0) return false;
    const { machine } = this;
    if ((flags & entryFlags.stale) !== 0) machine.oracle.staleRead();
    if (write) machine.frames.write(values[at + entryAt.frame]!, machine.contentsOr(contents));
    return true;
  }
}
