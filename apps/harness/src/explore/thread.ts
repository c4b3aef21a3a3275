/**
 * What the threads of a situation are made of: one page and its entry, devices with a shadow entry each, and the situation's scenario for
 * the explorer. A situation in which callbacks run on their owners has mailboxes beside.
 *
 * Page-table entry, shadow entries, then, if anybody has a mailbox, a region of its own: who is done, and the mailboxes.
 */
import type {
  Invalidation,
  InvalidationRange,
  Notifier,
  Strategy,
  Subscription,
  SubscriptionOps,
} from '@mmu-notifier/core';
import { part, waitInSlices, type Scenario } from '@mmu-notifier/explorer';
import { HlistNotifier, type LegacyOps, type Registration } from '@mmu-notifier/hlist-srcu';
import {
  createThread,
  headerWords,
  Mailbox,
  mailboxWords,
  nameOfMailboxWord,
  Region,
  WaitQueue,
  waitQueueWords,
  type Sleep,
} from '@mmu-notifier/sync';
import type { Contender } from '../strategies.ts';

/** Situations by name: what happens, and the threads. */
export type Situations = Readonly<
  Record<string, readonly [string, Readonly<Record<string, Thread>>]>
>;

/** A situation by its name, for `--scenario`. */
export interface SharedSituation {
  readonly name: string;
  readonly description: string;
  readonly mode: 'shared-memory';
  /** Explored when nobody says which: those of two threads whose callbacks run where the section is. */
  readonly isDefault: boolean;
  /** What a notifier must have beside the contract. */
  readonly needs: 'a legacy list' | undefined;
  build(contender: Pick<Contender, 'strategy' | 'variant'>): Scenario;
}

/** Most subscriptions of a situation. */
const capacity = 4;
export const page = { start: 0x1000, end: 0x2000 } as const;
export const opsId = 1;
const legacyOpsId = 2;
const ownedOpsId = 3;

/** Words of the region that the mailboxes are in: who is done, and who waits for that. */
const wordsOfBoxes = {
  done: headerWords,
  queue: headerWords + 2,
  boxes: headerWords + 2 + waitQueueWords,
} as const;
const bytesOfBoxes = (wordsOfBoxes.boxes + mailboxWords) * Int32Array.BYTES_PER_ELEMENT;
const kindOfBoxes = 'mailboxes';

/** Words behind the notifier's own. Devices are numbered; each has a shadow entry and a mark that it has closed. */
export const wordsOfPage = {
  pte: 0,
  spte: 1,
  closed: 1 + capacity,
  total: 1 + 2 * capacity,
} as const;

/** What one thread works with: made once, as a worker does when it starts. */
export interface Agent {
  readonly notifier: Notifier;
  readonly memory: Int32Array;
  /** The first word behind the notifier's. */
  readonly base: number;
  /** A device's number and its subscription. */
  readonly device: number;
  readonly subscription: Subscription | undefined;
  /** On the legacy list itself. */
  readonly registration: Registration | undefined;
  /** What the agent does behind its part: says that it is done, and serves. */
  readonly stay: () => void;
}

/** An agent, and what makes code run as its thread. */
interface Attached {
  readonly agent: Agent;
  readonly within: (code: () => void) => void;
}

/** A thread that serves looks up whenever there may be something to see, and not every millisecond. */
const sleepInSlices: Sleep = ({ region: { words }, index, expected }, timeoutMs) =>
  timeoutMs === Infinity
    ? Atomics.wait(words, index, expected)
    : waitInSlices(words, index, expected);

/** Is done; and serves until all are, in place of an event loop. */
function meet(region: Region, count: number, serves: boolean): void {
  const queue = new WaitQueue(region, wordsOfBoxes.queue);
  region.add(wordsOfBoxes.done, 1);
  queue.wakeAll();
  if (serves) queue.waitUntilSync(() => region.load(wordsOfBoxes.done) === count);
}

export interface Thread {
  /** Subscribes before the exploration begins. */
  readonly subscribes: boolean;
  /** Registers with the legacy list before the exploration begins. */
  readonly registers?: boolean;
  /** Has a mailbox: its device's callback runs here, or it only posts to those who have that. */
  readonly mailbox?: 'owns' | 'posts';
  readonly run: (agent: Agent) => void;
}

export function build(
  strategy: Strategy,
  variant: string,
  threads: Readonly<Record<string, Thread>>,
): Scenario {
  const bytes = strategy.byteLength(capacity, variant);
  const base = bytes / Int32Array.BYTES_PER_ELEMENT;
  const boxesAt = bytes + Math.ceil(wordsOfPage.total / 2) * 8;
  const posters = Object.values(threads).filter(({ mailbox }) => mailbox !== undefined).length;
  const attach = (shared: SharedArrayBuffer, device: number, thread: Thread): Agent => {
    const notifier = strategy.attach(shared);
    const memory = new Int32Array(shared);
    const ops = opsOf(memory, base);
    notifier.registerOps(opsId, ops);
    let [id, cookie, stay] = [opsId, device, (): void => {}];
    if (thread.mailbox !== undefined) {
      const region = Region.attach(part(shared, boxesAt, bytesOfBoxes), kindOfBoxes);
      const mailbox = new Mailbox(region, wordsOfBoxes.boxes, { blocks: true });
      notifier.registerOps(ownedOpsId, mailbox.ops);
      stay = () => meet(region, posters, thread.mailbox === 'owns');
      if (thread.mailbox === 'owns') {
        const invalidate = (range: InvalidationRange) => ops.invalidate(range, device);
        [id, cookie] = [ownedOpsId, mailbox.own({ invalidate })];
      }
    }
    const subscription = thread.subscribes
      ? notifier.subscribeSync(page, id, { cookie })
      : undefined;
    const list = notifier instanceof HlistNotifier ? notifier : undefined;
    list?.registerOps(legacyOpsId, legacyOpsOf(memory, base));
    const registration =
      thread.registers === true ? list?.registerSync(legacyOpsId, { cookie: device }) : undefined;
    return { notifier, memory, base, device, subscription, registration, stay };
  };
  return {
    memory: boxesAt + (posters > 0 ? bytesOfBoxes : 0),
    setup(shared) {
      strategy.create({ variant, memory: shared, capacity });
      new Int32Array(shared)[base + wordsOfPage.pte] = 1;
      if (posters === 0) return;
      const description = { kind: kindOfBoxes, capacity: 1, byteLength: bytesOfBoxes };
      Region.create(description, part(shared, boxesAt, bytesOfBoxes));
    },
    threads: Object.fromEntries(
      Object.entries(threads).map(([name, thread], device) => [
        name,
        {
          attach(shared: SharedArrayBuffer) {
            const within = createThread(sleepInSlices);
            return { within, agent: within(() => attach(shared, device, thread)) };
          },
          run: ({ within, agent }: Attached) =>
            within(() => {
              thread.run(agent);
              agent.stay();
            }),
        },
      ]),
    ),
    check(shared) {
      const memory = new Int32Array(shared);
      const pte = memory[base + wordsOfPage.pte]!;
      for (let device = 0; device < capacity; device++) {
        const spte = memory[base + wordsOfPage.spte + device]!;
        if (spte === 0 || spte === pte || memory[base + wordsOfPage.closed + device] === 1)
          continue;
        throw new Error(`stale: shadow entry ${spte}, page-table entry ${pte}`);
      }
      strategy.attach(shared).verify();
    },
    names: (byteOffset) =>
      nameOf(strategy, byteOffset / Int32Array.BYTES_PER_ELEMENT - base, byteOffset),
  };
}

function nameOf(strategy: Strategy, word: number, byteOffset: number): string | undefined {
  const box = word - Math.ceil(wordsOfPage.total / 2) * 2;
  if (box === wordsOfBoxes.done) return 'done';
  if (box >= wordsOfBoxes.boxes) return nameOfMailboxWord(box - wordsOfBoxes.boxes);
  if (word < 0) {
    return strategy.nameOfWord?.(Math.floor(byteOffset / Int32Array.BYTES_PER_ELEMENT), capacity);
  }
  if (word === wordsOfPage.pte) return 'pte';
  if (word < wordsOfPage.closed) return `device[${word - wordsOfPage.spte}].spte`;
  return word < wordsOfPage.total ? `device[${word - wordsOfPage.closed}].closed` : undefined;
}

/** The callback of every device: tears its entry down. */
function opsOf(memory: Int32Array, base: number): SubscriptionOps {
  return {
    invalidate(_range, device) {
      if (memory[base + wordsOfPage.closed + device] !== 0) {
        throw new Error('a callback runs although close has returned');
      }
      memory[base + wordsOfPage.spte + device] = 0;
    },
  };
}

/** The same on the legacy list: one callback that never waits, and a release. */
function legacyOpsOf(memory: Int32Array, base: number): LegacyOps {
  const check = (device: number): void => {
    if (memory[base + wordsOfPage.closed + device] !== 0) {
      throw new Error('a callback runs although unregister has returned');
    }
  };
  return { invalidateRange: (_start, _end, device) => check(device), release: check };
}

/** A section that changes the page, when it may start. */
export function section(start: (notifier: Notifier) => Invalidation | undefined): Thread {
  return {
    subscribes: false,
    run({ notifier, memory, base }) {
      const opened = start(notifier);
      if (opened === undefined) return;
      Atomics.store(memory, base + wordsOfPage.pte, 2);
      notifier.invalidateRangeEndSync(opened);
    },
  };
}

/** A device's fault. */
export function faultIn(
  { memory, base, device }: Agent,
  subscription: Subscription,
  attempts: number,
): void {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const seq = subscription.readBeginSync();
    const value = Atomics.load(memory, base + wordsOfPage.pte);
    const install = (): void => void (memory[base + wordsOfPage.spte + device] = value);
    if (subscription.publishSync(seq, install)) return;
  }
}
