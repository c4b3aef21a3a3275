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
import { codeOf, type Subscription } from '@mmu-notifier/core';
import type { HlistNotifier } from '@mmu-notifier/hlist-srcu';
import { ownerThreads } from './owner-situations.ts';
import {
  build,
  faultIn,
  opsId,
  page,
  section,
  wordsOfPage,
  type SharedSituation,
  type Situations,
  type Thread,
} from './thread.ts';

export type { SharedSituation } from './thread.ts';

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

const threadsOf: Situations = {
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
  ...ownerThreads,
};

/** Every situation. */
export const sharedSituations: readonly SharedSituation[] = Object.entries(threadsOf).map(
  ([name, [description, threads]]) => ({
    name,
    description,
    mode: 'shared-memory',
    isDefault: Object.keys(threads).length === 2 && !(name in ownerThreads),
    needs: Object.values(threads).some(({ registers }) => registers) ? 'a legacy list' : undefined,
    build: ({ strategy, variant }) => build(strategy, variant, threads),
  }),
);
