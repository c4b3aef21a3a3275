/**
 * A virtqueue: struct vhost_virtqueue, as far as its metadata areas go.
 *
 * 1. Its areas (descriptors, available ring, used ring) share one `mmuLock` and one `invalidateCount`: a section that
 *    hits one of them keeps all three from being mapped.
 * 2. `invalidateCount` is what vhost keeps: raised by a start, lowered by an end, for each area that it hits; while it
 *    is not 0, nothing is mapped. `openCount` is ours: how many of those sections are still going to end. The two differ
 *    only after an end was missed (VH-3).
 *
 * mmu_lock is a spin lock in the kernel, under which nobody waits. Subscribers here may, so it is a mutex.
 */
import { invariant } from '@mmu-notifier/core';
import { Completion, type LockMemory } from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import type { Area } from './area.ts';

/** Words of a virtqueue: its mutex and its completion. */
export const virtqueueWords: number = mutexWords + Completion.words + 1;

/** VHOST_NUM_ADDRS. */
export const areasMax = 3;

/** See the file's head. */
export class Virtqueue {
  readonly mmuLock: Mutex;
  readonly areas: (Area | undefined)[] = Array.from({ length: areasMax }, () => undefined);
  /** invalidate_count. */
  invalidateCount = 0;
  /** Done while `openCount` is 0. */
  readonly idle: Completion;
  #openCount = 0;

  constructor({ region }: LockMemory, record: number) {
    this.mmuLock = new Mutex(region, record, 'mmu_lock');
    this.idle = new Completion(region, record + mutexWords, true);
  }

  get hasRoom(): boolean {
    return this.areas.includes(undefined);
  }

  /** Gives an area a place. */
  place(area: Area): number {
    const index = this.areas.indexOf(undefined);
    this.areas[index] = area;
    return index;
  }

  /** A section that hits an area begins. */
  raise(): void {
    if (this.#openCount === 0) this.idle.reinit();
    this.#openCount++;
    this.invalidateCount++;
  }

  /** And ends. */
  lower(): void {
    this.invalidateCount--;
    this.#openCount--;
    if (this.#openCount === 0) this.idle.complete();
  }

  /** Nobody tells the end of the sections that are open any more. */
  forsake(): void {
    this.#openCount = 0;
    this.idle.complete();
  }

  verify(): void {
    invariant(
      this.#openCount >= 0 && this.invalidateCount >= this.#openCount,
      `expected an invalidate_count of at least ${this.#openCount}, got ${this.invalidateCount}`,
    );
    invariant(this.idle.isDone === (this.#openCount === 0), 'faults wait though nothing is open');
    for (const [index, area] of this.areas.entries()) {
      const isHere = area === undefined || (area.virtqueue === this && area.index === index);
      invariant(isHere, `area ${index} thinks that it is elsewhere`);
    }
  }
}
