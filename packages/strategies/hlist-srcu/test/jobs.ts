/** Worker threads over one notifier in shared memory, and the words that they and the tests share besides. */
import { Worker } from 'node:worker_threads';
import { hlistSrcu } from '../src/index.ts';

export const devicesMax = 4;
export const pages = 4;
export const pageSize = 4096;

/** Words beside the notifier's. A shadow word holds a version + 1, or 0. */
export const At = {
  go: 0,
  ready: 1,
  mappedInSection: 2,
  calledAfterClose: 3,
  published: 4,
  refused: 5,
  wouldBlock: 6,
  closed: 8,
  version: 8 + devicesMax,
  shadow: 8 + devicesMax + pages,
} as const;
const wordCount = At.shadow + devicesMax * pages;

/** Ids of ops tables. */
export const opsIds = { device: 1, gated: 2, legacy: 3, unknown: 9 } as const;

export type Job =
  | 'invalidate'
  | 'fault'
  | 'section'
  | 'start'
  | 'release'
  | 'get'
  | 'subscribe'
  | 'read';

export interface JobData {
  readonly memory: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
  readonly job: Job;
  readonly worker: number;
  readonly operations: number;
}

export interface Shared {
  readonly memory: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
  readonly words: Int32Array;
}

export function createShared(capacity = 8): Shared {
  const data = new SharedArrayBuffer(wordCount * 4);
  const memory = new SharedArrayBuffer(hlistSrcu.byteLength(capacity));
  return { memory, data, words: new Int32Array(data) };
}

/** Starts a worker, from the sources; resolves to its result. */
export function startJob(
  { memory, data }: Shared,
  job: Job,
  { worker = 0, operations = 1 } = {},
): Promise<unknown> {
  const workerData: JobData = { memory, data, job, worker, operations };
  const thread = new Worker(new URL('./jobs.worker.ts', import.meta.url), {
    workerData,
    execArgv: ['--conditions=@mmu-notifier/source'],
  });
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the worker ended with code ${code}`)));
  });
}

/** Resolves when a word has at least this value. */
export async function untilAtLeast(words: Int32Array, at: number, value: number): Promise<void> {
  while (Atomics.load(words, at) < value) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** Resolves when a word is not 0, or the job is over. */
export async function untilSet(
  words: Int32Array,
  at: number,
  job: Promise<unknown>,
): Promise<void> {
  const waiting = { isOver: false };
  const over = (): void => {
    waiting.isOver = true;
  };
  void job.then(over, over);
  while (!waiting.isOver && Atomics.load(words, at) === 0) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** Lets those go on who wait for it. */
export function go(words: Int32Array): void {
  Atomics.store(words, At.go, 1);
  Atomics.notify(words, At.go);
}
