/**
 * The words of a unified notifier.
 *
 *     words  0            header of the region (sync)
 *           32            Mm        one for the address space
 *           32 + Mm       Sub[0] … Sub[capacity - 1]
 *           then          the interval tree, in the same memory if the caller gave it, else in its own
 *
 * Who may write what:
 *
 * | words                                | written under                      | read without it by            |
 * |--------------------------------------|------------------------------------|-------------------------------|
 * | Mm.active, deferred, count, released | Mm.lock                            | nobody                        |
 * | Mm.seqLow                            | Mm.lock, atomically                | readBegin, waits: atomically  |
 * | Mm.seqHigh                           | Mm.lock                            | nobody                        |
 * | Mm.free, bump; Sub.next of free ones | Mm.slab                            | nobody                        |
 * | Sub.seqLow, seqHigh                  | the driver's lock, atomically; Mm.lock while not in the tree | readBegin: atomically |
 * | Sub.state                            | Mm.lock; Mm.slab while it is free or detached | nobody             |
 * | Sub.next, previous                   | Mm.lock; Mm.slab while it is free  | nobody                        |
 * | Sub.ops, cookie, start, last         | its owner before it is inserted    | anybody while inserted        |
 * | the tree                             | Mm.lock, and only while seq is even, or by the end that makes it even | walkers of an open section, while seq is odd |
 *
 * Lock order: Mm.lock, then Mm.slab, then those of a carried legacy list. Nobody calls back or takes a driver's
 * lock with one of them held.
 */
import { NotifierError } from '@mmu-notifier/core';
import { IntervalTree } from '@mmu-notifier/interval-tree';
import { fieldAt, headerWords, Region, struct, type Struct } from '@mmu-notifier/sync';

const mmFields = {
  lock: 'word',
  slab: 'word',
  /** Open sections. */
  active: 'word',
  /** The sequence number's low 32 bits, and the other 21: even when idle or partial, odd when full. */
  seqLow: 'word',
  seqHigh: 'word',
  /** Head of the list of changes that wait for the tree: a handle + 1, or 0. */
  deferred: 'word',
  /** Head of the list of free records: a handle + 1, or 0; behind `bump` all are free. */
  free: 'word',
  bump: 'word',
  /** Subscriptions from insert to close. Linux: the references that mmgrab took. */
  count: 'word',
  released: 'word',
  /** Two wait queues: readers and closers wait for seq, registrations for `active === 0`. */
  seqQueue: 'wide',
  idleQueue: 'wide',
} as const;

/** One for the address space. */
export const Mm: Struct<typeof mmFields> = struct(mmFields);

const subFields = {
  /** The sequence number of the last section that hit it: always odd. High is -1 after release. */
  seqLow: 'word',
  seqHigh: 'word',
  state: 'word',
  /** Neighbours in the deferred list, or in the free list: a handle + 1, or 0. */
  next: 'word',
  previous: 'word',
  ops: 'word',
  cookie: 'word',
  /** The driver's lock when it brought none. */
  mutex: 'word',
  /** Inclusive. */
  start: 'wide',
  last: 'wide',
} as const;

/** One for a subscription. */
export const Sub: Struct<typeof subFields> = struct(subFields);

/** Values of `Sub.state`. */
export const State = {
  /** In the free list, or never used. */
  free: 0,
  /** Prepared, not inserted, or its insert failed: closing it is harmless. */
  detached: 1,
  /** In the tree. */
  inserted: 2,
  /** In the deferred list, not yet in the tree. */
  inserting: 3,
  /** In the deferred list; the closer waits for the epoch's end. */
  removing: 4,
  /** Out of every structure; the closer frees it. */
  removed: 5,
} as const;

/** `Sub.seqHigh` after release. */
export const releasedHigh = -1;

/** What a word is called, for reports: `mm.active`, `sub[1].seqLow`. The tree's words have no names. */
export function nameOfWord(index: number): string | undefined {
  if (index < mmAt) return undefined;
  if (index < subsAt) return prefixed('mm', fieldAt(mmFields, index - mmAt));
  const handle = Math.floor((index - subsAt) / Sub.sizeWords);
  return prefixed(`sub[${handle}]`, fieldAt(subFields, (index - subsAt) % Sub.sizeWords));
}

function prefixed(where: string, field: string | undefined): string | undefined {
  return field === undefined ? undefined : `${where}.${field}`;
}

/** First word of `Mm`. */
export const mmAt: number = headerWords;
/** First word of `Sub[0]`. */
export const subsAt: number = mmAt + Mm.sizeWords;

/** First word of a subscription's record. */
export function subAt(handle: number): number {
  return subsAt + handle * Sub.sizeWords;
}

/** The word of the default driver's lock of a subscription. */
export function mutexAt(handle: number): number {
  return subAt(handle) + Sub.mutex;
}

/** The words of a subscription that callbacks need. */
export function opsAt(handle: number): number {
  return subAt(handle) + Sub.ops;
}

/** See {@link opsAt}. */
export function cookieAt(handle: number): number {
  return subAt(handle) + Sub.cookie;
}

/** Most open sections of all agents together, in the variant `scoped`. */
export const sectionsMax = 1024;

const tableFields = {
  /** Sections started so far. */
  sections: 'wide',
  /** One past the last slot ever used. */
  bound: 'word',
} as const;

/** Head of the table of open sections of the variant `scoped`. The table is behind the records. */
export const Table: Struct<typeof tableFields> = struct(tableFields);

const slotFields = {
  /** What `Table.sections` became when it started; 0 while free. */
  number: 'wide',
  start: 'wide',
  /** Inclusive. */
  last: 'wide',
} as const;

/** An open section in that table. */
export const Slot: Struct<typeof slotFields> = struct(slotFields);

/** Bytes of that table. */
export const tableByteLength: number = (Table.sizeWords + sectionsMax * Slot.sizeWords) * 4;

const kind = 'interval';

/** Bytes of everything but the tree and a table of open sections. */
export function recordsByteLength(capacity: number): number {
  return (subsAt + capacity * Sub.sizeWords) * 4;
}

/**
 * Bytes for `capacity` subscriptions, tree included; of the variant `scoped` with its table of open sections.
 *
 * @throws NotifierError `MMN_OPTION`
 */
export function byteLength(capacity: number, variant?: string): number {
  checkCapacity(capacity);
  return allRecords(capacity, variant) + IntervalTree.byteLength(capacity);
}

/** Bytes of everything but the tree: where the tree begins, if it is in the same memory. */
function allRecords(capacity: number, variant: string | undefined): number {
  return recordsByteLength(capacity) + (variant === 'scoped' ? tableByteLength : 0);
}

/** The memory of a notifier, seen from one agent. */
export interface Memory {
  readonly region: Region;
  readonly tree: IntervalTree;
  /** Memory of its own, in one event loop: it may move to a larger one. */
  readonly growable: boolean;
}

/** Lays out a notifier. @throws NotifierError `MMN_MEMORY`, `MMN_OPTION` */
export function createMemory(
  capacity: number,
  variant: string,
  memory: ArrayBufferLike | undefined,
): Memory {
  checkCapacity(capacity);
  const records = allRecords(capacity, variant);
  const bytes = memory === undefined ? records : byteLength(capacity, variant);
  const region = Region.create({ kind, variant, capacity, byteLength: bytes }, memory);
  const tree =
    memory === undefined
      ? IntervalTree.create(new ArrayBuffer(IntervalTree.byteLength(capacity)), { capacity })
      : IntervalTree.create(memory, { byteOffset: records, capacity });
  region.words[mmAt + Mm.seqLow] = 2; // as in Linux: the first subscriptions get 1, which helps debugging
  return { region, tree, growable: memory === undefined };
}

/** The region of a notifier in this memory. @throws NotifierError `MMN_MEMORY` */
export function attachRegion(memory: ArrayBufferLike): Region {
  return Region.attach(memory, kind);
}

/** The rest of a notifier that another agent laid out. @throws NotifierError `MMN_MEMORY` */
export function attachMemory(region: Region): Memory {
  const { memory, capacity, variant } = region;
  const bytes = byteLength(capacity, variant);
  if (memory.byteLength < bytes) {
    throw new NotifierError(
      'MMN_MEMORY',
      `expected at least ${bytes} bytes, got ${memory.byteLength}: a notifier that was created without memory has its tree elsewhere`,
    );
  }
  const tree = IntervalTree.attach(memory, allRecords(capacity, variant));
  return { region, tree, growable: false };
}

function checkCapacity(capacity: number): void {
  if (Number.isSafeInteger(capacity) && capacity >= 1 && capacity <= 2 ** 24) return;
  throw new NotifierError(
    'MMN_OPTION',
    `expected capacity to be an integer from 1 to 2^24, got ${String(capacity)}`,
  );
}
