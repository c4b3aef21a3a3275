/**
 * Every interleaving of the shipped code on shared memory, in small situations: who is there and what each does. The
 * explorer finds the interleaving; nobody writes one down.
 *
 * Every situation has one page. Its page-table entry `pte` holds 1, and 2 after the change. A device's shadow entry
 * `spte` holds what the device read, or 0. Required of all:
 *
 * 1. At the end of all, a shadow entry is what the page table says.                                    [R2]
 * 2. When close has returned, no callback runs.                                                        [U1]
 * 3. Everybody gets done, and nobody touches another's words without being ordered after it: no deadlock, no data race. A
 *    record that is used after it was given back is a data race too.
 */
import {
  codeOf,
  type Invalidation,
  type Notifier,
  type Strategy,
  type Subscription,
  type SubscriptionOps,
} from '@mmu-notifier/core';
import { explore, type Scenario } from '@mmu-notifier/explorer';
import { Region } from '@mmu-notifier/sync';
import { fail } from '../check.ts';

/** Most subscriptions of a situation. */
const capacity = 4;
const page = { start: 0x1000, end: 0x2000 } as const;
const opsId = 1;
/** Most bugs need one preemption or two; what an end does in two steps beside a reader that looks twice needs three. */
const preemptionsMax = 3;

/** Words behind the notifier's own. Devices are numbered; each has a shadow entry and a mark that it has closed. */
const At = { pte: 0, spte: 1, closed: 1 + capacity, total: 1 + 2 * capacity } as const;

/** What one thread works with: made once, as a worker does when it starts. */
interface Agent {
  readonly notifier: Notifier;
  readonly page: Page;
  /** A device's number and its subscription. */
  readonly device: number;
  readonly subscription: Subscription | undefined;
}

interface Thread {
  /** Subscribes before the exploration begins. */
  readonly subscribes: boolean;
  readonly run: (agent: Agent) => void;
}

/** The page and its devices, behind the notifier's words. Its entry is atomic, as the kernel's are; the shadows are under locks. */
class Page {
  readonly words: Int32Array;
  readonly #region: Region;

  constructor(shared: SharedArrayBuffer, byteOffset: number) {
    this.words = new Int32Array(shared, byteOffset, At.total);
    // A region lies at the beginning of its memory; this one has the notifier's in front of it.
    const region = Object.create(Region.prototype) as { words: Int32Array; shared: boolean };
    this.#region = Object.assign(region, { words: this.words, shared: true }) as Region;
  }

  get pte(): number {
    return this.#region.load(At.pte);
  }

  set pte(version: number) {
    this.#region.store(At.pte, version);
  }
}

/** A situation as the explorer takes it. */
function build(
  strategy: Strategy,
  variant: string,
  threads: Readonly<Record<string, Thread>>,
): Scenario {
  const bytes = strategy.byteLength(capacity, variant);
  const attach = (shared: SharedArrayBuffer, device: number, subscribes: boolean): Agent => {
    const notifier = strategy.attach(shared);
    const thePage = new Page(shared, bytes);
    notifier.registerOps(opsId, opsOf(thePage));
    const options = { cookie: device };
    const subscription = subscribes ? notifier.subscribeSync(page, opsId, options) : undefined;
    return { notifier, page: thePage, device, subscription };
  };
  return {
    memory: bytes + Math.ceil(At.total / 2) * 8,
    setup(shared) {
      strategy.create({ variant, memory: shared, capacity });
      new Page(shared, bytes).words[At.pte] = 1;
    },
    threads: Object.fromEntries(
      Object.entries(threads).map(([name, { subscribes, run }], device) => [
        name,
        { attach: (shared: SharedArrayBuffer) => attach(shared, device, subscribes), run },
      ]),
    ),
    check(shared) {
      const { words } = new Page(shared, bytes);
      for (let device = 0; device < capacity; device++) {
        const spte = words[At.spte + device]!;
        if (spte === 0 || spte === words[At.pte] || words[At.closed + device] === 1) continue;
        fail(`stale: shadow entry ${spte}, page-table entry ${words[At.pte]}`);
      }
    },
    names(byteOffset) {
      const word = (byteOffset - bytes) / Int32Array.BYTES_PER_ELEMENT;
      if (word < 0) return strategy.nameOfWord?.(byteOffset >> 2, capacity);
      if (word === At.pte) return 'pte';
      if (word < At.closed) return `device[${word - At.spte}].spte`;
      return word < At.total ? `device[${word - At.closed}].closed` : undefined;
    },
  };
}

/** The callback of every device: tears its entry down. */
function opsOf({ words }: Page): SubscriptionOps {
  return {
    invalidate(_range, device) {
      if (words[At.closed + device] !== 0) fail('a callback runs although close has returned');
      words[At.spte + device] = 0;
    },
  };
}

/** A section that changes the page, when it may start. */
function section(start: (notifier: Notifier) => Invalidation | undefined): Thread {
  return {
    subscribes: false,
    run(agent) {
      const opened = start(agent.notifier);
      if (opened === undefined) return;
      agent.page.pte = 2;
      agent.notifier.invalidateRangeEndSync(opened);
    },
  };
}

const invalidator = section((notifier) => notifier.invalidateRangeStartSync(page));
const reaper = section((notifier) => notifier.tryInvalidateRangeStart(page));

/** A device's fault, tried twice. */
function faultIn({ page: thePage, device }: Agent, subscription: Subscription): void {
  for (let attempt = 0; attempt < 2; attempt++) {
    const seq = subscription.readBeginSync();
    const value = thePage.pte;
    const install = (): void => void (thePage.words[At.spte + device] = value);
    if (subscription.publishSync(seq, install)) return;
  }
}

const reader: Thread = {
  subscribes: true,
  run: (agent) => faultIn(agent, agent.subscription!),
};

/** A device that comes while others are at work. */
const newcomer: Thread = {
  subscribes: false,
  run: (agent) =>
    faultIn(agent, agent.notifier.subscribeSync(page, opsId, { cookie: agent.device })),
};

/** A device that goes. From then on its entry is its own business, and its record somebody else's. */
const closer: Thread = {
  subscribes: true,
  run({ page: { words }, device, subscription }) {
    subscription!.closeSync();
    words[At.closed + device] = 1;
  },
};

/** The end of the address space; the page goes with it. */
const exit: Thread = {
  subscribes: false,
  run(agent) {
    agent.notifier.releaseSync();
    agent.page.pte = 2;
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

const situations = {
  fault: { invalidator, reader },
  close: { invalidator, closer },
  subscribe: { invalidator, newcomer },
  reap: { reaper, reader },
  exit: { exit, reader: readerAtExit },
} as const satisfies Record<string, Readonly<Record<string, Thread>>>;

/** The name of a situation. */
export type SituationName = keyof typeof situations;

/**
 * Explores a situation, by at most so many executions. Throws the smallest schedule that fails; or that it is not known
 * whether there is one, if there are more executions.
 */
export function exploreSituation(
  strategy: Strategy,
  variant: string,
  name: SituationName,
  executions: number,
): void {
  const { verdict, status, summary, failure } = explore({
    ...build(strategy, variant, situations[name]),
    preemptions: preemptionsMax,
    budget: { executions },
  });
  if (verdict !== 'ok') {
    fail(`${summary}\n\n${failure?.diagram}\n\nschedule: ${failure?.schedule}`);
  }
  if (status === 'stopped') {
    fail(
      `expected every interleaving with up to ${preemptionsMax} preemptions, got: ${summary}. With a larger \`effort\` there is more time`,
    );
  }
}
