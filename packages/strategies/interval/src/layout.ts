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
import { BareTree } from '@mmu-notifier/interval-tree/bare';
import { headerWords, Region } from '@mmu-notifier/sync';
import * as Mm from './mm.ts';
import * as State from './state.ts';
import * as Sub from './sub.ts';

export { Mm, State, Sub };

/** `Sub.seqHigh` after release. */
export const releasedHigh = -1;

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

const kind = 'interval';

/** Bytes of the header and the records: of everything but the tree and what a variant keeps before it. */
export function recordsByteLength(capacity: number): number {
  return (subsAt + capacity * Sub.sizeWords) * 4;
}

/** How many subscriptions, and what a variant keeps between the records and the tree. */
export interface Extent {
  readonly capacity: number;
  readonly variant: string;
  /** Bytes that this variant needs there. */
  readonly tableByteLength: number;
}

/**
 * Bytes for `capacity` subscriptions, tree included.
 *
 * @throws NotifierError `MMN_OPTION`
 */
export function byteLengthOf({ capacity, tableByteLength }: Omit<Extent, 'variant'>): number {
  checkCapacity(capacity);
  return recordsByteLength(capacity) + tableByteLength + BareTree.byteLength(capacity);
}

/** The memory of a notifier, seen from one agent. */
export interface Memory {
  readonly region: Region;
  readonly tree: BareTree;
  /** Memory of its own, in one event loop: it may move to a larger one. */
  readonly growable: boolean;
}

/** Lays out a notifier. @throws NotifierError `MMN_MEMORY`, `MMN_OPTION` */
export function createMemory(extent: Extent, memory: ArrayBufferLike | undefined): Memory {
  const { capacity, variant, tableByteLength } = extent;
  const all = byteLengthOf(extent);
  const treeAt = recordsByteLength(capacity) + tableByteLength;
  const byteLength = memory === undefined ? treeAt : all;
  const region = Region.create({ kind, variant, capacity, byteLength }, memory);
  const tree =
    memory === undefined
      ? BareTree.create(new ArrayBuffer(all - treeAt), capacity)
      : BareTree.create(memory, capacity, treeAt);
  region.words[mmAt + Mm.seqLow] = 2; // as in Linux: the first subscriptions get 1, which helps debugging
  return { region, tree, growable: memory === undefined };
}

/** The region of a notifier in this memory. @throws NotifierError `MMN_MEMORY` */
export function attachRegion(memory: ArrayBufferLike): Region {
  return Region.attach(memory, kind);
}

/** The rest of a notifier that another agent laid out. @throws NotifierError `MMN_MEMORY` */
export function attachMemory(region: Region, tableByteLength: number): Memory {
  const { memory, capacity } = region;
  const bytes = byteLengthOf({ capacity, tableByteLength });
  if (memory.byteLength < bytes) {
    throw new NotifierError(
      'MMN_MEMORY',
      `expected at least ${bytes} bytes, got ${memory.byteLength}: a notifier that was created without memory has its tree elsewhere`,
    );
  }
  const tree = BareTree.attach(memory, recordsByteLength(capacity) + tableByteLength);
  return { region, tree, growable: false };
}

function checkCapacity(capacity: number): void {
  if (Number.isSafeInteger(capacity) && capacity >= 1 && capacity <= 2 ** 24) return;
  throw new NotifierError(
    'MMN_OPTION',
    `expected capacity to be an integer from 1 to 2^24, got ${String(capacity)}`,
  );
}
