/**
 * The words of a legacy notifier.
 *
 *     words  0            header of the region (sync)
 *           32            Mm        one for the address space
 *           32 + Mm       Node[1] … Node[capacity]; number 0 means "none"
 *
 * Who may write what:
 *
 * | words                                  | written under                  | read without it by                  |
 * |----------------------------------------|--------------------------------|-------------------------------------|
 * | Mm.open                                | Mm.openLock                    | nobody                              |
 * | Mm.free, bump; Node.users              | Mm.lock                        | nobody                              |
 * | Mm.first, ends, released; Node.next of listed ones | Mm.lock, atomically | walkers, in an SRCU read section   |
 * | Node.previous, state                   | Mm.lock                        | nobody                              |
 * | Node.ops, cookie, birth                | Mm.lock, before it is listed   | walkers                             |
 * | Node.count                             | up: the driver's lock; down: anybody, atomically | readers           |
 * | Node.seqLow, seqHigh, turn, readers    | anybody, atomically            | readers                             |
 * | Mm.leftBehind                          | anybody, atomically            | verify                              |
 *
 * A node is used again only after a grace period: walkers may stand on one that was unlinked.
 */
import { NotifierError } from '@mmu-notifier/core';
import { fieldAt, headerWords, Region, srcuWords, struct, type Struct } from '@mmu-notifier/sync';

const mmFields = {
  /** Sections that are open, and their lock; unused while a carrier counts them. */
  openLock: 'word',
  open: 'word',
  lock: 'word',
  /** Head of the list. */
  first: 'word',
  /** How many listed nodes have something to do at a section's end. */
  ends: 'word',
  /** Head of the list of free nodes, linked by `next`; behind `bump` all are free. */
  free: 'word',
  bump: 'word',
  released: 'word',
  /** Bits: see {@link Setting}. */
  settings: 'word',
  /** Callbacks that run on though their section gave up waiting for them. */
  leftBehind: 'word',
  /** A wait queue: registrations, for `open === 0`. */
  idleQueue: 'wide',
} as const;

/** One for the address space. Linux: struct mmu_notifier_mm. */
export const Mm: Struct<typeof mmFields> = struct(mmFields);

const nodeFields = {
  next: 'word',
  previous: 'word',
  /** Bits: see {@link State}. */
  state: 'word',
  /** Counts the lives of this node, so that an agent notices that its callbacks are of a former one. */
  birth: 'word',
  /** The id of the ops table; -1: functions of this event loop. */
  ops: 'word',
  cookie: 'word',
  /** References by get; 0 for one made by register. */
  users: 'word',
  /** KVM's mmu_notifier_count: open sections that this subscription has been told of. */
  count: 'word',
  /** KVM's mmu_notifier_seq: sections that ended. Goes on from life to life. */
  seqLow: 'word',
  seqHigh: 'word',
  /** Readers wait for the next `turn`; it is taken when `count` falls to 0. */
  turn: 'word',
  readers: 'word',
  /** The driver's lock when it brought none. */
  mutex: 'word',
} as const;

/** One for a subscriber. Linux: struct mmu_notifier, and what KVM keeps beside it in struct kvm. */
export const Node: Struct<typeof nodeFields> = struct(nodeFields);

/** Bits of `Node.state`. */
export const State = {
  used: 1,
  listed: 2,
  /** A subscription of the contract, whose ops table is a SubscriptionOps. */
  isSubscription: 4,
  hasEnd: 8,
} as const;

/** Bits of `Mm.settings`. */
export const Setting = { carried: 1, foreignSrcu: 2 } as const;

/** First word of `Mm`. */
export const mmAt: number = headerWords;
/** First word of the SRCU domain of the notifier's own. */
export const srcuAt: number = mmAt + Mm.sizeWords;
const nodesAt = srcuAt + srcuWords;

/** First word of a node. */
export function nodeAt(node: number): number {
  return nodesAt + (node - 1) * Node.sizeWords;
}

const srcuFields = ['phase', 'counter0', 'counter1'];

/** What a word is called, for reports: `mm.first`, `srcu.phase`, `node[1].count`. */
export function nameOfWord(index: number, capacity: number): string | undefined {
  if (index < mmAt || index >= nodeAt(capacity + 1)) return undefined;
  if (index < srcuAt) return prefixed('mm', fieldAt(mmFields, index - mmAt));
  if (index < nodesAt) return prefixed('srcu', srcuFields[index - srcuAt]);
  const node = Math.floor((index - nodesAt) / Node.sizeWords) + 1;
  return prefixed(`node[${node}]`, fieldAt(nodeFields, (index - nodesAt) % Node.sizeWords));
}

function prefixed(where: string, field: string | undefined): string | undefined {
  return field === undefined ? undefined : `${where}.${field}`;
}

const kind = 'hlist-srcu';
const capacityDefault = 16;
const capacityMax = 2 ** 24;

/** Bytes for `capacity` subscribers. @throws NotifierError `MMN_OPTION` */
export function byteLength(capacity: number): number {
  if (!Number.isSafeInteger(capacity) || capacity < 1 || capacity > capacityMax) {
    throw new NotifierError(
      'MMN_OPTION',
      `expected capacity to be an integer from 1 to 2^24, got ${String(capacity)}`,
    );
  }
  return nodeAt(capacity + 1) * 4;
}

/** Lays out a notifier. @throws NotifierError `MMN_OPTION`, `MMN_MEMORY` */
export function createRegion(
  variant: string,
  settings: number,
  memory: ArrayBufferLike | undefined,
  capacity: number = memory === undefined ? capacityDefault : capacityOf(memory),
): Region {
  const description = { kind, variant, capacity, byteLength: byteLength(capacity) };
  const region = Region.create(description, memory);
  region.words[mmAt + Mm.settings] = settings;
  return region;
}

/** Finds a notifier that was laid out. @throws NotifierError `MMN_MEMORY` */
export function attachRegion(memory: ArrayBufferLike): Region {
  return Region.attach(memory, kind);
}

/** How many subscribers fit; at least one, so that memory that is too small is told so by the region. */
function capacityOf(memory: ArrayBufferLike): number {
  const nodes = Math.floor((memory?.byteLength / 4 - nodesAt) / Node.sizeWords);
  return nodes >= 1 ? Math.min(nodes, capacityMax) : 1;
}
