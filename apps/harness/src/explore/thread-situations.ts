/**
 * Small situations, written against the contract and the same for every strategy: who is there and what each
 * does. The explorer finds the interleaving; nobody writes one down.
 *
 * Every situation has one page. Its page-table entry `pte` holds 1, and 2 after the change. A device's shadow
 * entry `spte` holds what the device read, or 0. Required of all:
 *
 * 1. At the end of all, a shadow entry is what the page table says.                                 [R2]
 * 2. When close has returned, no callback runs.                                                     [U1]
 * 3. Everybody gets done, and nobody touches another's words without being ordered after it: no deadlock, no
 *    data race. A record that is used after it was given back is a data race too.
 * 4. When all are done, the notifier's structures are what `verify` says they must be.
 */
import {
  codeOf,
  type Invalidation,
  type Notifier,
  type Strategy,
  type Subscription,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import type { Scenario } from '@mmu-notifier/explorer';
import { HlistNotifier, type LegacyOps, type Registration } from '@mmu-notifier/hlist-srcu';
import type { Contender } from '../strategies.ts';

/** A situation by its name, for `--scenario`. */
export interface SharedSituation {
  readonly name: string;
  readonly description: string;
  readonly mode: 'shared-memory';
  /** Explored when nobody says which: those of two threads. */
  readonly isDefault: boolean;
  /** What a notifier must have beside the contract. */
  readonly needs: 'a legacy list' | undefined;
  build(contender: Pick<Contender, 'strategy' | 'variant'>): Scenario;
}

/** Most subscriptions of a situation. */
const capacity = 4;
const page = { start: 0x1000, end: 0x2000 } as const;
const opsId = 1;
const legacyOpsId = 2;

/** Words behind the notifier's own. Devices are numbered; each has a shadow entry and a mark that it has closed. */
const wordsOfPage = { pte: 0, spte: 1, closed: 1 + capacity, total: 1 + 2 * capacity } as const;

/** What one thread works with: made once, as a worker does when it starts. */
interface Agent {
  readonly notifier: Notifier;
  readonly memory: Int32Array;
  /** The first word behind the notifier's. */
  readonly base: number;
  /** A device's number and its subscription. */
  readonly device: number;
  readonly subscription: Subscription | undefined;
  /** On the legacy list itself. */
  readonly registration: Registration | undefined;
}

interface Thread {
  /** Subscribes before the exploration begins. */
  readonly subscribes: boolean;
  /** Registers with the legacy list before the exploration begins. */
  readonly registers?: boolean;
  readonly run: (agent: Agent) => void;
}

function build(
  strategy: Strategy,
  variant: string,
  threads: Readonly<Record<string, Thread>>,
): Scenario {
  const bytes = strategy.byteLength(capacity, variant);
  const base = bytes / Int32Array.BYTES_PER_ELEMENT;
  const attach = (
    shared: SharedArrayBuffer,
    device: number,
    { subscribes, registers }: Thread,
  ): Agent => {
    const notifier = strategy.attach(shared);
    const memory = new Int32Array(shared);
    notifier.registerOps(opsId, opsOf(memory, base));
    const options = { cookie: device };
    const subscription = subscribes ? notifier.subscribeSync(page, opsId, options) : undefined;
    const list = notifier instanceof HlistNotifier ? notifier : undefined;
    list?.registerOps(legacyOpsId, legacyOpsOf(memory, base));
    const registration = registers === true ? list?.registerSync(legacyOpsId, options) : undefined;
    return { notifier, memory, base, device, subscription, registration };
  };
  return {
    memory: bytes + Math.ceil(wordsOfPage.total / 2) * 8,
    setup(shared) {
      strategy.create({ variant, memory: shared, capacity });
      new Int32Array(shared)[base + wordsOfPage.pte] = 1;
    },
    threads: Object.fromEntries(
      Object.entries(threads).map(([name, thread], device) => [
        name,
        { attach: (shared: SharedArrayBuffer) => attach(shared, device, thread), run: thread.run },
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
function section(start: (notifier: Notifier) => Invalidation | undefined): Thread {
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

/** Changes the page in a section within another one. */
const nesting: Thread = {
  subscribes: false,
  run({ notifier, memory, base }) {
    const outer = notifier.invalidateRangeStartSync(page);
    notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(page));
    Atomics.store(memory, base + wordsOfPage.pte, 2);
    notifier.invalidateRangeEndSync(outer);
  },
};

const invalidator = section((notifier) => notifier.invalidateRangeStartSync(page));
const reaper = section((notifier) => notifier.tryInvalidateRangeStart(page));

/** A device's fault. */
function faultIn(
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

const reader: Thread = {
  subscribes: true,
  run: (agent) => faultIn(agent, agent.subscription!, 2),
};

/** The same, tried once: for situations that are large without it. */
const onceReader: Thread = {
  subscribes: true,
  run: (agent) => faultIn(agent, agent.subscription!, 1),
};

/** A device that comes while others are at work. */
const newcomer: Thread = {
  subscribes: false,
  run: (agent) =>
    faultIn(agent, agent.notifier.subscribeSync(page, opsId, { cookie: agent.device }), 2),
};

/** A device that goes. From then on its entry is its own business, and its record somebody else's. */
const closer: Thread = {
  subscribes: true,
  run({ memory, base, device, subscription }) {
    subscription!.closeSync();
    memory[base + wordsOfPage.closed + device] = 1;
  },
};

/** A device that comes and goes. */
const visitor: Thread = {
  subscribes: false,
  run(agent) {
    const { notifier, memory, base, device } = agent;
    const subscription = notifier.subscribeSync(page, opsId, { cookie: device });
    faultIn(agent, subscription, 1);
    subscription.closeSync();
    memory[base + wordsOfPage.closed + device] = 1;
  },
};

/** Has one device and brings three more; the middle one of them goes again, and the last one faults. */
const churner: Thread = {
  subscribes: true,
  run(agent) {
    const { notifier, memory, base } = agent;
    const subscribe = (device: number): Subscription =>
      notifier.subscribeSync(page, opsId, { cookie: device });
    subscribe(0);
    const middle = subscribe(2);
    const last = subscribe(3);
    middle.closeSync();
    memory[base + wordsOfPage.closed + 2] = 1;
    faultIn({ ...agent, device: 3 }, last, 1);
  },
};

/** Somebody under a page-table lock, who tells the list that entries are cleared. */
const caller: Thread = {
  subscribes: false,
  run: ({ notifier }) => (notifier as HlistNotifier).invalidateRange(page),
};

/** A subscriber of the list that goes. */
const leaver: Thread = {
  subscribes: false,
  registers: true,
  run({ notifier, memory, base, device, registration }) {
    (notifier as HlistNotifier).unregisterSync(registration!);
    memory[base + wordsOfPage.closed + device] = 1;
  },
};

/** The end of the address space, and nothing else. */
const death: Thread = { subscribes: false, run: ({ notifier }) => notifier.releaseSync() };

/** The end of the address space; the page goes with it. */
const exit: Thread = {
  subscribes: false,
  run({ notifier, memory, base }) {
    notifier.releaseSync();
    Atomics.store(memory, base + wordsOfPage.pte, 2);
  },
};

/** A reader that may find the address space gone. */
const readerAtExit: Thread = {
  subscribes: true,
  run(agent) {
    try {
      reader.run(agent);
    } catch (error) {
      if (codeOf(error) !== 'MMN_RELEASED') throw error;
    }
  },
};

const threadsOf: Readonly<Record<string, readonly [string, Readonly<Record<string, Thread>>]>> = {
  fault: ['a device faults while the page changes', { invalidator, reader }],
  close: ['a device goes while the page changes', { invalidator, closer }],
  subscribe: ['a device comes while the page changes', { invalidator, newcomer }],
  reap: ['a device faults while the page is reaped without waiting', { reaper, reader }],
  nested: [
    'a device faults while the page changes in a section within a section',
    { nesting, reader },
  ],
  visit: ['a device comes and goes while the page changes', { invalidator, visitor }],
  churn: ['devices come and one of them goes while the page changes', { invalidator, churner }],
  exit: ['a device faults while the address space dies', { exit, reader: readerAtExit }],
  'two-sections': [
    'two sections overlap a fault',
    { first: invalidator, second: invalidator, reader: onceReader },
  ],
  'fault-close': [
    'one device faults, another goes, the page changes',
    { invalidator, reader, closer },
  ],
  'close-exit': [
    'a device goes while the page changes and the address space dies',
    { invalidator, closer, exit },
  ],
  unregister: [
    'a subscriber of the list goes while it is called and the address space dies',
    { caller, leaver, death },
  ],
  'two-faults': [
    'two devices fault while the page changes',
    { invalidator, first: onceReader, second: onceReader },
  ],
};

/** Every situation. */
export const sharedSituations: readonly SharedSituation[] = Object.entries(threadsOf).map(
  ([name, [description, threads]]) => ({
    name,
    description,
    mode: 'shared-memory',
    isDefault: Object.keys(threads).length === 2,
    needs: Object.values(threads).some(({ registers }) => registers) ? 'a legacy list' : undefined,
    build: ({ strategy, variant }) => build(strategy, variant, threads),
  }),
);
