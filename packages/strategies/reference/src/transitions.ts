/**
 * The critical sections of the reference notifier: one lock, linear scans, none of them waits.
 *
 * 1. A read of a subscription may be published if no section hit the subscription since it began (`seq`) and
 *    none that overlaps it is open now. Both are looked up, nothing is inferred.
 * 2. A section calls the subscriptions that were there when it started: `callers` counts, for each, the
 *    sections that may still call it, and a closer waits until it is 0.
 *
 * Ours. It is the oracle of the other strategies, so it has no cleverness that could be wrong.
 */
import { invariant, NotifierError, type Seq, type Span } from '@mmu-notifier/core';
import { SpinLock, WaitQueue, type Region } from '@mmu-notifier/sync';
import { byteLength, Mm, mmAt, Open, openAt, sectionsMax, State, Sub, subsAt } from './layout.ts';

/** No subscription. */
export const none = -1;

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
   * Opens a section; returns its slot.
   *
   * @throws NotifierError `MMN_OUT_OF_CAPACITY`
   */
  start({ start, end }: Span): number {
    this.#lock.lock();
    const { words, wide } = this.region;
    let slot = 0;
    while (slot < sectionsMax && words[openWord(slot)] !== 0) slot++;
    if (slot === sectionsMax) {
      this.#lock.unlock();
      throw new NotifierError(
        'MMN_OUT_OF_CAPACITY',
        `expected at most ${sectionsMax} open sections in an address space, got one more`,
      );
    }
    if (slot === words[mmAt + Mm.openBound]) words[mmAt + Mm.openBound] = slot + 1;
    const number = this.#sections + 1;
    wide[(mmAt >> 1) + Mm.sections] = number;
    const open = openWord(slot) >> 1;
    words[openWord(slot)] = 1;
    wide[open + Open.start] = start;
    wide[open + Open.end] = end;
    wide[open + Open.number] = number;
    for (let id = this.#nextHit(none, slot); id !== none; id = this.#nextHit(id, slot)) {
      const sub = subAt(id);
      wide[(sub >> 1) + Sub.seq] = wide[(sub >> 1) + Sub.seq]! + 1;
      words[sub + Sub.callers] = words[sub + Sub.callers]! + 1;
    }
    this.#lock.unlock();
    return slot;
  }

  /** The next subscription after `id` that the section of this slot hit when it started. */
  next(id: number, slot: number): number {
    this.#lock.lock();
    const hit = this.#nextHit(id, slot);
    this.#lock.unlock();
    return hit;
  }

  /** The section of this slot will not call any more. */
  called(slot: number): void {
    this.#lock.lock();
    const { words } = this.region;
    for (let id = this.#nextHit(none, slot); id !== none; id = this.#nextHit(id, slot)) {
      words[subAt(id) + Sub.callers] = words[subAt(id) + Sub.callers]! - 1;
    }
    this.#lock.unlock();
    this.queue.wakeAll();
  }

  /** Ends a section. */
  end(slot: number): void {
    this.#lock.lock();
    this.region.words[openWord(slot)] = 0;
    this.#lock.unlock();
    this.queue.wakeAll();
  }

  /** @throws NotifierError `MMN_RELEASED`, `MMN_OUT_OF_CAPACITY` */
  subscribe({ start, end }: Span, ops: number, cookie: number): number {
    this.#lock.lock();
    try {
      this.#refuseReleased();
      const id = this.#take();
      const { words, wide } = this.region;
      const sub = subAt(id);
      words[sub + Sub.ops] = ops;
      words[sub + Sub.cookie] = cookie;
      words[sub + Sub.callers] = 0;
      wide[(sub >> 1) + Sub.seq] = 0;
      wide[(sub >> 1) + Sub.born] = this.#sections;
      wide[(sub >> 1) + Sub.closed] = Infinity;
      wide[(sub >> 1) + Sub.start] = start;
      wide[(sub >> 1) + Sub.end] = end;
      words[sub + Sub.state] = State.open;
      return id;
    } finally {
      this.#lock.unlock();
    }
  }

  /** Makes a subscription invisible to sections that start from now on. */
  beginClose(id: number): void {
    this.#lock.lock();
    this.region.words[subAt(id) + Sub.state] = State.closing;
    this.region.wide[(subAt(id) >> 1) + Sub.closed] = this.#sections;
    this.#lock.unlock();
  }

  /** Frees a closing subscription, unless a section may still call it: then `false`. */
  endClose(id: number): boolean {
    this.#lock.lock();
    const { words } = this.region;
    const isUncalled = words[subAt(id) + Sub.callers] === 0;
    if (isUncalled) words[subAt(id) + Sub.state] = State.free;
    this.#lock.unlock();
    return isUncalled;
  }

  /** The subscription's seq, or -1 while an open section overlaps it. @throws NotifierError `MMN_RELEASED` */
  read(id: number): number {
    this.#lock.lock();
    try {
      this.#refuseReleased();
      return this.#isHitNow(id) ? -1 : this.#seqOf(id);
    } finally {
      this.#lock.unlock();
    }
  }

  /** The subscription's seq, whatever is open. */
  seqOf(id: number): Seq {
    this.#lock.lock();
    const seq = this.#seqOf(id);
    this.#lock.unlock();
    return seq as Seq;
  }

  /** @throws NotifierError `MMN_RELEASED` */
  release(): void {
    this.#lock.lock();
    try {
      this.#refuseReleased();
      this.region.words[mmAt + Mm.released] = 1;
    } finally {
      this.#lock.unlock();
    }
  }

  /** The span of a subscription. */
  spanOf(id: number): Span {
    const sub = subAt(id) >> 1;
    const { wide } = this.region;
    return { start: wide[sub + Sub.start]!, end: wide[sub + Sub.end]! };
  }

  /** See Notifier.verify. */
  verify(): void {
    const { words, wide } = this.region;
    for (let id = 0; id < words[mmAt + Mm.subBound]!; id++) {
      const sub = subAt(id);
      const callers = words[sub + Sub.callers]!;
      invariant(callers >= 0, `subscription ${id}: expected callers of at least 0, got ${callers}`);
      invariant(
        words[sub + Sub.state] === State.free ||
          wide[(sub >> 1) + Sub.start]! < wide[(sub >> 1) + Sub.end]!,
        `subscription ${id}: expected a span that holds an address`,
      );
    }
  }

  get #sections(): number {
    return this.region.wide[(mmAt >> 1) + Mm.sections]!;
  }

  #seqOf(id: number): number {
    return this.region.wide[(subAt(id) >> 1) + Sub.seq]!;
  }

  #nextHit(after: number, slot: number): number {
    const { words, wide } = this.region;
    const open = openWord(slot) >> 1;
    const start = wide[open + Open.start]!;
    const end = wide[open + Open.end]!;
    const number = wide[open + Open.number]!;
    const bound = words[mmAt + Mm.subBound]!;
    for (let id = after + 1; id < bound; id++) {
      if (words[subAt(id) + Sub.state] === State.free) continue;
      const sub = subAt(id) >> 1;
      if (wide[sub + Sub.born]! >= number || wide[sub + Sub.closed]! < number) continue;
      if (wide[sub + Sub.start]! < end && start < wide[sub + Sub.end]!) return id;
    }
    return none;
  }

  #isHitNow(id: number): boolean {
    const { words, wide } = this.region;
    const sub = subAt(id) >> 1;
    for (let slot = 0; slot < words[mmAt + Mm.openBound]!; slot++) {
      const open = openWord(slot) >> 1;
      if (words[openWord(slot)] === 0) continue;
      const startsBefore = wide[open + Open.start]! < wide[sub + Sub.end]!;
      if (startsBefore && wide[sub + Sub.start]! < wide[open + Open.end]!) return true;
    }
    return false;
  }

  #refuseReleased(): void {
    if (this.region.words[mmAt + Mm.released] === 0) return;
    throw new NotifierError('MMN_RELEASED', 'expected an address space in use, got a released one');
  }

  #take(): number {
    const { words } = this.region;
    const bound = words[mmAt + Mm.subBound]!;
    for (let id = 0; id < bound; id++) if (words[subAt(id) + Sub.state] === State.free) return id;
    if (bound === this.region.capacity) {
      const capacity = bound * 2;
      if (this.#growable) this.region.grow(capacity, byteLength(capacity));
      else {
        throw new NotifierError(
          'MMN_OUT_OF_CAPACITY',
          `expected at most ${bound} subscriptions in this memory, got one more: create it with a larger capacity`,
        );
      }
    }
    this.region.words[mmAt + Mm.subBound] = bound + 1;
    return bound;
  }
}

function openWord(slot: number): number {
  return openAt + slot * Open.sizeWords + Open.isOpen;
}

function subAt(id: number): number {
  return subsAt + id * Sub.sizeWords;
}

/** Words of a subscription that callbacks need. */
export function wordsOf(id: number): { ops: number; cookie: number; mutex: number } {
  const at = subAt(id);
  return { ops: at + Sub.ops, cookie: at + Sub.cookie, mutex: at + Sub.mutex };
}
