/**
 * What agents do at the same time, and the board on which they check each other. All in the …Sync forms, but for the
 * main thread; bounded by counts of operations.
 *
 * Memory is `pages` words, each holding its version. A device keeps a shadow word for each page of its span: the version
 * that it read, or 0. An invalidator starts a section, checks that no shadow in it is left, writes a new version into
 * every page, checks again, ends it. So a shadow entry is right if it is 0 or the page's version at every moment outside
 * of sections, and a stale one is seen by the next section over it, or at the end.
 */
import { Worker } from 'node:worker_threads';
import { headerWords, Region } from '@mmu-notifier/sync';
import type { InvalidationRange } from '@mmu-notifier/core';
import { interval, type IntervalNotifier, type IntervalSubscription } from '../src/variants.ts';

export const pages = 64;
/** Each device has a shadow of the whole memory. */
export const devices = 4;

/** Words of the board. */
export const At = {
  ready: headerWords,
  stop: headerWords + 1,
  wrong: headerWords + 2,
  callbacks: headerWords + 3,
  version: headerWords + 4,
  inCallback: headerWords + 6,
  memory: headerWords + 16,
  shadow: headerWords + 16 + pages,
} as const;

export type JobName =
  | 'invalidate'
  | 'tryInvalidate'
  | 'fault'
  | 'churn'
  | 'readOnce'
  | 'closeOnce'
  | 'sectionUntilStop'
  | 'faultUntilReleased';

export interface Job {
  readonly name: JobName;
  readonly memory: SharedArrayBuffer;
  readonly board: SharedArrayBuffer;
  readonly agent: number;
  readonly agents: number;
  readonly operations: number;
  /** The subscription of the fault, readOnce and closeOnce jobs. */
  readonly id: number;
}

/** A notifier in shared memory and the board. */
export function createShared(
  capacity: number,
  variant = 'landed',
): { notifier: IntervalNotifier; board: Region } {
  const memory = new SharedArrayBuffer(interval.byteLength(capacity, variant));
  const byteLength = 4 * (At.shadow + pages * devices);
  const board = Region.create(
    { kind: 'board', capacity: pages, byteLength },
    new SharedArrayBuffer(byteLength),
  );
  const notifier = interval.create({ memory, capacity, variant });
  register(notifier, board);
  for (let page = 0; page < pages; page++) board.words[At.memory + page] = 1;
  board.words[At.version] = 1;
  return { notifier, board };
}

/** The ops that every agent registers: 0 is a device, whose number is the cookie. */
function register(notifier: IntervalNotifier, board: Region): void {
  notifier.registerOps(0, {
    invalidate: ({ start, end }: InvalidationRange, device: number) => {
      // The driver's lock is held: nobody else may be here for this device.
      if (board.add(At.inCallback + device, 1) !== 0) board.add(At.wrong, 1);
      for (let page = start; page < Math.min(end, pages); page++) {
        board.words[At.shadow + device * pages + page] = 0;
      }
      board.add(At.callbacks, 1);
      board.add(At.inCallback + device, -1);
    },
  });
  notifier.registerOps(1, { invalidate: () => {} });
}

/** Starts an agent; resolves to what its job returns. */
export function startAgent(
  name: JobName,
  { notifier, board }: { notifier: IntervalNotifier; board: Region },
  given: { agent?: number; agents?: number; operations?: number; id?: number } = {},
): Promise<number> {
  const { agent = 0, agents = 1, operations = 1, id = 0 } = given;
  const job: Job = {
    name,
    memory: notifier.memory as SharedArrayBuffer,
    board: board.memory as SharedArrayBuffer,
    agent,
    agents,
    operations,
    id,
  };
  const worker = new Worker(new URL('./shared.worker.ts', import.meta.url), {
    workerData: job,
    execArgv: ['--conditions=@mmu-notifier/source'],
  });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the agent ended with code ${code}`)));
  });
}

/** Does a job. */
export function perform(job: Job, notifier: IntervalNotifier, board: Region): number {
  register(notifier, board);
  board.add(At.ready, 1);
  // Agents meet before they race.
  while (board.load(At.ready) < job.agents);
  const jobs: Record<JobName, () => number> = {
    invalidate: () => invalidate(job, notifier, board),
    tryInvalidate: () => tryInvalidate(job, notifier, board),
    fault: () => fault(job, notifier.subscriptionAt(job.id), board),
    churn: () => churn(job, notifier),
    readOnce: () => notifier.subscriptionAt(job.id).readBeginSync(),
    closeOnce: () => {
      notifier.subscriptionAt(job.id).closeSync();
      return 0;
    },
    sectionUntilStop: () => {
      const invalidation = notifier.invalidateRangeStartSync({ start: 0, end: 1 });
      board.add(At.ready, 1);
      while (board.load(At.stop) === 0);
      notifier.invalidateRangeEndSync(invalidation);
      return 0;
    },
    faultUntilReleased: () => {
      faultUntilReleased(job, notifier.subscriptionAt(job.id), board);
      return 0;
    },
  };
  return jobs[job.name]();
}

/** Sections over pages that no other invalidator changes: as under the mmap lock. Returns how many. */
function invalidate(job: Job, notifier: IntervalNotifier, board: Region): number {
  const random = randomFrom(job.agent + 1);
  for (let i = 0; i < job.operations; i++) {
    const range = rangeOf(job, random);
    const invalidation = notifier.invalidateRangeStartSync(range);
    change(range, board);
    notifier.invalidateRangeEndSync(invalidation);
  }
  return job.operations;
}

/** The same, non-blockable. Returns how many would not have blocked. */
function tryInvalidate(job: Job, notifier: IntervalNotifier, board: Region): number {
  const random = randomFrom(job.agent + 1);
  let went = 0;
  for (let i = 0; i < job.operations; i++) {
    const range = rangeOf(job, random);
    const invalidation = notifier.tryInvalidateRangeStart(range);
    if (invalidation === undefined) continue;
    went++;
    change(range, board);
    notifier.invalidateRangeEndSync(invalidation);
  }
  return went;
}

/** A range within the invalidator's part of the pages. */
function rangeOf({ agent, agents }: Job, random: (below: number) => number) {
  const part = Math.floor(pages / agents);
  const start = agent * part + random(part);
  return { start, end: start + 1 + random(agent * part + part - start) };
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

/** Faults of one device. Returns how many published at the first try. */
function fault(job: Job, subscription: IntervalSubscription, board: Region): number {
  const random = randomFrom(job.agent + 100);
  let atOnce = 0;
  for (let i = 0; i < job.operations; i++) {
    if (faultOnce(subscription, job.id, random(pages), board)) atOnce++;
  }
  return atOnce;
}

/** The retry loop; returns whether the first attempt published. */
function faultOnce(
  subscription: IntervalSubscription,
  device: number,
  page: number,
  board: Region,
): boolean {
  for (let attempt = 0; ; attempt++) {
    const seq = subscription.readBeginSync();
    const version = board.load(At.memory + page);
    const install = (): void => {
      board.words[At.shadow + device * pages + page] = version;
    };
    if (!subscription.checkRetry(seq) && subscription.publishSync(seq, install)) {
      return attempt === 0;
    }
  }
}

/** Subscribes and closes, over and over. Returns how often it ran out of room. */
function churn(job: Job, notifier: IntervalNotifier): number {
  const random = randomFrom(job.agent + 200);
  const open: IntervalSubscription[] = [];
  let full = 0;
  for (let i = 0; i < job.operations; i++) {
    if (open.length < 8 && random(2) === 0) {
      const start = random(pages);
      try {
        open.push(notifier.subscribeSync({ start, end: pages }, 1));
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'MMN_OUT_OF_CAPACITY') throw error;
        full++;
      }
    } else if (open.length > 0) {
      open.splice(random(open.length), 1)[0]!.closeSync();
    }
  }
  for (const subscription of open) subscription.closeSync();
  return full;
}

/** Faults until the address space is released. */
function faultUntilReleased(job: Job, subscription: IntervalSubscription, board: Region): void {
  const random = randomFrom(job.agent + 300);
  try {
    for (;;) faultOnce(subscription, job.id, random(pages), board);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'MMN_RELEASED') throw error;
  }
}

/** How many shadow entries there are. */
export function installedEntries(board: Region): number {
  return board.words.subarray(At.shadow, At.shadow + devices * pages).filter((entry) => entry !== 0)
    .length;
}

/** The shadow entries that are neither 0 nor right, and what agents found wrong. */
export function wrongEntries(board: Region): number {
  let wrong = board.load(At.wrong);
  for (let device = 0; device < devices; device++) {
    for (let page = 0; page < pages; page++) {
      const entry = board.words[At.shadow + device * pages + page]!;
      if (entry !== 0 && entry !== board.words[At.memory + page]) wrong++;
    }
  }
  return wrong;
}

/** Resolves when that many agents are there. */
export async function untilReady(board: Region, agents: number): Promise<void> {
  while (board.load(At.ready) < agents) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** Numbers from 0 to `below` - 1, by a seed: xorshift. */
function randomFrom(seed: number): (below: number) => number {
  let x = (seed * 0x9e3779b1) | 0 || 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}
