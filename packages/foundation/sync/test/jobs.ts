/** Starting worker threads for the shared-memory tests, and the words that they and the tests share. */
import { Worker } from 'node:worker_threads';
import { headerWords, Region, struct } from '../src/index.ts';

const words = struct({
  lock: 'wide',
  lockMore: 'wide',
  srcu: 'wide',
  srcuMore: 'wide',
  queue: 'wide',
  count: 'word',
  otherCount: 'word',
  turn: 'word',
  ready: 'word',
  stop: 'word',
  pointer: 'word',
});

/** Where everything is, in words. */
export const At = {
  lock: headerWords + words.lock * 2,
  srcu: headerWords + words.srcu * 2,
  queue: headerWords + words.queue * 2,
  count: headerWords + words.count,
  otherCount: headerWords + words.otherCount,
  turn: headerWords + words.turn,
  ready: headerWords + words.ready,
  stop: headerWords + words.stop,
  pointer: headerWords + words.pointer,
} as const;

/** Slots for the SRCU test, so many that a freed one is not used again at once; and what stands in a freed one. */
export const slots: number = headerWords + words.sizeWords;
export const slotCount = 64;
export const poison = 0xdead;

export interface JobData {
  readonly memory: SharedArrayBuffer;
  readonly job:
    | 'spinLock'
    | 'mutex'
    | 'mutexPlain'
    | 'rwSemaphore'
    | 'pingPong'
    | 'srcuReader'
    | 'lockOnce'
    | 'readUntilStop';
  readonly worker: number;
  /** Who takes part, and how many of them are workers. */
  readonly workers: number;
  readonly started: number;
  readonly operations: number;
}

/** A shared region for one test. */
export function createShared(): Region {
  const byteLength = 1024;
  const description = { kind: 'test', capacity: 1, byteLength };
  return Region.create(description, new SharedArrayBuffer(byteLength));
}

/** Starts workers, from the sources; resolves to their results. `others` take part besides: the main thread. */
export function startJobs(
  region: Region,
  job: JobData['job'],
  { workers, operations, others = 0 }: { workers: number; operations: number; others?: number },
): Promise<number[]> {
  const memory = region.memory as SharedArrayBuffer;
  return Promise.all(
    Array.from({ length: workers }, (_, worker) =>
      runJob({ memory, job, worker, workers: workers + others, started: workers, operations }),
    ),
  );
}

function runJob(data: JobData): Promise<number> {
  const worker = new Worker(new URL('./jobs.worker.ts', import.meta.url), {
    workerData: data,
    execArgv: ['--conditions=@mmu-notifier/source'],
  });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the worker ended with code ${code}`)));
  });
}

/** Resolves when `count` workers have said that they are ready. */
export async function untilReady(region: Region, count: number): Promise<void> {
  while (region.load(At.ready) < count) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
