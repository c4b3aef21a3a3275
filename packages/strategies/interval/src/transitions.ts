/**
 * The critical sections of the unified notifier: synchronous, short, none of them waits.
 *
 * | state   | active | seq  | the tree          | entered by                                   | left by |
 * |---------|--------|------|-------------------|----------------------------------------------|---------|
 * | idle    | 0      | even | may change        | end                                          | start   |
 * | partial | > 0    | even | may change        | start without a hit                          | start with a hit, insert, end |
 * | full    | > 0    | odd  | must not change   | start with a hit, insert into partial        | the end that makes active 0 |
 *
 * While full, walkers read the tree without the lock; inserts and removes go on the deferred list, which the
 * last end applies. A subscription's own seq is odd, so `sub.seq === mm.seq` only while full: it was hit in
 * this epoch, and its reader waits for the epoch's end.
 *
 *     invalidator                          reader
 *     ------------------------------------ ------------------------------------
 *                                          s = sub.seq; s !== mm.seq, so no wait
 *     start: mm.seq |= 1
 *       driver's lock
 *       sub.seq = mm.seq; tear down
 *                                          reads the range
 *     end: mm.seq++
 *                                          driver's lock; sub.seq !== s
 *     Required: the reader does not install. If it takes the driver's lock before the
 *     callback does, it installs, and the callback tears down what it installed.           [R2]
 *
 * The sequence number has 53 bits in two words, so that it never comes again under a sleeping reader (Q2). Who
 * reads a subscription's without a lock reads high, then low; who writes it writes low, then high: a torn read
 * then gives an old high with a new low, a number from the past, which only makes the reader start again.
 *
 * Source: Linux mm/mmu_notifier.c, v7.1, the algorithm. readBegin takes no lock here: Linux takes its spin lock
 * to compare the two numbers; reading sub.seq first is enough, since an epoch's number is in mm.seq before any
 * sub.seq gets it, so a difference means that the epoch is over.
 */
import type { Section, Seq, Span } from '@mmu-notifier/core';
import { BareTree, setQuery } from '@mmu-notifier/interval-tree/bare';
import { mightSleep, SpinLock, WaitQueue, type Region, type Waiting } from '@mmu-notifier/sync';
import {
  Mm,
  mmAt,
  recordsByteLength,
  releasedHigh,
  State,
  Sub,
  subAt,
  subsAt,
  type Memory,
} from './layout.ts';
import { refuseInserted, refuseReleased } from './refusals.ts';
import { Slab } from './slab.ts';
import { waitToClose, waitToRead } from './waits.ts';

const mmActive = mmAt + Mm.active;
const mmSeqLow = mmAt + Mm.seqLow;
const mmSeqHigh = mmAt + Mm.seqHigh;
const mmDeferred = mmAt + Mm.deferred;
const mmCount = mmAt + Mm.count;
const mmReleased = mmAt + Mm.released;
const lowRange = 2 ** 32;
// Copies: the engine folds a constant of the same module into the code, but reads an imported one from memory on every use.
const subsFirst = subsAt;
const subWords = Sub.sizeWords;
const subSeqLow = Sub.seqLow;
const subSeqHigh = Sub.seqHigh;
const highOfReleased = releasedHigh;

/** No handle; also the tree's "no hit". */
export const none = -1;

/** The state of one notifier, seen from one agent. */
export class Transitions {
  declare readonly region: Region;
  declare tree: BareTree;
  declare readonly seqQueue: WaitQueue;
  declare readonly idleQueue: WaitQueue;
  declare readonly slab: Slab;
  declare protected readonly lock: SpinLock;

  constructor({ region, tree, growable }: Memory) {
    this.region = region;
    this.tree = tree;
    this.lock = new SpinLock(region, mmAt + Mm.lock, 'interval mm');
    this.slab = new Slab(region, growable ? () => this.grow() : undefined);
    this.seqQueue = new WaitQueue(region, mmAt + Mm.seqQueue * 2);
    this.idleQueue = new WaitQueue(region, mmAt + Mm.idleQueue * 2);
  }

  /** Opens a section; returns the first subscription that it hits, or {@link none}, which is negative. */
  start(section: Section): number {
    const { lock } = this;
    if (!lock.isNeeded) return this.#open(section);
    if (section.blockable) mightSleep('invalidateRangeStart');
    lock.lock();
    const hit = this.#open(section);
    lock.unlock();
    return hit;
  }

  #open(section: Section): number {
    const { words } = this.region;
    words[mmActive] = words[mmActive]! + 1;
    setQuery(section.start, section.end - 1);
    const hit = this.tree.firstOfQuery();
    if (hit >= 0) this.#makeFull();
    return hit;
  }

  /** The next subscription that an open section hits. Without the lock: the section keeps the tree as it is. */
  next(section: Section, handle: number): number {
    setQuery(section.start, section.end - 1);
    return this.tree.nextOfQuery(handle);
  }

  /** The section has called everybody whom it hits, both times. Here nobody waits for that. */
  called(_section: Section): void {}

  /** Ends a section. Returns whether the caller has to wake the seq queue: here, as the last of a full epoch. */
  end(_section: Section): boolean {
    const { lock } = this;
    if (!lock.isNeeded) return this.#close();
    lock.lock();
    const isOver = this.#close();
    lock.unlock();
    return isOver;
  }

  #close(): boolean {
    const { words } = this.region;
    const active = words[mmActive]! - 1;
    words[mmActive] = active;
    if (active !== 0 || (words[mmSeqLow]! & 1) === 0) return false;
    this.#nextEpoch();
    if (words[mmDeferred] !== 0) this.#applyDeferred();
    return true;
  }

  /** Whether no section is open. Under the lock, `run` may then make sure that none opens meanwhile. */
  runIfIdle(run: () => void): boolean {
    this.lock.enter();
    try {
      if (this.region.words[mmActive] !== 0) return false;
      run();
      return true;
    } finally {
      this.lock.leave();
    }
  }

  /**
   * Inserts a prepared subscription: at once while the tree may change, else when the epoch ends.
   *
   * @throws NotifierError `MMN_RELEASED`, `MMN_INSERTED`
   */
  insert(handle: number, start: number, last: number, allowReleased: boolean): void {
    const at = subAt(handle);
    this.lock.enter();
    try {
      this.checkInsert(at, allowReleased);
    } catch (error) {
      this.lock.leave();
      throw error;
    }
    const { words, wide } = this.region;
    wide[(at >> 1) + Sub.start] = start;
    wide[(at >> 1) + Sub.last] = last;
    words[mmCount] = words[mmCount]! + 1;
    if ((words[mmSeqLow]! & 1) !== 0) {
      // Full: its first reader waits for the epoch's end, by which time it is in the tree.      [D1]
      this.storeSeq(at, words[mmSeqLow]!, words[mmSeqHigh]!);
      words[at + Sub.state] = State.inserting;
      this.#link(handle, at);
    } else if (words[mmActive] !== 0) {
      // Partial: what the open sections cover is not recorded, so they count as hits.           [D2]
      this.#makeFull();
      this.storeSeq(at, words[mmSeqLow]!, words[mmSeqHigh]!);
      this.#insertNow(handle, at);
    } else {
      // Idle: the odd number before this one, the farthest from coming again.
      const low = words[mmSeqLow]!;
      this.storeSeq(at, (low - 1) | 0, low === 0 ? words[mmSeqHigh]! - 1 : words[mmSeqHigh]!);
      this.#insertNow(handle, at);
    }
    this.lock.leave();
  }

  /**
   * Takes a subscription out: at once while the tree may change, else when the epoch ends. Returns the low word
   * of the epoch to wait for, or 0 (which is even, so no full epoch) when it is out already.
   */
  remove(handle: number, countDetached: boolean): number {
    const at = subAt(handle);
    this.lock.enter();
    const { words } = this.region;
    const state = words[at + Sub.state];
    let waitFor = 0;
    if (state !== State.detached || countDetached) words[mmCount] = words[mmCount]! - 1;
    if (state === State.inserting && words[mmReleased] === 0) {
      this.#unlink(at);
      words[at + Sub.state] = State.removed;
    } else if ((words[mmSeqLow]! & 1) !== 0 && state !== State.detached) {
      if (state === State.inserted) this.#link(handle, at);
      words[at + Sub.state] = State.removing;
      waitFor = words[mmSeqLow]!;
    } else {
      if (state === State.inserted) this.tree.remove(handle);
      words[at + Sub.state] = State.removed;
    }
    this.lock.leave();
    return waitFor;
  }

  /** Under the lock. @throws NotifierError `MMN_RELEASED`, `MMN_INSERTED` */
  protected checkInsert(at: number, allowReleased: boolean): void {
    const { words } = this.region;
    if (words[mmReleased] !== 0 && !allowReleased) refuseReleased();
    if (words[at + Sub.state] === State.detached) return;
    refuseInserted();
  }

  /** Whether a reader that got this seq has to wait: a section that is open has hit it. Without the lock. */
  isBusy(_handle: number, seq: Seq): boolean {
    return !this.seqDiffers(seq | 0);
  }

  /** Waits as such a reader does; returns the seq to read with. */
  *waitToRead(_handle: number, seq: Seq): Waiting<Seq> {
    yield* waitToRead(this, seq | 0);
    return seq;
  }

  /** Waits for what `remove` returned. */
  waitToClose(_handle: number, low: number, lockless: boolean): Waiting<void> {
    return waitToClose(this, low, lockless);
  }

  /** Whether the epoch is over, asked under the lock: then its end has left the deferred list too. (U-5) */
  epochIsOver(low: number): boolean {
    this.lock.enter();
    const isOver = this.region.words[mmSeqLow] !== low;
    this.lock.leave();
    return isOver;
  }

  /** The same without the lock: enough for readers, who own nothing in the deferred list. */
  seqDiffers(low: number): boolean {
    return this.region.load(mmSeqLow) !== low;
  }

  /** Whether the epoch is full. Steady for a caller that has a section open in it. */
  get isFull(): boolean {
    return (this.region.load(mmSeqLow) & 1) !== 0;
  }

  /**
   * Opens the section of a release and makes it full; returns every subscription there is. The records' lock, whose
   * holder may have died, comes before any change: a release that fails has not begun.
   */
  startRelease(_section: Section): number[] {
    this.lock.enter();
    try {
      const { words } = this.region;
      if (words[mmReleased] !== 0) refuseReleased();
      const handles = this.slab.handlesWhere(
        (state) =>
          state === State.inserted || state === State.inserting || state === State.removing,
      );
      words[mmReleased] = 1;
      words[mmActive] = words[mmActive]! + 1;
      this.#makeFull();
      return handles;
    } finally {
      this.lock.leave();
    }
  }

  /** Notes a hit of the caller's open section. Under the driver's lock. Pairs with `loadSeq`. */
  setSeq(handle: number): void {
    const { words } = this.region;
    const at = subsFirst + handle * subWords;
    const isReleased = words[at + subSeqHigh] === highOfReleased; // once released, for ever
    this.storeSeq(at, words[mmSeqLow]!, isReleased ? highOfReleased : words[mmSeqHigh]!);
  }

  /**
   * Notes that the address space is gone: no reader may begin any more. Under the driver's lock, so that a publication
   * is torn down or refused; without it for a subscription that could not be told.
   */
  setReleased(handle: number): void {
    this.storeSeq(subAt(handle), this.region.words[mmSeqLow]!, releasedHigh);
  }

  /** A subscription's seq without a lock, high before low; negative after release. */
  loadSeq(handle: number): Seq {
    const at = subsFirst + handle * subWords;
    const { region } = this;
    if (!region.shared) return this.seqOf(handle);
    const high = region.load(at + subSeqHigh);
    return toSeq(region.load(at + subSeqLow), high);
  }

  /** A subscription's seq under the driver's lock. */
  seqOf(handle: number): Seq {
    const at = subsFirst + handle * subWords;
    const { words } = this.region;
    return toSeq(words[at + subSeqLow]!, words[at + subSeqHigh]!);
  }

  /** The span of a subscription that is inserted, or `undefined` for any other number. */
  spanOf(handle: number): Span | undefined {
    const { words, wide, capacity } = this.region;
    if (!Number.isSafeInteger(handle) || handle < 0 || handle >= capacity) return undefined;
    const at = subAt(handle);
    const state = words[at + Sub.state];
    if (state !== State.inserted && state !== State.inserting) return undefined;
    return { start: wide[(at >> 1) + Sub.start]!, end: wide[(at >> 1) + Sub.last]! + 1 };
  }

  /** The low word alone, without a lock. */
  loadSeqLow(handle: number): number {
    return this.region.load(subsFirst + handle * subWords + subSeqLow);
  }

  /** Idle or partial to full; full stays. Under the lock. */
  #makeFull(): void {
    const low = this.region.words[mmSeqLow]!;
    if ((low & 1) === 0) this.region.store(mmSeqLow, low | 1);
  }

  /** Full to idle: the next even number, with the carry into the high word first. Under the lock. */
  #nextEpoch(): void {
    const low = (this.region.words[mmSeqLow]! + 1) | 0;
    if (low === 0) this.region.words[mmSeqHigh] = this.region.words[mmSeqHigh]! + 1;
    this.region.store(mmSeqLow, low);
  }

  #applyDeferred(): void {
    const { words } = this.region;
    for (let item = words[mmDeferred]!; item !== 0;) {
      const handle = item - 1;
      const at = subAt(handle);
      item = words[at + Sub.next]!;
      if (words[at + Sub.state] === State.inserting) {
        this.#insertNow(handle, at);
      } else {
        if (this.tree.has(handle)) this.tree.remove(handle);
        words[at + Sub.state] = State.removed;
      }
    }
    words[mmDeferred] = 0;
  }

  protected storeSeq(at: number, low: number, high: number): void {
    const { region } = this;
    const { words } = region;
    if (region.shared) region.store(at + subSeqLow, low);
    else words[at + subSeqLow] = low;
    if (words[at + subSeqHigh] !== high) region.store(at + subSeqHigh, high);
  }

  #insertNow(handle: number, at: number): void {
    const { words, wide } = this.region;
    words[at + Sub.state] = State.inserted;
    this.tree.insert(handle, wide[(at >> 1) + Sub.start]!, wide[(at >> 1) + Sub.last]!);
  }

  #link(handle: number, at: number): void {
    const { words } = this.region;
    const head = words[mmDeferred]!;
    words[at + Sub.next] = head;
    words[at + Sub.previous] = 0;
    if (head !== 0) words[subAt(head - 1) + Sub.previous] = handle + 1;
    words[mmDeferred] = handle + 1;
  }

  #unlink(at: number): void {
    const { words } = this.region;
    const next = words[at + Sub.next]!;
    const previous = words[at + Sub.previous]!;
    if (previous === 0) words[mmDeferred] = next;
    else words[subAt(previous - 1) + Sub.next] = next;
    if (next !== 0) words[subAt(next - 1) + Sub.previous] = previous;
  }

  /** Bytes of what is not the tree. */
  protected recordsByteLength(capacity: number): number {
    return recordsByteLength(capacity);
  }

  /** In one event loop only, under the slab's lock. */
  protected grow(): void {
    const capacity = this.region.capacity * 2;
    const treeMemory = new ArrayBuffer(BareTree.byteLength(capacity)); // what may fail comes first
    this.region.grow(capacity, this.recordsByteLength(capacity));
    this.tree = this.tree.moveTo(treeMemory, capacity);
  }
}

/** Small numbers, which cost no allocation, as long as the high word is 0. */
function toSeq(low: number, high: number): Seq {
  return (high === 0 && low >= 0 ? low : high * lowRange + (low >>> 0)) as Seq;
}
