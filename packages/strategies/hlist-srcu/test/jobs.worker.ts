/** What a worker thread does in the shared-memory tests; posts the job's result. */
import { parentPort, workerData } from 'node:worker_threads';
import { codeOf, type InvalidationRange } from '@mmu-notifier/core';
import { hlistSrcu } from '../src/index.ts';
import { At, opsIds, pages, pageSize, type Job, type JobData } from './jobs.ts';

const { memory, data, job, worker, operations } = workerData as JobData;
const words = new Int32Array(data);
const notifier = hlistSrcu.attach(memory);
const page = { start: 0, end: pageSize };

function shadowAt(device: number, index: number): number {
  return At.shadow + device * pages + index;
}

function isReady(): void {
  Atomics.add(words, At.ready, 1);
}

function awaitGo(): void {
  isReady();
  Atomics.wait(words, At.go, 0);
}

notifier.registerOps(opsIds.device, {
  invalidate({ start, end }: InvalidationRange, device) {
    if (Atomics.load(words, At.closed + device) === 1) Atomics.add(words, At.calledAfterClose, 1);
    for (let index = 0; index < pages; index++) {
      if (index * pageSize < end && (index + 1) * pageSize > start) {
        Atomics.store(words, shadowAt(device, index), 0);
      }
    }
  },
});
notifier.registerOps(opsIds.gated, { invalidate: awaitGo });
notifier.registerOps(opsIds.legacy, { alloc: () => 70 + worker });

function unmap(device: number): void {
  for (let index = 0; index < pages; index++) Atomics.store(words, shadowAt(device, index), 0);
}

/** Counts what is mapped in a section of this agent's: nothing may be. */
function checkUnmapped(first: number, last: number, devices: number): void {
  for (let device = 0; device < devices; device++) {
    for (let index = first; index <= last; index++) {
      if (Atomics.load(words, shadowAt(device, index)) !== 0) {
        Atomics.add(words, At.mappedInSection, 1);
      }
    }
  }
}

const jobs: Record<Job, () => unknown> = {
  /** Sections, nested ones among them; every third is a non-blockable one. */
  invalidate() {
    for (let i = 0; i < operations; i++) {
      const first = (i + worker) % pages;
      const last = Math.min(first + (i % 2), pages - 1);
      const range = { start: first * pageSize, end: (last + 1) * pageSize };
      const section =
        i % 3 === 0
          ? notifier.tryInvalidateRangeStart(range)
          : notifier.invalidateRangeStartSync(range);
      if (section === undefined) {
        Atomics.add(words, At.wouldBlock, 1);
        continue;
      }
      checkUnmapped(first, last, 2);
      const inner = i % 5 === 0 ? notifier.invalidateRangeStartSync(page) : undefined;
      for (let index = first; index <= last; index++) Atomics.add(words, At.version + index, 1);
      if (inner !== undefined) notifier.invalidateRangeEndSync(inner);
      checkUnmapped(first, last, 2);
      notifier.invalidateRangeEndSync(section);
    }
    return undefined;
  },

  /** A device that faults, and now and then closes and subscribes again. Its number is its cookie. */
  fault() {
    const device = worker;
    const span = { start: 0, end: pages * pageSize };
    const options = { cookie: device };
    let subscription = notifier.subscribeSync(span, opsIds.device, options);
    for (let i = 0; i < operations; i++) {
      const index = i % pages;
      const seq = subscription.readBeginSync();
      const version = Atomics.load(words, At.version + index);
      const isPublished = subscription.publishSync(seq, () => {
        Atomics.store(words, shadowAt(device, index), version + 1);
      });
      Atomics.add(words, isPublished ? At.published : At.refused, 1);
      if (i % 100 !== 99) continue;
      unmap(device); // before closing: once unlinked, nobody tears down for it any more
      subscription.closeSync();
      Atomics.store(words, At.closed + device, 1);
      Atomics.store(words, At.closed + device, 0);
      subscription = notifier.subscribeSync(span, opsIds.device, options);
    }
    unmap(device);
    subscription.closeSync();
    return undefined;
  },

  /** A section that stays open until the main thread says so. */
  section() {
    const section = notifier.invalidateRangeStartSync(page);
    awaitGo();
    notifier.invalidateRangeEndSync(section);
    return undefined;
  },

  /** A section, or why there is none. */
  start() {
    try {
      notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(page));
      return 'ended';
    } catch (error) {
      return codeOf(error);
    }
  },

  release() {
    notifier.releaseSync();
    return undefined;
  },

  /** Whether a subscription came about, after a section of this agent's that is over. */
  subscribe() {
    notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(page));
    return notifier.subscribeSync(page, opsIds.device).isOpen;
  },

  /** Why a read came to nothing that waited. */
  read() {
    const subscription = notifier.subscribeSync(page, opsIds.device);
    awaitGo();
    try {
      return subscription.readBeginSync();
    } catch (error) {
      return codeOf(error);
    }
  },

  /** The cookie of the subscriber that get finds or makes. */
  get() {
    return notifier.getSync(opsIds.legacy).cookie;
  },
};

const result = jobs[job]();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread's port has none
parentPort?.postMessage(result);
