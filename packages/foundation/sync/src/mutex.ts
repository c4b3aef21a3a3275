/**
 * A sleeping lock in one word: 0 when free, else `agent << 1 | contended`.
 *
 * 1. `contended` is set before anybody waits and stays set while somebody may: an unlock that finds it wakes one.
 * 2. Whoever gets the lock after waiting sets `contended`, since others may wait behind it.
 * 3. Uncontended lock and unlock are one Atomics call each. Not fair: a newcomer may overtake a waiter.
 * 4. A mutex whose holder died is poisoned: it stays locked, and taking it fails (deaths.ts).
 *
 * Source: the three-state futex mutex of Drepper, "Futexes are tricky" (2011), with the holder's number in the word.
 */
import { NotifierError, type DriverLock, type MaybePromise } from '@mmu-notifier/core';
import { hasDeaths, refuseDeadHolder } from './deaths.ts';
import { debugMode, mightSleep } from './lockdep.ts';
import { checkPlace, type Region } from './memory.ts';
import { cpuRelax } from './spin-lock.ts';
import { run, runSync, wake, type Waiting } from './waiting.ts';

// A copy: see `debugMode`.
const debug = debugMode;

/** Words that a mutex takes. */
export const mutexWords = 1;

const contended = 1;
/** Turns of spinning before a thread blocks: a round trip through the kernel costs 5 to 50 µs. */
const spinsMax = 100;

/** See the file's head. */
export class Mutex implements DriverLock {
  declare readonly region: Region;
  declare readonly index: number;
  declare readonly name: string;

  /** @param index the word in the region; zero when first used. @throws NotifierError `MMN_MEMORY` outside of it */
  constructor(region: Region, index: number, name = 'mutex') {
    checkPlace(region, index, mutexWords, name);
    this.region = region;
    this.index = index;
    this.name = name;
  }

  /** Never waits. @throws NotifierError `MMN_AGENT_DIED` when its holder has died */
  tryLock(): boolean {
    if (this.#try()) return true;
    const { region, index } = this;
    if (hasDeaths(region)) refuseDeadHolder(region, region.load(index) >>> 1, `'${this.name}'`);
    return false;
  }

  /**
   * May wait, but not while free. Rejects with the signal's reason; then it does not hold the lock.
   *
   * @throws NotifierError `MMN_AGENT_DIED`
   */
  lock(signal?: AbortSignal): MaybePromise<void> {
    if (debug.lockdep !== undefined) this.#check();
    return this.#try() ? undefined : run(this.#wait(), signal);
  }

  /** The same, blocking the thread. */
  lockSync(): void {
    if (debug.lockdep !== undefined) this.#check();
    if (this.#try()) return;
    if (this.region.shared) {
      for (let spins = 0; spins < spinsMax; spins++) {
        cpuRelax();
        if (this.#try()) return;
      }
    }
    runSync(this.#wait());
  }

  /** @throws NotifierError `MMN_LOCK` when it is free */
  unlock(): void {
    if (debug.lockdep !== undefined) debug.lockdep.release(this);
    const { region, index } = this;
    let held: number;
    if (region.shared) {
      held = region.exchange(index, 0);
    } else {
      held = region.words[index]!;
      region.words[index] = 0;
    }
    if (held === 0) this.#refuseFree();
    if ((held & contended) !== 0) wake(region, index, 1);
  }

  /** Whether anybody holds it: a hint. */
  get isLocked(): boolean {
    return this.region.load(this.index) !== 0;
  }

  #try(): boolean {
    const { region, index } = this;
    if (region.shared) {
      if (!region.compareExchange(index, 0, region.agent << 1)) return false;
    } else {
      if (region.words[index] !== 0) return false;
      region.words[index] = region.agent << 1;
    }
    if (debug.lockdep !== undefined) debug.lockdep.hold(this, 'exclusive', false);
    return true;
  }

  *#wait(): Waiting<void> {
    const { region, index } = this;
    for (;;) {
      const held = region.load(index);
      if (held === 0) {
        if (region.compareExchange(index, 0, (region.agent << 1) | contended)) break;
      } else if (
        (held & contended) !== 0 ||
        region.compareExchange(index, held, held | contended)
      ) {
        yield { region, index, expected: held | contended, holder: held >>> 1 };
      }
    }
    if (debug.lockdep !== undefined) debug.lockdep.hold(this, 'exclusive', false);
  }

  #refuseFree(): never {
    throw new NotifierError('MMN_LOCK', `expected '${this.name}' to be held, got it free`);
  }

  #check(): void {
    mightSleep(this.name);
    debug.lockdep?.check(this, 'exclusive');
  }
}
