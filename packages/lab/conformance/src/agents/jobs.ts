/**
 * What agents do at the same time, in the …Sync forms, bounded by counts of operations; and the board on which they
 * check each other.
 *
 * Memory is `pageCount` words, each holding its version. A device keeps a shadow word for each page: the version that it
 * read, or 0. An invalidator starts a section, checks that no shadow in it is left, writes new versions, checks again,
 * ends it. So a stale entry is seen by the next section over it, or at the end.
 */
import {
  codeOf,
  type InvalidationRange,
  type Notifier,
  type Seq,
  type Span,
  type Strategy,
  type Subscription,
} from '@mmu-notifier/core';
import { headerWords, Region } from '@mmu-notifier/sync';
import { sharedMemory } from '../turns.ts';
import type { AgentData } from './agents.ts';
import { exploreSituation, type SituationName } from './situations.ts';

/** Pages of the memory. */
export const pageCount = 48;
/** Devices that the board has shadows for. */
export const deviceCount = 4;

/** Words of the board. */
export const At = {
  ready: headerWords,
  stop: headerWords + 1,
  wrong: headerWords + 2,
  calls: headerWords + 3,
  version: headerWords + 4,
  /** Agents that invalidate, from before they meet the others. */
  invalidators: headerWords + 5,
  inside: headerWords + 8,
  memory: headerWords + 8 + deviceCount,
  shadow: headerWords + 8 + deviceCount + pageCount,
} as const;

/** Faults after the release that are not told of it, after which an agent gives up. */
const faultsAfterRelease = 10_000;

const boardBytes = 8 * Math.ceil((At.shadow + pageCount * deviceCount) / 2);

/** Ids of ops tables: a device, whose number is the cookie; and one that looks at nothing. */
export const opsIds = { device: 0, nothing: 1 } as const;

/** What an agent is told: to work beside others, or to explore alone. */
export type Job = WorkJob | ExploreJob;

/** See {@link Job}. */
export interface ExploreJob {
  readonly name: 'explore';
  readonly situation: SituationName;
  readonly variant: string;
  /** Executions at most. */
  readonly operations: number;
}

/** See {@link Job}. */
export interface WorkJob {
  readonly name: JobName;
  readonly agent: number;
  /** How many agents meet before they race. */
  readonly agents: number;
  readonly operations: number;
}

/** What a `WorkJob` asks for. */
export type JobName = keyof typeof jobs;

/** A board whose pages have their first version. */
export function createBoard(): Region {
  const description = { kind: 'board', capacity: pageCount, byteLength: boardBytes };
  const board = Region.create(description, sharedMemory(boardBytes));
  board.words.fill(1, At.memory, At.memory + pageCount);
  board.words[At.version] = 1;
  return board;
}

/** Registers the ops that every agent has. */
export function register(notifier: Notifier, board: Region): void {
  notifier.registerOps(opsIds.device, {
    invalidate({ start, end }: InvalidationRange, device: number) {
      // The driver's lock is held: nobody else is here for this device.
      if (board.add(At.inside + device, 1) !== 0) board.add(At.wrong, 1);
      const at = At.shadow + device * pageCount;
      board.words.fill(0, at + start, at + Math.min(end, pageCount));
      board.add(At.calls, 1);
      board.add(At.inside + device, -1);
    },
  });
  notifier.registerOps(opsIds.nothing, { invalidate: () => {} });
}

/** Shadow entries that are neither 0 nor right, and what agents found wrong. */
export function wrongEntries(board: Region): number {
  let wrong = board.load(At.wrong);
  for (let at = 0; at < deviceCount * pageCount; at++) {
    const entry = board.words[At.shadow + at]!;
    if (entry !== 0 && entry !== board.words[At.memory + (at % pageCount)]) wrong++;
  }
  return wrong;
}

/** In the agent: imports the strategy, attaches and does its job. */
export async function performJob(data: AgentData): Promise<number> {
  const exports = (await import(data.module)) as Record<string, Strategy | undefined>;
  const strategy = exports[data.exportName];
  if (strategy === undefined) {
    throw new Error(
      `expected ${data.module} to export a strategy as '${data.exportName}', got none`,
    );
  }
  const { job } = data;
  if (job.name === 'explore') {
    exploreSituation(strategy, job.variant, job.situation, job.operations);
    return 0;
  }
  const notifier = strategy.attach(data.memory);
  const board = Region.attach(data.board, 'board');
  register(notifier, board);
  return jobs[job.name](job, notifier, board);
}

const jobs = {
  /** Sections over pages that no other invalidator changes, as under the mmap lock. */
  invalidate(job: WorkJob, notifier: Notifier, board: Region): number {
    const random = meetToInvalidate(job, board);
    for (let at = 0; at < job.operations; at++) {
      const range = rangeOf(job, random);
      const section = notifier.invalidateRangeStartSync(range);
      change(range, board);
      notifier.invalidateRangeEndSync(section);
    }
    return job.operations;
  },

  /** The same, non-blockable. Returns how many would not have blocked. */
  tryInvalidate(job: WorkJob, notifier: Notifier, board: Region): number {
    const random = meetToInvalidate(job, board);
    let went = 0;
    for (let at = 0; at < job.operations; at++) {
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
  fault(job: WorkJob, notifier: Notifier, board: Region): number {
    const device = subscribe(job, notifier);
    const random = meet(job, board);
    let collisions = 0;
    for (let at = 0; at < job.operations; at++) {
      collisions += faultOnce(device, job.agent, random(pageCount), board);
    }
    return collisions;
  },

  /**
   * Subscribes and closes, over and over. Where nobody invalidates, what was read at first can be published at last: else
   * two have one record. Returns how often there was no room.
   */
  churn(job: WorkJob, notifier: Notifier, board: Region): number {
    const random = meet(job, board);
    const open: [Subscription, Seq][] = [];
    const closeOne = (): void => {
      const [subscription, seq] = open.splice(random(open.length), 1)[0]!;
      const published = subscription.publishSync(seq, () => {});
      if (!published && board.load(At.invalidators) === 0) board.add(At.wrong, 1);
      subscription.closeSync();
    };
    let full = 0;
    for (let at = 0; at < job.operations; at++) {
      if (open.length > 0 && (open.length === 8 || random(2) === 0)) {
        closeOne();
        continue;
      }
      try {
        const span = { start: random(pageCount), end: pageCount };
        const subscription = notifier.subscribeSync(span, opsIds.nothing);
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
  readOnce(job: WorkJob, notifier: Notifier, board: Region): number {
    const device = subscribe(job, notifier);
    meet(job, board);
    return device.publishSync(device.readBeginSync(), () => {}) ? 1 : 0;
  },

  /** A subscription, ready; when told to, one read and one section. Returns whether the read was refused. */
  sectionOnce(job: WorkJob, notifier: Notifier, board: Region): number {
    const device = subscribe(job, notifier);
    const seq = device.readBeginSync();
    board.add(At.ready, 1);
    while (board.load(At.stop) === 0);
    return device.publishSync(seq, () => {}) ? 0 : 1;
  },

  /** A section whose callback spins until the board says stop. */
  stuckCallback(_: WorkJob, notifier: Notifier, board: Region): number {
    notifier.registerOps(opsIds.nothing, {
      invalidate: () => {
        board.add(At.ready, 1);
        while (board.load(At.stop) === 0);
      },
    });
    const section = notifier.invalidateRangeStartSync({ start: 0, end: 1 });
    notifier.invalidateRangeEndSync(section);
    return 0;
  },

  /** Faults until the address space is released; returns the entries that are left then, or -1 if nothing told it. */
  faultUntilReleased(job: WorkJob, notifier: Notifier, board: Region): number {
    const device = subscribe(job, notifier);
    const random = meet(job, board);
    try {
      // After the release nobody holds a fault up: so many are soon over.
      for (let after = 0; after < faultsAfterRelease; after += board.load(At.stop) & 1) {
        faultOnce(device, job.agent, random(pageCount), board);
      }
      return -1;
    } catch (error) {
      if (codeOf(error) !== 'MMN_RELEASED') throw error;
    }
    while (board.load(At.stop) === 0); // until release has returned
    const at = At.shadow + job.agent * pageCount;
    return board.words.subarray(at, at + pageCount).filter((entry) => entry !== 0).length;
  },
};

function subscribe({ agent }: WorkJob, notifier: Notifier): Subscription {
  return notifier.subscribeSync({ start: 0, end: pageCount }, opsIds.device, { cookie: agent });
}

/** Waits for the others; returns random numbers from 0 to `below` - 1, by the agent's number: xorshift. */
function meet({ agent, agents }: WorkJob, board: Region): (below: number) => number {
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

/** The same, for who will start sections: the others know it when they have met. */
function meetToInvalidate(job: WorkJob, board: Region): (below: number) => number {
  board.add(At.invalidators, 1);
  return meet(job, board);
}

/** The retry loop. Returns how often it collided. */
function faultOnce(device: Subscription, cookie: number, page: number, board: Region): number {
  for (let collisions = 0; ; collisions++) {
    const seq = device.readBeginSync();
    const version = board.load(At.memory + page);
    const install = (): void => {
      board.words[At.shadow + cookie * pageCount + page] = version;
    };
    if (!device.checkRetry(seq) && device.publishSync(seq, install)) return collisions;
  }
}

/** A range within the invalidator's part of the pages. */
function rangeOf({ agent, agents }: WorkJob, random: (below: number) => number): Span {
  const part = Math.floor(pageCount / agents);
  const start = agent * part + random(part);
  return { start, end: start + 1 + random((agent + 1) * part - start) };
}

/** Gives every page of an open section a new version. */
function change({ start, end }: Span, board: Region): void {
  checkNoShadow(start, end, board);
  for (let page = start; page < end; page++) {
    board.store(At.memory + page, board.add(At.version, 1) + 1);
  }
  checkNoShadow(start, end, board);
}

function checkNoShadow(start: number, end: number, board: Region): void {
  for (let device = 0; device < deviceCount; device++) {
    for (let page = start; page < end; page++) {
      if (board.words[At.shadow + device * pageCount + page] !== 0) board.add(At.wrong, 1);
    }
  }
}
