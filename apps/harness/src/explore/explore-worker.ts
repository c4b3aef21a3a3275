/**
 * The searches of `explore`, on a thread of their own: a search of threads never returns to the event loop, and only there does a process
 * hear of Ctrl-C. The main thread sets the flag, the search that is under way ends as if its budget were spent, and those behind it
 * do not begin.
 *
 * After shared memory has been explored nothing waits any more: what explored code left behind (promises of its own) must not run
 * when the model of shared memory is gone, so the thread exits in the same turn. Asynchronous code comes first, then.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { contenderOf } from '../strategies.ts';
import { exploreEventLoop, exploreShared, type Row, type Search } from './explore-one.ts';
import { situationOf, type Mode } from './situations.ts';

/** One search, by names: they can be sent. */
export interface Job {
  readonly strategy: string;
  readonly scenario: string;
  readonly mode: Mode;
}

/** What the thread is given. */
export interface Task {
  /** Those in an event loop first. */
  readonly jobs: readonly Job[];
  readonly search: Omit<Search, 'onProgress' | 'isStopped'>;
  /** End at the first violation. */
  readonly first: boolean;
  /** One word: not 0 when nobody wants more. */
  readonly stop: Int32Array;
}

/** What it says. */
export type News =
  | { readonly kind: 'progress'; readonly job: Job; executions: number; seconds: number }
  | { readonly kind: 'row'; readonly row: Row };

const tell = (news: News): void => parentPort!.postMessage(news);

async function work({ jobs, search, first, stop }: Task): Promise<void> {
  const isStopped = (): boolean => Atomics.load(stop, 0) !== 0;
  for (const job of jobs) {
    if (isStopped()) return;
    const contender = contenderOf(job.strategy);
    const situation = situationOf(job.scenario, job.mode)!;
    const onProgress = (executions: number, seconds: number): void =>
      tell({ kind: 'progress', job, executions, seconds });
    onProgress(0, 0);
    const asked: Search = { ...search, isStopped, onProgress };
    const row =
      situation.mode === 'event-loop'
        ? await exploreEventLoop(contender, situation, asked)
        : exploreShared(contender, situation, asked);
    tell({ kind: 'row', row });
    if (first && row.verdict !== 'ok') return;
  }
}

await work(workerData as Task);
process.exit();
