/** An agent of its own for shared.test.ts: does its job on the notifier in the shared memory, and reports. */
import { parentPort, workerData } from 'node:worker_threads';
import { Region } from '@mmu-notifier/sync';
import { interval } from '../src/variants.ts';
import { perform, type Job } from './shared-jobs.ts';

const job = workerData as Job;
const notifier = interval.attach(job.memory);
const board = Region.attach(job.board, 'board');
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread's port has none
parentPort?.postMessage(perform(job, notifier, board));
