/**
 * The words of a reference notifier: two arrays that are scanned from end to end.
 *
 *     words  0            header of the region (sync)
 *           32            Mm
 *           32 + Mm       Open[0] … Open[sectionsMax - 1]      the open sections' ranges
 *           then          Sub[0] … Sub[capacity - 1]
 *
 * Every word is read and written under Mm.lock, but for the queue and a driver's mutex. That is the whole design.
 * Zeros are an empty notifier: laying it out is writing the header.
 */
import { NotifierError } from '@mmu-notifier/core';
import { fieldAt, headerWords, Region, struct, type Struct } from '@mmu-notifier/sync';

const mmFields = {
  lock: 'word',
  released: 'word',
  /** One past the last slot ever used, of each array. */
  openBound: 'word',
  subBound: 'word',
  /** A WaitQueue: two words. */
  queue: 'wide',
  /** Sections started so far. */
  sections: 'wide',
} as const;

/** One for the address space. */
export const Mm: Struct<typeof mmFields> = struct(mmFields);

const openFields = {
  isOpen: 'word',
  /** Whose own doing it is, by number; 0 for nobody's. */
  owner: 'word',
  start: 'wide',
  end: 'wide',
  /** What `Mm.sections` became when it started. */
  number: 'wide',
} as const;

/** An open section, or a free slot with `isOpen` 0. */
export const Open: Struct<typeof openFields> = struct(openFields);

const subFields = {
  state: 'word',
  ops: 'word',
  cookie: 'word',
  /** The driver's lock when it brought none. */
  mutex: 'word',
  /** Sections that may still call it, and callbacks and publications of it that sleep. */
  callers: 'word',
  /** The owner's number; 0 for none. */
  owner: 'word',
  /** Callbacks so far, in this record: a read that saw another number collided. */
  seq: 'wide',
  /** `Mm.sections` when it was made: older sections do not call it. */
  born: 'wide',
  /** `Mm.sections` when its closing began: younger sections do not call it. */
  closed: 'wide',
  start: 'wide',
  end: 'wide',
} as const;

/** A subscription, or a free record with `state` 0. */
export const Sub: Struct<typeof subFields> = struct(subFields);

/**
 * Values of `Sub.state`.
 *
 *  | state   | called by                             | reads and publishes | left by            |
 *  |---------|---------------------------------------|---------------------|--------------------|
 *  | free    | nobody; callers is 0                  | no                  | subscribe          |
 *  | open    | sections younger than born            | yes                 | beginClose         |
 *  | closing | those of them that started before it  | no                  | endClose           |
 */
export const State = { free: 0, open: 1, closing: 2 } as const;

/** Most open sections of all agents together. */
export const sectionsMax = 1024;

/** First word of `Mm`. */
export const mmAt: number = headerWords;
const slotsAt = mmAt + Mm.sizeWords;
const subsAt = slotsAt + sectionsMax * Open.sizeWords;

/** First word of an open section's slot. */
export function slotAt(slot: number): number {
  return slotsAt + slot * Open.sizeWords;
}

/** First word of a subscription's record. */
export function subAt(id: number): number {
  return subsAt + id * Sub.sizeWords;
}

/** What a word is called, for reports: `mm.lock`, `open[0].start`, `sub[1].seq`. */
export function nameOfWord(index: number, capacity: number): string | undefined {
  if (index < mmAt || index >= subAt(capacity)) return undefined;
  if (index < slotsAt) return prefixed('mm', fieldAt(mmFields, index - mmAt));
  const [where, at, size, fields] =
    index < subsAt
      ? (['open', index - slotsAt, Open.sizeWords, openFields] as const)
      : (['sub', index - subsAt, Sub.sizeWords, subFields] as const);
  return prefixed(`${where}[${Math.floor(at / size)}]`, fieldAt(fields, at % size));
}

function prefixed(where: string, field: string | undefined): string | undefined {
  return field === undefined ? undefined : `${where}.${field}`;
}

const kind = 'reference';

/** Bytes for `capacity` subscriptions. @throws NotifierError `MMN_OPTION` */
export function byteLength(capacity: number): number {
  if (!Number.isSafeInteger(capacity) || capacity < 1 || capacity > 2 ** 24) {
    throw new NotifierError(
      'MMN_OPTION',
      `expected capacity to be an integer from 1 to 2^24, got ${String(capacity)}`,
    );
  }
  return (subsAt + capacity * Sub.sizeWords) * 4;
}

/** @throws NotifierError `MMN_MEMORY`, `MMN_OPTION` */
export function createRegion(capacity: number, memory: ArrayBufferLike | undefined): Region {
  return Region.create({ kind, capacity, byteLength: byteLength(capacity) }, memory);
}

/** @throws NotifierError `MMN_MEMORY` */
export function attachRegion(memory: ArrayBufferLike): Region {
  return Region.attach(memory, kind);
}
