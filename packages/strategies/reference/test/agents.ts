/**
 * What agents do at the same time, in the …Sync forms, bounded by counts of operations; and the board on which they
 * check each other.
 *
 * Memory is `pages` words, each holding its version. A device keeps a shadow word for each page: the version that it
 * read, or 0. An invalidator starts a section, checks that no shadow in it is left, writes new versions, checks again,
 * ends it. So a stale entry is seen by the next section over it, or at the end.
 */
import { Worker } from 'node:worker_threads';
import { headerWords, Region } from '@mmu-notifier/sync';
import {
  codeOf,
  type InvalidationRange,
  type Notifier,
  type Seq,
  type Subscription,
} from '@mmu-notifier/core';
import { strategy } from './world.ts';

export const pages = 48;
export const devices = 4;

/** Words of the board. */
export const At = {
  ready: headerWords,
  stop: headerWords + 1,
  wrong: headerWords + 2,
  calls: headerWords + 3,
  version: headerWords + 4,
  inside: headerWords + 8,
  memory: headerWords + 8 + devices,
  shadow: headerWords + 8 + devices + pages,
} as const;

export type JobName = keyof typeof jobs;

/** What an agent is told. */
export interface Job {
  readonly name: JobName;
  readonly agent: number;
  /** How many agents meet before they race. */
  readonly agents: number;
  readonly operations: number;
}

/** A notifier in shared memory, and the board. */
export interface Shared {
  readonly notifier: Notifier;
  readonly memory: SharedArrayBuffer;
  readonly board: Region;
}

export function createShared(capacity: number): Shared {
  const memory = new SharedArrayBuffer(strategy.byteLength(capacity));
  const byteLength = 8 * Math.ceil((At.shadow + pages * devices) / 2);
  const description = { kind: 'board', capacity: pages, byteLength };
  const board = Region.create(description, new SharedArrayBuffer(byteLength));
  const notifier = strategy.create({ memory, capacity });
  register(notifier, board);
  board.words.fill(1, At.memory, At.memory + pages);
  board.words[At.version] = 1;
  return { notifier, memory, board };
}

/** The ops that every agent registers: 0 is a device, whose number is the cookie; 1 looks at nothing. */
export function register(notifier: Notifier, board: Region): void {
  notifier.registerOps(0, {
    invalidate: ({ start, end }: InvalidationRange, device: number) => {
      // The driver's lock is held: nobody else is here for this device.
      if (board.add(At.inside + device, 1) !== 0) board.add(At.wrong, 1);
      const at = At.shadow + device * pages;
      board.words.fill(0, at + start, at + Math.min(end, pages));
      board.add(At.calls, 1);
      board.add(At.inside + device, -1);
    },
  });
  notifier.registerOps(1, { invalidate: () => {} });
}

/** Starts an agent; resolves to what its job returns. */
export function startAgent(
  name: JobName,
  { memory, board }: Shared,
  { agent = 0, agents = 1, operations = 1 }: Partial<Job> = {},
): Promise<number> {
  const job: Job = { name, agent, agents, operations };
  const worker = new Worker(new URL('./agent.worker.ts', import.meta.url), {
    workerData: { job, memory, board: board.memory },
    execArgv: ['--conditions=@mmu-notifier/source'],
  });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the agent ended with code ${code}`)));
  });
}

/** Resolves when that many agents are there. */
export async function untilReady(board: Region, agents: number): Promise<void> {
  while (board.load(At.ready) < agents) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** Shadow entries that are neither 0 nor right, and what agents found wrong. */
export function wrongEntries(board: Region): number {
  let wrong = board.load(At.wrong);
  for (let at = 0; at < devices * pages; at++) {
    const entry = board.words[At.shadow + at]!;
    if (entry !== 0 && entry !== board.words[At.memory + (at % pages)]) wrong++;
  }
  return wrong;
}

/** In the agent: does its job. */
export function perform(job: Job, notifier: Notifier, board: Region): number {
  register(notifier, board);
  return jobs[job.name](job, notifier, board);
}

const jobs = {
  /** Sections over pages that no other invalidator changes, as under the mmap lock. */
  invalidate(job: Job, notifier: Notifier, board: Region): number {
    const random = meet(job, board);
    for (let i = 0; i < job.operations; i++) {
      const range = rangeOf(job, random);
      const section = notifier.invalidateRangeStartSync(range);
      change(range, board);
      notifier.invalidateRangeEndSync(section);
    }
    return job.operations;
  },

  /** The same, non-blockable. Returns how many would not have blocked. */
  tryInvalidate(job: Job, notifier: Notifier, board: Region): number {
    const random = meet(job, board);
    let went = 0;
    for (let i = 0; i < job.operations; i++) {
      const range = rangeOf(job, random);
      const section = notifier.tryInvalidateRangeStart(range);
      if (section === undefined) continue;
      went++;
      change(range, board);
      notifier.invalidateRangeEndSync(section);
    }
    return went;
  },

  /** Faults of a device of its own. Returns how many collided. */
  fault(job: Job, notifier: Notifier, board: Region): number {
    const device = subscribe(job, notifier);
    const random = meet(job, board);
    let collisions = 0;
    for (let i = 0; i < job.operations; i++) {
      collisions += faultOnce(device, job.agent, random(pages), board);
    }
    return collisions;
  },

  /**
   * Subscribes and closes, over and over. Where nobody invalidates, what was read at first can be published at last: else
   * two have one record. Returns how often there was no room.
   */
  churn(job: Job, notifier: Notifier, board: Region): number {
    const random = meet(job, board);
    const open: [Subscription, Seq][] = [];
    const closeOne = (): void => {
      const [subscription, seq] = open.splice(random(open.length), 1)[0]!;
      const published = subscription.publishSync(seq, () => {});
      if (!published && board.load(At.version) === 1) board.add(At.wrong, 1);
      subscription.closeSync();
    };
    let full = 0;
    for (let i = 0; i < job.operations; i++) {
      if (open.length > 0 && (open.length === 8 || random(2) === 0)) {
        closeOne();
        continue;
      }
      try {
        const subscription = notifier.subscribeSync({ start: random(pages), end: pages }, 1);
        open.push([subscription, subscription.readBeginSync()]);
      } catch (error) {
        if (codeOf(error) !== 'MMN_OUT_OF_CAPACITY') throw error;
        full++;
      }
    }
    while (open.length > 0) closeOne();
    return full;
  },

  /** Blocks in a read; returns whether it could be published. */
  readOnce(job: Job, notifier: Notifier, board: Region): number {
    const device = subscribe(job, notifier);
    meet(job, board);
    return device.publishSync(device.readBeginSync(), () => {}) ? 1 : 0;
  },

  /** A section whose callback spins until the board says stop. */
  stuckCallback(_: Job, notifier: Notifier, board: Region): number {
    notifier.registerOps(1, {
      invalidate: () => {
        board.add(At.ready, 1);
        while (board.load(At.stop) === 0);
      },
    });
    const section = notifier.invalidateRangeStartSync({ start: 0, end: 1 });
    notifier.invalidateRangeEndSync(section);
    return 0;
  },

  /** Faults until the address space is released; returns the entries that are left then. */
  faultUntilReleased(job: Job, notifier: Notifier, board: Region): number {
    const device = subscribe(job, notifier);
    const random = meet(job, board);
    try {
      for (;;) faultOnce(device, job.agent, random(pages), board);
    } catch (error) {
      if (codeOf(error) !== 'MMN_RELEASED') throw error;
    }
    board.add(At.stop, 1);
    while (board.load(At.stop) <= job.agents); // the main thread adds the last, when release has returned
    const at = At.shadow + job.agent * pages;
    return board.words.subarray(at, at + pages).filter((entry) => entry !== 0).length;
  },
};

function subscribe({ agent }: Job, notifier: Notifier): Subscription {
  return notifier.subscribeSync({ start: 0, end: pages }, 0, { cookie: agent });
}

/** Waits for the others; returns random numbers from 0 to `below` - 1, by the agent's number: xorshift. */
function meet({ agent, agents }: Job, board: Region): (below: number) => number {
  board.add(At.ready, 1);
  while (board.load(At.ready) < agents);
  let x = (agent + 1) * 0x9e37;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

/** The retry loop. Returns how often it collided. */
function faultOnce(device: Subscription, cookie: number, page: number, board: Region): number {
  for (let collisions = 0; ; collisions++) {
    const seq = device.readBeginSync();
    const version = board.load(At.memory + page);
    const install = (): void => {
      board.words[At.shadow + cookie * pages + page] = version;
    };
    if (!device.checkRetry(seq) && device.publishSync(seq, install)) return collisions;
  }
}

/** A range within the invalidator's part of the pages. */
function rangeOf({ agent, agents }: Job, random: (below: number) => number) {
  const part = Math.floor(pages / agents);
  const start = agent * part + random(part);
  return { start, end: start + 1 + random((agent + 1) * part - start) };
}

/** Gives every page of an open section a new version. */
function change({ start, end }: { start: number; end: number }, board: Region): void {
  checkNoShadow(start, end, board);
  for (let page = start; page < end; page++) {
    board.store(At.memory + page, board.add(At.version, 1) + 1);
  }
  checkNoShadow(start, end, board);
}

function checkNoShadow(start: number, end: number, board: Region): void {
  for (let device = 0; device < devices; device++) {
    for (let page = start; page < end; page++) {
      if (board.words[At.shadow + device * pages + page] !== 0) board.add(At.wrong, 1);
    }
  }
}
