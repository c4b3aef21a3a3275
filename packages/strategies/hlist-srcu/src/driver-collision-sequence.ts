/**
 * A collision-retry sequence beside a driver's own container: what the interval notifier does, which took the place of
 * most drivers' schemes. For variants that repair a driver and leave it what it is.
 *
 * 1. `seq` is odd while sections are open: it turns when the first one begins, and when the last one ends.
 * 2. A section marks what it hits with the odd number, before it tears anything down. A registration that is made while
 *    sections are open is marked at once, since one of them may have looked for it in vain.
 * 3. A fault takes its registration's mark. If that is the number of now, a section that hit it is open, and it waits;
 *    it may publish if the mark is the same afterwards, under the driver's lock.
 *
 *        section                              fault
 *        ------------------------------------ ------------------------------------
 *                                             begin: takes the mark
 *                                             reads the page
 *        start: marks, tears down
 *        the page changes
 *        end
 *                                             under the lock: another mark? -> tries again
 *        Required: it does not publish, whether the section began before or after it.            [R2]
 *
 * Source: Linux mm/mmu_notifier.c, v5.5 (99cb252f5e68); the marks have the place of its tree's `invalidate_seq`.
 */
import { isPromise, type MaybePromise, type Seq } from '@mmu-notifier/core';
import { WaitQueue, waitQueueWords, type Region } from '@mmu-notifier/sync';
import { runIn } from './driver-locks.ts';
import type { CallContext } from './ops.ts';

/** A registration with a mark. */
export interface Collidable {
  /** The number of the last section that hit it, or an older one. */
  mark: number;
}

/** See the file's head. One for each driver in an address space. */
export class CollisionSequence {
  /** Words that it takes. */
  static readonly words: number = waitQueueWords;
  readonly #turned: WaitQueue;
  #seq = 2;
  #open = 0;
  #isAbandoned = false;

  /** @param index the first of its words in the region; zero when first used */
  constructor(region: Region, index: number) {
    this.#turned = new WaitQueue(region, index);
  }

  /** Sections that are open. */
  get open(): number {
    return this.#open;
  }

  /** A section begins: before it looks for what it hits. */
  enter(): void {
    if (this.#open === 0) this.#seq++;
    this.#open++;
  }

  /** It ends, or did not come about. */
  leave(): void {
    this.#open--;
    if (this.#open > 0) return;
    this.#seq++;
    this.#turned.wakeAll();
  }

  /** The address space is gone: of the sections that are open nobody tells the end any more. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#turned.wakeAll();
  }

  /** An open section hits it. */
  hit(registration: Collidable): void {
    registration.mark = this.#seq;
  }

  /** The mark of a registration that is made now. */
  get markOfNew(): number {
    return this.#open > 0 ? this.#seq : this.#seq - 1;
  }

  /** A fault begins. Waits, once, until the section is over that hit it. Linux: mmu_interval_read_begin. */
  begin({ mark }: Collidable, context: CallContext): MaybePromise<Seq> {
    if (mark !== this.#seq) return mark as Seq;
    const waited = runIn(
      this.#turned.wait(() => this.#seq !== mark || this.#isAbandoned),
      context,
    );
    return isPromise(waited) ? waited.then(() => mark as Seq) : (mark as Seq);
  }

  /** Whether a section hit it since. With the driver's lock held that is the answer; without, `true` is certain. */
  collided({ mark }: Collidable, seq: Seq): boolean {
    return mark !== seq;
  }
}
