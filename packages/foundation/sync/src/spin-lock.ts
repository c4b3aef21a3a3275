/**
 * A spin lock in one word: 0 when free, else the number of the agent that holds it.
 *
 * 1. Whoever holds it neither waits nor calls a callback that may. So in one event loop nobody ever finds it
 *    held, but for a mistake: that is an error there, since it would spin for ever.
 * 2. Lock and unlock are one Atomics call each in shared memory, plain accesses in one event loop. Spinning tries
 *    at once and again, without a load in between: a call is what costs here, not the bus (measured).
 * 3. Who has spun for long looks whether the holder died: then the lock is poisoned, and taking it fails (deaths.ts).
 */
import { NotifierError, type DriverLock } from '@mmu-notifier/core';
import { refuseDeadHolder } from './deaths.ts';
import { debugMode } from './lockdep.ts';
import { checkPlace, type Region } from './memory.ts';

// A copy: see `debugMode`.
const debug = debugMode;

/** Turns of spinning after which one looks whether the holder is alive: 0.1 ms or so. */
const spinsBetweenLooks = 4096;

/** Words that a spin lock takes. */
export const spinLockWords = 1;

/** See the file's head. Serves as a {@link DriverLock} that never returns a promise. */
export class SpinLock implements DriverLock {
  declare readonly region: Region;
  declare readonly index: number;
  declare readonly name: string;

  /** @param index the word in the region; zero when first used. @throws NotifierError `MMN_MEMORY` outside of it */
  constructor(region: Region, index: number, name = 'spin lock') {
    checkPlace(region, index, spinLockWords, name);
    this.region = region;
    this.index = index;
    this.name = name;
  }

  /** @throws NotifierError `MMN_LOCK` in one event loop when it is held; `MMN_AGENT_DIED` */
  lock(): void {
    if (debug.lockdep !== undefined) debug.lockdep.check(this, 'exclusive');
    const { region } = this;
    if (!region.shared) this.#lockAlone();
    else if (Atomics.compareExchange(region.words, this.index, 0, region.agent) !== 0) this.#spin();
    if (debug.lockdep !== undefined) debug.lockdep.hold(this, 'exclusive', true);
  }

  /**
   * Whether a part that neither waits nor calls back needs this lock. In one event loop nothing comes between its
   * statements, so there only the debug mode takes it.
   */
  get isNeeded(): boolean {
    return this.region.shared || debug.lockdep !== undefined;
  }

  /** `lock` around such a part, where {@link isNeeded}. Pairs with {@link leave}. */
  enter(): void {
    if (this.isNeeded) this.lock();
  }

  leave(): void {
    if (this.isNeeded) this.unlock();
  }

  lockSync(): void {
    this.lock();
  }

  /** Never spins. */
  tryLock(): boolean {
    const { region, index } = this;
    if (!region.compareExchange(index, 0, region.agent)) return false;
    if (debug.lockdep !== undefined) debug.lockdep.hold(this, 'exclusive', true);
    return true;
  }

  /** @throws NotifierError `MMN_LOCK` in one event loop when it is free */
  unlock(): void {
    if (debug.lockdep !== undefined) debug.lockdep.release(this);
    const { region } = this;
    if (region.shared) Atomics.store(region.words, this.index, 0);
    else this.#unlockAlone();
  }

  /** Apart, since the engine's budget for inlining goes by the length of a function. */
  #lockAlone(): void {
    const { region, index } = this;
    if (region.words[index] !== 0) {
      this.#refuse('free', 'held: in one event loop it would spin for ever');
    }
    region.words[index] = region.agent;
  }

  #unlockAlone(): void {
    const { region, index } = this;
    if (region.words[index] === 0) this.#refuse('held', 'free');
    region.words[index] = 0;
  }

  #spin(): void {
    const { region, index } = this;
    for (let spins = 1; ; spins++) {
      cpuRelax();
      const held = Atomics.compareExchange(region.words, index, 0, region.agent);
      if (held === 0) return;
      if (spins % spinsBetweenLooks === 0) refuseDeadHolder(region, held, `'${this.name}'`);
    }
  }

  #refuse(expected: string, came: string): never {
    throw new NotifierError(
      'MMN_LOCK',
      `expected '${this.name}' to be ${expected}, got it ${came}`,
    );
  }
}

/** Tells the processor that this is a spin loop. Node 20 has no Atomics.pause. */
export function cpuRelax(): void {
  (Atomics as { pause?: () => void }).pause?.();
}
