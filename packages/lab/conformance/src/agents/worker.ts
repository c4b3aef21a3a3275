/** A worker thread: does its job and reports. */
import { parentPort, workerData } from 'node:worker_threads';
import type { AgentData } from './agents.ts';
import { performJob } from './jobs.ts';

const result = await performJob(workerData as AgentData);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread's port has none
parentPort?.postMessage(result);
