/** An agent of its own for agents.test.ts: does its job on the notifier in the shared memory, and reports. */
import { parentPort, workerData } from 'node:worker_threads';
import { Region } from '@mmu-notifier/sync';
import { perform, type Job } from './agents.ts';
import { strategy } from './world.ts';

const { job, memory, board } = workerData as Record<'memory' | 'board', SharedArrayBuffer> & {
  job: Job;
};
const result = perform(job, strategy.attach(memory), Region.attach(board, 'board'));
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread's port has none
parentPort?.postMessage(result);
