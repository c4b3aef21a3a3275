/**
 * The variant `scoped`: readers and closers wait only for the sections that overlap them, and the tree changes at once.
 *
 * Linux ends the epoch of an address space when all its sections have ended, so sections that overlap each other
 * without pause hold up every reader that one of them hit, every closer, and every change of the tree (U-10). Here:
 *
 * 1. Open sections are recorded, with their ranges. A reader waits for those that overlap it and had started when it
 *    looked: their number is at most that of `Table.sections` then.
 * 2. A start lists the subscriptions that it hits under the lock, and calls them from its list. So nobody walks the
 *    tree without the lock, and nothing has to be put off: there is no deferred list, and no epoch.
 * 3. `callers` of a subscription counts the sections that have it on their list and have not called everybody yet. A
 *    closer takes it out of the tree and waits until there are none; its record is its own until then.
 * 4. A subscription's seq is its own: odd, two more for each callback, written as in the other variants under the
 *    driver's lock. Mm.seq stays even for ever.
 *
 *     invalidator                          reader
 *     ------------------------------------ ------------------------------------
 *                                          s = sub.seq
 *                                          lock; no open section overlaps; unlock
 *     start: lock; recorded; listed; unlock
 *       driver's lock
 *       sub.seq += 2; tear down
 *                                          reads the range
 *     end: lock; not recorded; unlock
 *                                          driver's lock; sub.seq !== s
 *     Required: the reader does not install. A section that it did not see calls after it read `s`. For one that it
 *     saw, it waits, and only then reads `s` again.                                        [R2] [R3]
 *
 * The price: a start is O(hits) under the lock, which the others have outside, and takes the lock once more after the
 * last callback; every readBegin takes the lock and looks at all open sections; and their number is bounded, by
 * `sectionsMax`.
 *
 * Ours. The counter of callers is what the legacy list uses SRCU for; the recorded ranges are as in `reference`.
 */
import { NotifierError, type Section, type Seq } from '@mmu-notifier/core';
import { setQuery } from '@mmu-notifier/interval-tree/bare';
import { mightSleep, type Waiting } from '@mmu-notifier/sync';
import { Mm, mmAt, recordsByteLength, releasedHigh, State, Sub, subAt } from './layout.ts';
import { refuseReleased } from './refusals.ts';
import { sectionsMax, Slot, Table, tableByteLength } from './table.ts';
import { none, Transitions } from './transitions.ts';
import { frozen, landedTraits } from './traits.ts';
import type { Variant } from './variant.ts';

/** A record that is in the tree has no neighbours in a deferred list: the word counts its callers. */
export const callersField: number = Sub.previous;
const mmActive = mmAt + Mm.active;
const mmCount = mmAt + Mm.count;
const mmReleased = mmAt + Mm.released;

/** What this agent remembers of a section from start to end. Used again with the section's slot. */
interface Open {
  slot: number;
  /** The subscriptions that it hits, in the order of the tree. */
  readonly hits: number[];
  /** How many of them; what stands behind is of no meaning. */
  count: number;
  /** Where `next` is. */
  cursor: number;
}

/** See the file's head. */
export class ScopedTransitions extends Transitions {
  /** By the section's slot in this agent. */
  readonly #opens: Open[] = [];

  override start(section: Section): number {
    if (section.blockable) mightSleep('invalidateRangeStart');
    this.lock.enter();
    try {
      const open = this.#record(section);
      const { tree } = this;
      setQuery(section.start, section.end - 1);
      for (let hit = tree.firstOfQuery(); hit >= 0; hit = tree.nextOfQuery(hit)) {
        this.#list(open, hit);
      }
      return open.count === 0 ? none : open.hits[0]!;
    } finally {
      this.lock.leave();
    }
  }

  override next(section: Section, handle: number): number {
    const { hits, count, cursor } = this.#opens[section.slot]!;
    const at = hits[cursor] === handle ? cursor : hits.indexOf(handle);
    const next = at + 1 < count ? at + 1 : 0;
    this.#opens[section.slot]!.cursor = next;
    return next === 0 ? none : hits[next]!;
  }

  override called(section: Section): void {
    this.lock.enter();
    this.#unlist(this.#opens[section.slot]!);
    this.lock.leave();
    this.seqQueue.wakeAll();
  }

  override end(section: Section): boolean {
    const open = this.#opens[section.slot]!;
    this.lock.enter();
    const { words, wide } = this.region;
    words[mmActive] = words[mmActive]! - 1;
    wide[(this.#slotAt(open.slot) >> 1) + Slot.number] = 0;
    this.#unlist(open);
    this.lock.leave();
    return true;
  }

  override insert(handle: number, start: number, last: number): void {
    const at = subAt(handle);
    this.lock.enter();
    try {
      this.checkInsert(at, false);
      const { words, wide } = this.region;
      wide[(at >> 1) + Sub.start] = start;
      wide[(at >> 1) + Sub.last] = last;
      words[mmCount] = words[mmCount]! + 1;
      words[at + Sub.state] = State.inserted;
      words[at + callersField] = 0;
      this.#advance(at); // goes on from the record's former life
      this.tree.insert(handle, start, last);
    } finally {
      this.lock.leave();
    }
  }

  /** Returns 1 if there are callers to wait for, else 0. */
  override remove(handle: number): number {
    const at = subAt(handle);
    this.lock.enter();
    const { words } = this.region;
    const wasInserted = words[at + Sub.state] === State.inserted;
    if (wasInserted) {
      words[mmCount] = words[mmCount]! - 1;
      this.tree.remove(handle);
    }
    const isCalled = wasInserted && words[at + callersField] !== 0;
    words[at + Sub.state] = isCalled ? State.removing : State.removed;
    this.lock.leave();
    return isCalled ? 1 : 0;
  }

  override *waitToClose(handle: number): Waiting<void> {
    yield* this.seqQueue.wait(() => this.#isUncalled(subAt(handle)));
  }

  override isBusy(handle: number): boolean {
    return this.#isHit(handle, Infinity);
  }

  override *waitToRead(handle: number, seq: Seq): Waiting<Seq> {
    const sections = this.#sectionsSoFar();
    yield* this.seqQueue.wait(() => !this.#isHit(handle, sections));
    const now = this.loadSeq(handle);
    if (now < 0) refuseReleased();
    // A later section is open: what was read before it started to call is not valid, and `publish` will say so.
    return this.#isHit(handle, Infinity) ? seq : now;
  }

  override get isFull(): boolean {
    this.lock.enter();
    const isOpen = this.region.words[mmActive] !== 0;
    this.lock.leave();
    return isOpen;
  }

  override startRelease(section: Section): number[] {
    this.lock.enter();
    try {
      if (this.region.words[mmReleased] !== 0) refuseReleased();
      const handles = this.slab.handlesWhere((state) => state === State.inserted);
      const open = this.#record(section);
      this.region.words[mmReleased] = 1;
      for (const handle of handles) this.#list(open, handle);
      return handles;
    } finally {
      this.lock.leave();
    }
  }

  override setSeq(handle: number): void {
    this.#advance(subAt(handle));
  }

  override setReleased(handle: number): void {
    const at = subAt(handle);
    this.storeSeq(at, (this.region.words[at + Sub.seqLow]! + 2) | 0, releasedHigh);
  }

  /** In one event loop only, under the slab's lock. The table moves to the new end of the records. */
  protected override grow(): void {
    const before = this.tableAt;
    const table = this.region.words.slice(before, before + tableByteLength / 4);
    super.grow();
    this.region.words.fill(0, before, before + table.length);
    this.region.words.set(table, this.tableAt);
  }

  protected override recordsByteLength(capacity: number): number {
    return recordsByteLength(capacity) + tableByteLength;
  }

  /** Where the table of sections begins, in words. */
  get tableAt(): number {
    return recordsByteLength(this.region.capacity) >> 2;
  }

  #slotAt(slot: number): number {
    return this.tableAt + Table.sizeWords + slot * Slot.sizeWords;
  }

  /** Under the lock. @throws NotifierError `MMN_OUT_OF_CAPACITY` */
  #record(section: Section): Open {
    const table = this.tableAt;
    const { words, wide } = this.region;
    let slot = 0;
    while (
      slot < words[table + Table.bound]! &&
      wide[(this.#slotAt(slot) >> 1) + Slot.number] !== 0
    ) {
      slot++;
    }
    if (slot === sectionsMax) {
      throw new NotifierError(
        'MMN_OUT_OF_CAPACITY',
        `expected at most ${sectionsMax} open sections in an address space, got one more`,
      );
    }
    if (slot === words[table + Table.bound]) words[table + Table.bound] = slot + 1;
    const number = wide[(table >> 1) + Table.sections]! + 1;
    wide[(table >> 1) + Table.sections] = number;
    const at = this.#slotAt(slot) >> 1;
    wide[at + Slot.number] = number;
    wide[at + Slot.start] = section.start;
    wide[at + Slot.last] = section.end - 1;
    words[mmActive] = words[mmActive]! + 1;
    let open = this.#opens[section.slot];
    if (open === undefined)
      this.#opens[section.slot] = open = { slot, hits: [], count: 0, cursor: 0 };
    open.slot = slot;
    open.count = 0;
    open.cursor = 0;
    return open;
  }

  /** Under the lock. */
  #list(open: Open, handle: number): void {
    const { words } = this.region;
    const callers = subAt(handle) + callersField;
    words[callers] = words[callers]! + 1;
    open.hits[open.count++] = handle;
  }

  /** Under the lock. */
  #unlist(open: Open): void {
    const { words } = this.region;
    for (let i = 0; i < open.count; i++) {
      const callers = subAt(open.hits[i]!) + callersField;
      words[callers] = words[callers]! - 1;
    }
    open.count = 0;
  }

  #isUncalled(at: number): boolean {
    this.lock.enter();
    const { words } = this.region;
    const isUncalled = words[at + callersField] === 0;
    if (isUncalled) words[at + Sub.state] = State.removed;
    this.lock.leave();
    return isUncalled;
  }

  #sectionsSoFar(): number {
    this.lock.enter();
    const sections = this.region.wide[(this.tableAt >> 1) + Table.sections]!;
    this.lock.leave();
    return sections;
  }

  /** Whether one of the first `sections` sections is open and overlaps the subscription. */
  #isHit(handle: number, sections: number): boolean {
    this.lock.enter();
    const isHit = this.region.words[mmActive] !== 0 && this.#overlapped(handle, sections);
    this.lock.leave();
    return isHit;
  }

  #overlapped(handle: number, sections: number): boolean {
    const { words, wide } = this.region;
    const sub = subAt(handle) >> 1;
    const [start, last] = [wide[sub + Sub.start]!, wide[sub + Sub.last]!];
    const bound = words[this.tableAt + Table.bound]!;
    for (let slot = 0; slot < bound; slot++) {
      const at = this.#slotAt(slot) >> 1;
      const number = wide[at + Slot.number]!;
      if (number === 0 || number > sections) continue;
      if (wide[at + Slot.start]! <= last && start <= wide[at + Slot.last]!) return true;
    }
    return false;
  }

  /** The next odd number, low before high. Under the driver's lock, or for a record that nobody else can reach. */
  #advance(at: number): void {
    const { words } = this.region;
    const before = words[at + Sub.seqLow]!;
    const low = ((before | 1) + 2) | 0;
    const high = words[at + Sub.seqHigh]!;
    const isCarry = low === 1; // a new record's first is 3
    this.storeSeq(at, low, isCarry && high !== releasedHigh ? high + 1 : high);
  }
}

/** See the file's head. */
export const scoped: Variant = {
  traits: frozen({
    ...landedTraits,
    variant: 'scoped',
    summary: 'the same, but readers and closers wait only for the sections that overlap them',
    defersChanges: false,
  }),
  tableByteLength,
  createState: (memory) => new ScopedTransitions(memory),
};
