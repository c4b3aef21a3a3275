/** A worker thread: does its job and reports. */
import { parentPort, workerData } from 'node:worker_threads';
import type { AgentData } from './agents.ts';
import { performJob } from './jobs.ts';

/** What the worker reports. */
export type Report = { readonly result: number } | { readonly failure: string };

let report: Report;
try {
  report = { result: await performJob(workerData as AgentData) };
} catch (error) {
  report = { failure: error instanceof Error ? error.message : String(error) };
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread's port has none
parentPort?.postMessage(report);
