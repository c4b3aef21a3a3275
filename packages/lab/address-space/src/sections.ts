/**
 * The sections of a run, as the oracle remembers them: number, range, and the steps at which things happened.
 */
import type { Invalidation, InvalidationEvent, RangeToInvalidate } from '@mmu-notifier/core';
import { hex } from './pages.ts';

/** One section, open or ended. Steps are the scheduler's; 0: not yet. */
export class SectionRecord implements RangeToInvalidate {
  /** 1, 2, … in the order of their starts, over the whole machine. */
  readonly number: number;
  readonly start: number;
  readonly end: number;
  readonly event: InvalidationEvent;
  readonly blockable: boolean;
  readonly owner: unknown;
  readonly addressSpace: string;
  startCalledStep = 0;
  startReturnedStep = 0;
  /** The last change of a page-table entry in it. */
  changedStep = 0;
  endedStep = 0;
  handle: Invalidation = 0 as Invalidation;

  constructor(
    number: number,
    addressSpace: string,
    start: number,
    end: number,
    event: InvalidationEvent,
    blockable: boolean,
    owner: unknown,
  ) {
    this.number = number;
    this.addressSpace = addressSpace;
    this.start = start;
    this.end = end;
    this.event = event;
    this.blockable = blockable;
    this.owner = owner;
  }

  toString(): string {
    const how = this.blockable ? '' : ', non-blockable';
    return `section ${this.number} (${this.event} ${hex(this.start)}-${hex(this.end)}${how})`;
  }
}

/** The last sections of a machine, for reports. */
export class SectionHistory {
  readonly #ring: SectionRecord[] = [];
  #next = 0;

  add(section: SectionRecord): void {
    this.#ring[this.#next] = section;
    this.#next = (this.#next + 1) % historyLength;
  }

  /** The latest section of an address space that covers an address and changed something at or after a step. */
  lastThatChanged(addressSpace: string, address: number, step: number): SectionRecord | undefined {
    let last: SectionRecord | undefined;
    for (const section of this.#ring) {
      if (
        section.addressSpace === addressSpace &&
        section.start <= address &&
        address < section.end &&
        section.changedStep >= step &&
        section.changedStep > (last?.changedStep ?? 0)
      ) {
        last = section;
      }
    }
    return last;
  }
}

const historyLength = 1024;
