/**
 * The critical sections of the legacy notifier: synchronous, short, none of them waits.
 *
 * The list. 1. It changes under the lock; walkers read it without, in an SRCU read section. An unlinked node keeps
 * its `next`, so whoever stands on it finds the way on.
 * 2. A node joins while no section is open, so no subscriber sees an end without its start. The lock of `open`
 * makes "none is open" and "it is listed" one step; a carrier that counts the sections has a lock of its own for it.
 *
 *     raiser                               registration
 *     ------------------------------------ ------------------------------------
 *     openSection: lock; open++; unlock
 *                                          runIfIdle: lock; open !== 0, so unlock, wait
 *     walks the list
 *     closeSection: lock; open--; unlock
 *                                          runIfIdle: lock; open === 0, join; unlock
 *     Required: the node joins before the section opens or after it closed.                (L-4)
 *
 * The subscription's count and seq, as in KVM. 3. A start raises `count` under the driver's lock. An end turns
 * `seq` first and lowers `count` after, without the lock, since an end never waits:
 *
 *     end                                  reader, with the driver's lock
 *     ------------------------------------ ------------------------------------
 *     seq++
 *                                          count? -> still raised: starts again
 *     count--
 *                                          count? -> 0; then seq? -> differs: starts again
 *     Required: no reader that began before sees 0 and its own seq. `seq++` pairs with the load in
 *     `collided`, which comes after that of `count`.                                       [R2] (KVM-1)
 *
 * 4. seq has 53 bits in two words; an end adds to the low one and, if that wrapped, to the high one. Whoever reads
 * both reads high first, so a torn read gives an old high with a new low: a number from the past, never one that
 * is still to come. `collided` compares while count is 0 and the driver's lock holds starts off: every end has
 * then done both additions, so what it compares with is no torn number, and the torn one of a reader differs
 * from it: that reader starts again, needlessly, once in 2^32 ends.                       [Q1] [Q2]
 *
 * Lock order: Mm.openLock or the carrier's, then Mm.lock; nobody calls back with one of them held.
 *
 * Source: Linux mm/mmu_notifier.c and virt/kvm/kvm_main.c, v5.3, the algorithms.
 */
import { invariant, NotifierError, type Seq } from '@mmu-notifier/core';
import { SpinLock, WaitQueue, wake, type Region } from '@mmu-notifier/sync';
import { byteLength, Mm, mmAt, Node, nodeAt, Setting, State } from './layout.ts';

const lowRange = 2 ** 32;
/** Most references that get gives out. Linux: UINT_MAX. */
const usersMax = 2 ** 31 - 1;

/** What is written into a node when it is taken. */
export interface NodeContents {
  readonly ops: number;
  readonly cookie: number;
  readonly users: number;
  readonly isSubscription: boolean;
  readonly hasEnd: boolean;
}

/** The state of one notifier, seen from one agent. */
export class Transitions {
  readonly region: Region;
  /** Registrations wait here for a moment without an open section. */
  readonly idleQueue: WaitQueue;
  /** A carrier counts the sections. */
  readonly isCarried: boolean;
  /** Sections that this agent has open. */
  openHere = 0;
  readonly #openLock: SpinLock;
  readonly #lock: SpinLock;
  readonly #isGrowable: boolean;

  constructor(region: Region, isGrowable: boolean) {
    this.region = region;
    this.#isGrowable = isGrowable;
    this.isCarried = (region.words[mmAt + Mm.settings]! & Setting.carried) !== 0;
    this.#openLock = new SpinLock(region, mmAt + Mm.openLock, 'hlist sections');
    this.#lock = new SpinLock(region, mmAt + Mm.lock, 'hlist mm');
    this.idleQueue = new WaitQueue(region, mmAt + Mm.idleQueue * 2);
  }

  /** The first node of the list, or 0. Pairs with the store in `#link`. */
  get first(): number {
    return this.region.load(mmAt + Mm.first);
  }

  /** Whether any listed node has something to do at a section's end. */
  get hasEnds(): boolean {
    return this.region.load(mmAt + Mm.ends) !== 0;
  }

  get isReleased(): boolean {
    return this.region.load(mmAt + Mm.released) !== 0;
  }

  /** The node after this one, which may have been unlinked meanwhile, or 0. */
  next(node: number): number {
    return this.region.load(nodeAt(node) + Node.next);
  }

  openSection(): void {
    this.openHere++;
    if (this.isCarried) return;
    this.#openLock.lock();
    const { words } = this.region;
    words[mmAt + Mm.open] = words[mmAt + Mm.open]! + 1;
    this.#openLock.unlock();
  }

  closeSection(): void {
    this.openHere--;
    if (this.isCarried) return;
    this.#openLock.lock();
    const { words } = this.region;
    const open = words[mmAt + Mm.open]! - 1;
    words[mmAt + Mm.open] = open;
    this.#openLock.unlock();
    if (open === 0) this.idleQueue.wakeAll();
  }

  /** Runs something if no section is open, and lets none open meanwhile; returns whether it ran. */
  runIfIdle(act: () => void): boolean {
    this.#openLock.lock();
    try {
      if (this.region.words[mmAt + Mm.open] !== 0) return false;
      act();
      return true;
    } finally {
      this.#openLock.unlock();
    }
  }

  /** Takes a node. @throws NotifierError `MMN_OUT_OF_CAPACITY` */
  allocate(contents: NodeContents): number {
    return this.#locked(() => {
      let node = this.region.words[mmAt + Mm.free]!;
      if (node !== 0) {
        this.region.words[mmAt + Mm.free] = this.region.words[nodeAt(node) + Node.next]!;
      } else {
        node = this.region.words[mmAt + Mm.bump]! + 1;
        if (node > this.region.capacity) this.#grow();
        this.region.words[mmAt + Mm.bump] = node;
      }
      const { words } = this.region;
      const at = nodeAt(node);
      words[at + Node.state] =
        State.used |
        (contents.isSubscription ? State.isSubscription : 0) |
        (contents.hasEnd ? State.hasEnd : 0);
      words[at + Node.birth] = (words[at + Node.birth]! + 1) | 0;
      words[at + Node.ops] = contents.ops;
      words[at + Node.cookie] = contents.cookie;
      words[at + Node.users] = contents.users;
      // Readers of the former life may still look: nothing else that is theirs starts from scratch.
      this.region.store(at + Node.count, 0);
      return node;
    });
  }

  /** Gives a node back: one that was never listed, or after a grace period. */
  free(node: number): void {
    this.#locked(() => {
      const { words } = this.region;
      words[nodeAt(node) + Node.state] = 0;
      this.region.store(nodeAt(node) + Node.next, words[mmAt + Mm.free]!);
      words[mmAt + Mm.free] = node;
    });
  }

  /**
   * Links a node, or takes a reference to the one that `isSame` finds; returns which. While no section is open.
   *
   * @throws NotifierError `MMN_RELEASED`, `MMN_OUT_OF_CAPACITY`
   */
  join(node: number, isSame?: (other: number) => boolean): number {
    return this.#locked(() => {
      if (this.isReleased) refuseReleased();
      const other = isSame === undefined ? 0 : this.#get(isSame);
      if (other === 0) this.#link(node);
      return other === 0 ? node : other;
    });
  }

  /** Takes a reference to a listed node made by get; 0 if there is none. @throws NotifierError `MMN_OUT_OF_CAPACITY` */
  get(isSame: (other: number) => boolean): number {
    return this.#locked(() => this.#get(isSame));
  }

  /** Drops a reference; returns whether it was the last: then the node is no longer listed. */
  put(node: number): boolean {
    return this.#locked(() => {
      const { words } = this.region;
      const users = words[nodeAt(node) + Node.users]! - 1;
      words[nodeAt(node) + Node.users] = users;
      if (users !== 0) return false;
      this.#unlink(node);
      return true;
    });
  }

  isListed(node: number): boolean {
    return this.#locked(() => (this.region.words[nodeAt(node) + Node.state]! & State.listed) !== 0);
  }

  /** Unlinks a node, if it still is listed. */
  unlink(node: number): void {
    this.#locked(() => this.#unlink(node));
  }

  unlinkAll(): void {
    this.#locked(() => {
      for (let node = this.first; node !== 0; node = this.first) this.#unlink(node);
    });
  }

  /** From now on nobody joins, reads or publishes. @throws NotifierError `MMN_RELEASED` for the second time */
  markReleased(): void {
    this.#locked(() => {
      if (this.isReleased) refuseReleased();
      this.region.store(mmAt + Mm.released, 1);
    });
  }

  /** A section begins for a subscription. Under the driver's lock. */
  raise(node: number): void {
    this.region.add(nodeAt(node) + Node.count, 1);
  }

  /** It ends: seq before count. Without a lock. */
  lower(node: number): void {
    const { region } = this;
    const at = nodeAt(node);
    if (region.add(at + Node.seqLow, 1) === -1) region.add(at + Node.seqHigh, 1);
    this.cancel(node);
  }

  /** It did not begin after all: nothing changes but the count. Under the driver's lock, or as part of `lower`. */
  cancel(node: number): void {
    const count = this.region.add(nodeAt(node) + Node.count, -1);
    invariant(count > 0, `node ${node}: a section ends that it was not told of (L-4)`);
    if (count === 1) this.wakeReaders(node);
  }

  /** Wakes those who wait for a closing. Pairs with `readers`++ in `waitForClosing`, as in a wait queue. */
  wakeReaders(node: number): void {
    const { region } = this;
    const at = nodeAt(node);
    if (region.load(at + Node.readers) === 0) return;
    region.add(at + Node.turn, 1);
    wake(region, at + Node.turn);
  }

  /** Whether a section is open for the subscription. */
  isRaised(node: number): boolean {
    return this.region.load(nodeAt(node) + Node.count) !== 0;
  }

  /** A subscription's seq, high before low. A small number, which costs no allocation, while the high word is 0. */
  seqOf(node: number): Seq {
    const high = this.region.load(nodeAt(node) + Node.seqHigh);
    const low = this.region.load(nodeAt(node) + Node.seqLow);
    return (high === 0 && low >= 0 ? low : high * lowRange + (low >>> 0)) as Seq;
  }

  /** Whether a read that began with `seq` collided. Under the driver's lock: count before seq. */
  collided(node: number, seq: Seq): boolean {
    return this.isRaised(node) || this.seqOf(node) !== seq;
  }

  #get(isSame: (other: number) => boolean): number {
    for (let node = this.first; node !== 0; node = this.next(node)) {
      const at = nodeAt(node) + Node.users;
      const users = this.region.words[at]!;
      if (users === 0 || !isSame(node)) continue;
      if (users === usersMax) {
        throw new NotifierError(
          'MMN_OUT_OF_CAPACITY',
          `expected at most ${usersMax} references, got one more`,
        );
      }
      this.region.words[at] = users + 1;
      return node;
    }
    return 0;
  }

  #link(node: number): void {
    const { region } = this;
    const { words } = region;
    const at = nodeAt(node);
    const first = words[mmAt + Mm.first]!;
    region.store(at + Node.next, first);
    words[at + Node.previous] = 0;
    if (first !== 0) words[nodeAt(first) + Node.previous] = node;
    // Walkers that meet the node look at its kind, without the lock. Pairs with `entryOf`.
    region.store(at + Node.state, words[at + Node.state]! | State.listed);
    if ((words[at + Node.state]! & State.hasEnd) !== 0) region.add(mmAt + Mm.ends, 1);
    region.store(mmAt + Mm.first, node);
  }

  #unlink(node: number): void {
    const { region } = this;
    const { words } = region;
    const at = nodeAt(node);
    if ((words[at + Node.state]! & State.listed) === 0) return;
    const next = words[at + Node.next]!;
    const previous = words[at + Node.previous]!;
    region.store(previous === 0 ? mmAt + Mm.first : nodeAt(previous) + Node.next, next);
    if (next !== 0) words[nodeAt(next) + Node.previous] = previous;
    region.store(at + Node.state, words[at + Node.state]! & ~State.listed);
    if ((words[at + Node.state]! & State.hasEnd) !== 0) region.add(mmAt + Mm.ends, -1);
  }

  #grow(): void {
    const { region } = this;
    if (!this.#isGrowable) {
      throw new NotifierError(
        'MMN_OUT_OF_CAPACITY',
        `expected at most ${region.capacity} subscribers in this memory, got one more: create it with a larger capacity`,
      );
    }
    region.grow(region.capacity * 2, byteLength(region.capacity * 2));
  }

  #locked<T>(critical: () => T): T {
    this.#lock.lock();
    try {
      return critical();
    } finally {
      this.#lock.unlock();
    }
  }
}

function refuseReleased(): never {
  throw new NotifierError('MMN_RELEASED', 'expected an address space in use, got a released one');
}
