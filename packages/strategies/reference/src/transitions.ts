/**
 * The critical sections of the reference notifier: one lock, linear scans, none of them waits.
 *
 * 1. A read of a subscription may be published if no section called the subscription since it began (`seq`) and
 *    none that overlaps it is open now. Both are looked up, nothing is inferred.
 * 2. A section calls the subscriptions that were there when it started. `callers` counts them in before the first
 *    is called and out when none will be, so a closer that waits until it is 0 returns after the last callback.
 * 3. A section that its subscriber's owner raised does not concern that subscriber at all.
 * 4. `seq` of a record never goes back, also when the record is used again.
 *
 * Ours. It is the oracle of the other strategies, so it has no cleverness that could be wrong.
 */
import { NotifierError, type Seq, type Span } from '@mmu-notifier/core';
import { SpinLock, WaitQueue, type Region } from '@mmu-notifier/sync';
import { byteLength, Mm, mmAt, Open, sectionsMax, slotAt, State, Sub, subAt } from './layout.ts';
import { verifyWords } from './verify.ts';

/** No subscription. */
export const none = -1;

/** What a new subscription's record holds. */
export interface NewSubscription extends Span {
  readonly ops: number;
  readonly cookie: number;
  readonly owner: number;
}

/** The state of one notifier, seen from one agent. */
export class Transitions {
  readonly region: Region;
  readonly queue: WaitQueue;
  readonly #lock: SpinLock;
  readonly #growable: boolean;

  constructor(region: Region, growable: boolean) {
    this.region = region;
    this.#growable = growable;
    this.queue = new WaitQueue(region, mmAt + Mm.queue * 2);
    this.#lock = new SpinLock(region, mmAt + Mm.lock, 'reference');
  }

  /**
   * Opens a section; returns its slot. One that releases does that in the same step: whoever subscribed before is
   * called, and nobody subscribes after.
   *
   * @throws NotifierError `MMN_OUT_OF_CAPACITY`; `MMN_RELEASED` if it releases
   */
  start({ start, end }: Span, owner: number, releases = false): number {
    return this.#locked(() => {
      if (releases) this.#refuseReleased();
      const slot = this.#takeSlot();
      const { words, wide } = this.region;
      if (releases) words[mmAt + Mm.released] = 1;
      const number = this.#sections + 1;
      wide[(mmAt >> 1) + Mm.sections] = number;
      const open = slotAt(slot);
      words[open + Open.isOpen] = 1;
      words[open + Open.owner] = owner;
      wide[(open >> 1) + Open.start] = start;
      wide[(open >> 1) + Open.end] = end;
      wide[(open >> 1) + Open.number] = number;
      this.#addCaller(slot, 1);
      return slot;
    });
  }

  /** The next subscription after `id` that the section of this slot calls. */
  next(id: number, slot: number): number {
    return this.#locked(() => this.#next(id, slot));
  }

  /** This subscription is called now: what was read before has collided. The driver's lock is held. */
  hit(id: number): void {
    this.#locked(() => this.#addSeq(id));
  }

  /** The section of this slot will not call any more. */
  called(slot: number): void {
    this.#locked(() => this.#addCaller(slot, -1));
    this.queue.wakeAll();
  }

  /** Ends a section. */
  end(slot: number): void {
    this.#locked(() => (this.region.words[slotAt(slot) + Open.isOpen] = 0));
    this.queue.wakeAll();
  }

  /** Something of this subscription sleeps, and closing must wait for it. */
  hold(id: number): void {
    this.#locked(() => this.region.words[subAt(id) + Sub.callers]!++);
  }

  /** It is over. Pairs with {@link hold}. */
  drop(id: number): void {
    this.#locked(() => this.region.words[subAt(id) + Sub.callers]!--);
    this.queue.wakeAll();
  }

  /** @throws NotifierError `MMN_RELEASED`, `MMN_OUT_OF_CAPACITY` */
  subscribe({ start, end, ops, cookie, owner }: NewSubscription): number {
    return this.#locked(() => {
      this.#refuseReleased();
      const id = this.#takeRecord();
      const { words, wide } = this.region;
      const sub = subAt(id);
      words[sub + Sub.state] = State.open;
      words[sub + Sub.ops] = ops;
      words[sub + Sub.cookie] = cookie;
      words[sub + Sub.owner] = owner;
      wide[(sub >> 1) + Sub.born] = this.#sections;
      wide[(sub >> 1) + Sub.closed] = Infinity;
      wide[(sub >> 1) + Sub.start] = start;
      wide[(sub >> 1) + Sub.end] = end;
      return id;
    });
  }

  /** Makes a subscription invisible to sections that start from now on. */
  beginClose(id: number): void {
    this.#locked(() => {
      this.region.words[subAt(id) + Sub.state] = State.closing;
      this.region.wide[(subAt(id) >> 1) + Sub.closed] = this.#sections;
      this.#addSeq(id);
    });
  }

  /** Frees a closing subscription, unless it may still be called: then `false`. */
  endClose(id: number): boolean {
    return this.#locked(() => {
      const { words } = this.region;
      if (words[subAt(id) + Sub.callers] !== 0) return false;
      words[subAt(id) + Sub.state] = State.free;
      return true;
    });
  }

  /** The subscription's seq, or -1 while an open section overlaps it. @throws NotifierError `MMN_RELEASED` */
  read(id: number): number {
    return this.#locked(() => {
      this.#refuseReleased();
      return this.#isHit(id, Infinity) ? -1 : this.#seqOf(id);
    });
  }

  /** The subscription's seq, whatever is open. */
  seqOf(id: number): number {
    return this.#locked(() => this.#seqOf(id));
  }

  /** The subscription's seq, and how many sections had started: one state of both. */
  observe(id: number): { readonly seq: Seq; readonly sections: number } {
    return this.#locked(() => ({ seq: this.#seqOf(id) as Seq, sections: this.#sections }));
  }

  /** Whether one of the first `sections` sections is open and overlaps the subscription. */
  isHit(id: number, sections: number): boolean {
    return this.#locked(() => this.#isHit(id, sections));
  }

  /** See Notifier.verify. */
  verify(): void {
    this.#locked(() => verifyWords(this.region));
  }

  /** Runs a critical section, which must not wait and must not call back. */
  #locked<T>(body: () => T): T {
    this.#lock.lock();
    try {
      return body();
    } finally {
      this.#lock.unlock();
    }
  }

  get #sections(): number {
    return this.region.wide[(mmAt >> 1) + Mm.sections]!;
  }

  #seqOf(id: number): number {
    return this.region.wide[(subAt(id) >> 1) + Sub.seq]!;
  }

  #addSeq(id: number): void {
    this.region.wide[(subAt(id) >> 1) + Sub.seq]!++;
  }

  #addCaller(slot: number, count: number): void {
    for (let id = this.#next(none, slot); id !== none; id = this.#next(id, slot)) {
      this.region.words[subAt(id) + Sub.callers]! += count;
    }
  }

  #next(after: number, slot: number): number {
    const { words, wide } = this.region;
    const number = wide[(slotAt(slot) >> 1) + Open.number]!;
    for (let id = after + 1; id < words[mmAt + Mm.subBound]!; id++) {
      if (words[subAt(id) + Sub.state] === State.free) continue;
      const sub = subAt(id) >> 1;
      if (wide[sub + Sub.born]! >= number || wide[sub + Sub.closed]! < number) continue;
      if (this.#concerns(slot, id)) return id;
    }
    return none;
  }

  #isHit(id: number, sections: number): boolean {
    const { words, wide } = this.region;
    for (let slot = 0; slot < words[mmAt + Mm.openBound]!; slot++) {
      const open = slotAt(slot);
      if (words[open + Open.isOpen] === 0 || wide[(open >> 1) + Open.number]! > sections) continue;
      if (this.#concerns(slot, id)) return true;
    }
    return false;
  }

  /** Whether the section overlaps the subscription, and is not its owner's. */
  #concerns(slot: number, id: number): boolean {
    const { words, wide } = this.region;
    const [open, sub] = [slotAt(slot), subAt(id)];
    const owner = words[open + Open.owner];
    if (owner !== 0 && owner === words[sub + Sub.owner]) return false;
    return (
      wide[(sub >> 1) + Sub.start]! < wide[(open >> 1) + Open.end]! &&
      wide[(open >> 1) + Open.start]! < wide[(sub >> 1) + Sub.end]!
    );
  }

  #refuseReleased(): void {
    if (this.region.words[mmAt + Mm.released] === 0) return;
    throw new NotifierError('MMN_RELEASED', 'expected an address space in use, got a released one');
  }

  #takeSlot(): number {
    const { words } = this.region;
    const bound = words[mmAt + Mm.openBound]!;
    for (let slot = 0; slot < bound; slot++) {
      if (words[slotAt(slot) + Open.isOpen] === 0) return slot;
    }
    if (bound === sectionsMax) {
      throw new NotifierError(
        'MMN_OUT_OF_CAPACITY',
        `expected at most ${sectionsMax} open sections in an address space, got one more`,
      );
    }
    words[mmAt + Mm.openBound] = bound + 1;
    return bound;
  }

  #takeRecord(): number {
    const { words, capacity } = this.region;
    const bound = words[mmAt + Mm.subBound]!;
    for (let id = 0; id < bound; id++) if (words[subAt(id) + Sub.state] === State.free) return id;
    if (bound === capacity) {
      if (!this.#growable) {
        throw new NotifierError(
          'MMN_OUT_OF_CAPACITY',
          `expected at most ${capacity} subscriptions in this memory, got one more: create it with a larger capacity`,
        );
      }
      this.region.grow(capacity * 2, byteLength(capacity * 2));
    }
    this.region.words[mmAt + Mm.subBound] = bound + 1;
    return bound;
  }
}
