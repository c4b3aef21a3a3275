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
import { invariant, NotifierError } from './errors.ts';
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
/** Prime, and far from 0 and from `generationMax`: the tables' first generations lie far apart. */
const generationStride = 12_799;
let tableCount = 0;

/** Most sections that one agent may have open at once. */
export const openSectionsMax: number = slotMask + 1;

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
  generation: number;
  readonly slot: number;

  constructor(slot: number, generation: number) {
    this.slot = slot;
    this.generation = generation;
  }
}

/** The table of one agent's open sections. `open` and `close` allocate nothing once the table has grown. */
export class SectionTable {
  readonly #slots: Section[] = [];
  /** From `#openCount` on, the free ones; what stands before is of no meaning. */
  readonly #free: Section[] = [];
  #openCount = 0;
  readonly #generationFirst = (tableCount++ * generationStride) % generationMax;

  /** How many sections this agent has open. */
  get openCount(): number {
    return this.#openCount;
  }

  /**
   * Opens a section over a copy of `range`.
   *
   * @throws NotifierError `MMN_ADDRESS`, `MMN_RANGE_EMPTY`, `MMN_RANGE_INVERTED`, `MMN_EVENT`, `MMN_OUT_OF_CAPACITY`
   */
  open(range: RangeToInvalidate, blockable: boolean): Section {
    checkSpan(range, 'range');
    const event = range.event ?? 'CLEAR';
    if (event !== 'CLEAR') checkEvent(event);
    const at = this.#openCount;
    const section = at < this.#free.length ? this.#free[at]! : this.#grow();
    this.#openCount = at + 1;
    section.start = range.start;
    section.end = range.end;
    section.event = event;
    section.blockable = blockable;
    if (section.owner !== range.owner) section.owner = range.owner;
    section.note = 0;
    section.inner = 0;
    section.generation = section.generation === generationMax ? 1 : section.generation + 1;
    section.handle = (section.generation << slotBits) | section.slot;
    return section;
  }

  /**
   * The open section of a handle.
   *
   * @throws NotifierError `MMN_NOT_OPEN`
   */
  find(invalidation: Invalidation): Section {
    const section =
      typeof invalidation === 'number' ? this.#slots[invalidation & slotMask] : undefined;
    if (section === undefined || section.handle !== invalidation || section.handle === 0) {
      refuseNotOpen(invalidation);
    }
    return section;
  }

  /** Makes the slot free again. The section's fields, but for the owner, stay readable until the next `open`. */
  close(section: Section): void {
    invariant(section.handle !== 0, 'a section is closed that is not open');
    section.handle = 0;
    if (section.owner !== undefined) section.owner = undefined;
    const at = this.#openCount - 1;
    this.#openCount = at;
    // Sections mostly end in the reverse order of their starts: then it stands there already.
    if (this.#free[at] !== section) this.#free[at] = section;
  }

  #grow(): Section {
    if (this.#slots.length === openSectionsMax) {
      throw new NotifierError(
        'MMN_OUT_OF_CAPACITY',
        `expected at most ${openSectionsMax} open sections in one agent, got one more`,
      );
    }
    const section = new Section(this.#slots.length, this.#generationFirst);
    this.#slots.push(section);
    this.#free.push(section);
    return section;
  }
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
