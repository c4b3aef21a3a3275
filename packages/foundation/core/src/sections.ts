/**
 * The sections that this agent has open, and the handles by which it ends them.
 *
 * 1. A handle is `generation << 15 | slot`, always a small positive integer: it costs no allocation, and a
 *    second end, or an end of something never started, is told apart from an open section until the slot has
 *    been used 32,767 times more.
 * 2. A slot's fields are written by `open` and stay as they are until `close`; callbacks read the range from it.
 * 3. Slots are of one agent. The agent that started a section ends it, as the kernel's CPU does.
 * 4. Tables of one agent count generations from different numbers, so that the handle of another address
 *    space's section is told apart too, but for chance. Tables of other agents may hold equal handles.
 *
 * Ours. Linux keeps the range on the raiser's stack and trusts it to pair start with end.
 */
import { InvariantError, NotifierError } from './errors.ts';
import {
  checkSpan,
  invalidationEvents,
  type InvalidationEvent,
  type InvalidationRange,
  type RangeToInvalidate,
} from './range.ts';

declare const invalidationBrand: unique symbol;

/** An open section: the value that `invalidateRangeStart` returns and `invalidateRangeEnd` takes. */
export type Invalidation = number & { readonly [invalidationBrand]: true };

const slotBits = 15;
const slotMask = (1 << slotBits) - 1;
const generationMax = (1 << 15) - 1;
const handleMax = (generationMax << slotBits) | slotMask;
/** Prime, and far from 0 and from `generationMax`: the tables' first generations lie far apart. */
const generationStride = 12_799;
let tableCount = 0;

/** Most sections that one agent may have open at once. */
export const openSectionsMax: number = slotMask + 1;
const generationStep = slotMask + 1;

/** What a missing range is read as: it has no start, and is refused for that. */
const nowhere = {} as RangeToInvalidate;
const { isSafeInteger } = Number;

/** One open section. What a strategy must remember from start to end goes into `note` and `inner`. */
export class Section implements InvalidationRange {
  start = 0;
  end = 0;
  event: InvalidationEvent = 'CLEAR';
  blockable = true;
  owner: unknown = undefined;
  /** The handle while the section is open, else 0. */
  handle = 0;
  /** For the strategy: what start did that end must undo. */
  note = 0;
  /** For the strategy: the same section's handle in a notifier it is composed with, or 0. */
  inner = 0;
  /** The handle that it gets when it is opened again. */
  nextHandle = 0;
  /** `event` is `CLEAR` and nobody asked: spares writes of what the collector keeps track of. */
  isPlain = true;
  readonly slot: number = 0;

  constructor(slot: number, generation: number) {
    this.slot = slot;
    this.nextHandle = ((generation + 1) << slotBits) | slot;
  }
}

/** {@link Section}, or a class of a strategy's own that extends it. */
export type SectionClass<S extends Section> = new (slot: number, generation: number) => S;

/**
 * The table of one agent's open sections. `open`, `find` and `close` allocate nothing once the table has grown, and
 * touch no array while one section is open at a time: that one always gets slot 0.
 */
export class SectionTable<S extends Section = Section> {
  readonly #generationFirst = (tableCount++ * generationStride) % generationMax;
  readonly #Section: SectionClass<S>;
  /** Slot 0. */
  readonly #first: S;
  readonly #slots: S[];
  /** All but slot 0. From `#othersOpen` on, the free ones; what stands before is of no meaning. */
  readonly #others: S[] = [];
  #othersOpen = 0;

  /** @param SectionOfStrategy a class of the strategy's own, if it remembers more than `note` and `inner`; `S` says which */
  constructor(
    SectionOfStrategy: SectionClass<S> = Section as SectionClass<Section> as SectionClass<S>,
  ) {
    this.#Section = SectionOfStrategy;
    this.#first = new SectionOfStrategy(0, this.#generationFirst);
    this.#slots = [this.#first];
  }

  /** All slots, of open sections and of others: a slot is open while its `handle` is not 0. */
  get slots(): readonly S[] {
    return this.#slots;
  }

  /** How many sections this agent has open. */
  get openCount(): number {
    return this.#othersOpen + (this.#first.handle === 0 ? 0 : 1);
  }

  /**
   * Opens a section over a copy of `range`.
   *
   * @throws NotifierError `MMN_ADDRESS`, `MMN_RANGE_EMPTY`, `MMN_RANGE_INVERTED`, `MMN_EVENT`, `MMN_OUT_OF_CAPACITY`
   */
  open(range: RangeToInvalidate, blockable: boolean): S {
    const { start, end, event, owner } = range ?? nowhere;
    // The same comparisons here: to call another module's function costs more than they do.
    if (!(isSafeInteger(start) && isSafeInteger(end) && start >= 0 && start < end)) {
      checkSpan(range, 'range');
    }
    if (event !== undefined) checkEvent(event);
    const first = this.#first;
    const section = first.handle === 0 ? first : this.#takeOther();
    section.start = start;
    section.end = end;
    section.blockable = blockable;
    if (event !== undefined || owner !== undefined || !section.isPlain)
      setReason(section, event, owner);
    section.note = 0;
    section.inner = 0;
    section.handle = section.nextHandle;
    return section;
  }

  /**
   * The open section of a handle.
   *
   * @throws NotifierError `MMN_NOT_OPEN`
   */
  find(invalidation: Invalidation): S {
    const first = this.#first;
    return first.handle === invalidation && invalidation !== 0
      ? first
      : this.#findOther(invalidation);
  }

  /** Makes the slot free again. The section's fields, but for the owner, stay readable until the next `open`. */
  close(section: S): void {
    const { handle } = section;
    if (handle === 0) refuseClosed();
    section.handle = 0;
    const next = handle + generationStep;
    section.nextHandle = next > handleMax ? section.slot + generationStep : next; // generation 0 is no generation
    if (section.owner !== undefined) section.owner = undefined;
    if (section !== this.#first) this.#giveBack(section);
  }

  #takeOther(): S {
    const at = this.#othersOpen;
    const section = at < this.#others.length ? this.#others[at]! : this.#grow();
    this.#othersOpen = at + 1;
    return section;
  }

  #giveBack(section: S): void {
    const at = this.#othersOpen - 1;
    this.#othersOpen = at;
    // Sections mostly end in the reverse order of their starts: then it stands there already.
    if (this.#others[at] !== section) this.#others[at] = section;
  }

  #findOther(invalidation: Invalidation): S {
    const section =
      typeof invalidation === 'number' ? this.#slots[invalidation & slotMask] : undefined;
    if (section === undefined || section.handle !== invalidation || section.handle === 0) {
      refuseNotOpen(invalidation);
    }
    return section;
  }

  #grow(): S {
    if (this.#slots.length === openSectionsMax) {
      throw new NotifierError(
        'MMN_OUT_OF_CAPACITY',
        `expected at most ${openSectionsMax} open sections in one agent, got one more`,
      );
    }
    const section = new this.#Section(this.#slots.length, this.#generationFirst);
    this.#slots.push(section);
    this.#others.push(section);
    return section;
  }
}

function refuseClosed(): never {
  throw new InvariantError('a section is closed that is not open');
}

function setReason(section: Section, event: InvalidationEvent = 'CLEAR', owner: unknown): void {
  section.event = event;
  section.owner = owner;
  section.isPlain = event === 'CLEAR' && owner === undefined;
}

function checkEvent(event: InvalidationEvent): void {
  if (invalidationEvents.includes(event)) return;
  throw new NotifierError(
    'MMN_EVENT',
    `expected range.event to be one of ${invalidationEvents.join(', ')}, got ${String(event)}`,
  );
}

function refuseNotOpen(invalidation: Invalidation): never {
  throw new NotifierError(
    'MMN_NOT_OPEN',
    `expected a section that this agent started and did not end, got ${String(invalidation)}`,
  );
}
