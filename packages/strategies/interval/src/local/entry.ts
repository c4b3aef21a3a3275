/**
 * A subscription of one event loop, as its notifier knows it.
 *
 * 1. `sections` counts the open sections that hit it: its readers wait for them, and for no others. A closer waits for those of them
 *    whose start has not called everybody yet.
 * 2. `seq` is one more with each hit, written under the driver's lock; negative once the address space is gone.
 */
import type { DriverLock } from '@mmu-notifier/core';
import { Binding, type IntervalOps } from '../binding.ts';
import type { Leaf } from './entries.ts';

/** `seq` after release. */
const released = -1;

/** See the file's head. */
export class Entry extends Binding {
  start = 0;
  last = 0;
  /** Where it is, while it is in the tree. */
  leaf: Leaf | undefined = undefined;
  readonly cookie: number;
  seq = 1;
  sections = 0;

  constructor(ops: IntervalOps, cookie: number, defaultLock: DriverLock) {
    super(ops, -1, defaultLock);
    this.cookie = cookie;
  }

  get isReleased(): boolean {
    return this.seq < 0;
  }

  /** Notes a hit. Under the driver's lock. */
  setSeq(): void {
    if (this.seq >= 0) this.seq++;
  }

  /** Notes that the address space is gone. Everybody has been told who could be. */
  setReleased(): void {
    this.seq = released;
  }
}
