/**
 * A spin lock in one word: 0 when free, else the number of the agent that holds it.
 *
 * 1. Whoever holds it neither waits nor calls a callback that may. So in one event loop nobody ever finds it
 *    held, but for a mistake: that is an error there, since it would spin for ever.
 * 2. Lock and unlock are one Atomics call each in shared memory, plain accesses in one event loop. Spinning tries
 *    at once and again, without a load in between: a call is what costs here, not the bus (measured).
 */
import { NotifierError, type DriverLock } from '@mmu-notifier/core';
import { lockdep } from './lockdep.ts';
import type { Region } from './memory.ts';

/** Words that a spin lock takes. */
export const spinLockWords = 1;

/** See the file's head. Serves as a {@link DriverLock} that never returns a promise. */
export class SpinLock implements DriverLock {
  readonly region: Region;
  readonly index: number;
  readonly name: string;

  /** @param index the word in the region; zero when first used */
  constructor(region: Region, index: number, name = 'spin lock') {
    this.region = region;
    this.index = index;
    this.name = name;
  }

  /** @throws NotifierError `MMN_LOCK` in one event loop when it is held */
  lock(): void {
    if (lockdep !== undefined) lockdep.check(this, 'exclusive');
    const { region, index } = this;
    if (region.shared) {
      while (Atomics.compareExchange(region.words, index, 0, region.agent) !== 0) cpuRelax();
    } else {
      if (region.words[index] !== 0) {
        this.#refuse('free', 'held: in one event loop it would spin for ever');
      }
      region.words[index] = region.agent;
    }
    if (lockdep !== undefined) lockdep.hold(this, 'exclusive', true);
  }

  lockSync(): void {
    this.lock();
  }

  /** Never spins. */
  tryLock(): boolean {
    const { region, index } = this;
    if (!region.compareExchange(index, 0, region.agent)) return false;
    if (lockdep !== undefined) lockdep.hold(this, 'exclusive', true);
    return true;
  }

  /** @throws NotifierError `MMN_LOCK` in one event loop when it is free */
  unlock(): void {
    if (lockdep !== undefined) lockdep.release(this);
    const { region, index } = this;
    if (region.shared) {
      Atomics.store(region.words, index, 0);
    } else {
      if (region.words[index] === 0) this.#refuse('held', 'free');
      region.words[index] = 0;
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
