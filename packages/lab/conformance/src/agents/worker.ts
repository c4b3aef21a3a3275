/** A worker thread: does its job and reports. */
import { parentPort, workerData } from 'node:worker_threads';
import type { AgentData } from './agents.ts';
import { performJob } from './jobs.ts';

/** What the worker reports. */
export type Report = { readonly result: number } | { readonly failure: string };

const data = workerData as AgentData;
// Threads that were explored halfway leave promises behind, which fail when the model of shared memory is gone.
if (data.job.name === 'explore') process.on('unhandledRejection', () => {});

let report: Report;
try {
  report = { result: await performJob(data) };
} catch (error) {
  report = { failure: error instanceof Error ? error.message : String(error) };
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread's port has none
parentPort?.postMessage(report);
