/** Replays a schedule on real worker threads, in lock step. Node only. */
import { ExplorerError } from '../errors.ts';
import { traceSchedule } from '../explore.ts';
import type { Failure } from '../failure.ts';
import type { Options, Scenario } from '../scenario.ts';
import { Control, createTurns, type WorkerPlan, type WorkerReport } from './plan.ts';

/** How a replay on real threads went. */
export interface WorkerReplay {
  /** Whether every thread did exactly what it did in the explorer, operation by operation, with the same results. */
  readonly followed: boolean;
  /**
   * Whether it ended in the same failure. A data race has no effect of its own to be seen: it counts as reproduced when the
   * schedule was followed up to its second access.
   */
  readonly reproduced: boolean;
  /** What happened, in a sentence. */
  readonly message: string;
  /** Operations done in turn, attach parts included. */
  readonly turns: number;
}

/** Where the scenario is. */
export interface WorkerReplayOptions {
  /** The module's export that is the scenario. Default `default`. */
  readonly exportName?: string;
}

/**
 * Runs a failing schedule again on one real worker thread for each of the scenario's threads, on a real SharedArrayBuffer
 * with the engine's own Atomics. Wait and notify are carried out by the replay itself.
 *
 * @param module the module that exports the scenario: each worker imports it for itself
 * @throws ExplorerError when the module exports no scenario, or the schedule does not fit it
 */
export async function replayOnWorkers(
  module: string | URL,
  schedule: string,
  options: WorkerReplayOptions = {},
): Promise<WorkerReplay> {
  const { exportName = 'default' } = options;
  const exports = (await import(String(module))) as Record<
    string,
    (Scenario & Options) | undefined
  >;
  const scenario = exports[exportName];
  if (scenario === undefined) {
    throw new ExplorerError(
      `expected ${String(module)} to export a scenario as '${exportName}', got none`,
    );
  }
  const { trace, failure, names, byteLength } = traceSchedule(scenario, schedule);
  const memory = new SharedArrayBuffer((byteLength + 7) & ~7);
  scenario.setup?.(memory);
  const turns = createTurns(trace, names.length);
  const control = new SharedArrayBuffer(Control.bytes + byteLength);
  const reports = await Promise.all(
    names.map((name, thread) => {
      const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
      const plan: WorkerPlan = {
        module: String(module),
        exportName,
        thread,
        name,
        byteLength,
        memory,
        control,
        turns,
      };
      return runWorker(new URL(file, import.meta.url), plan);
    }),
  );
  return conclude(scenario, memory, names, reports, failure, turns.length);
}

async function runWorker(file: URL, workerData: WorkerPlan): Promise<WorkerReport> {
  const { Worker } = await import('node:worker_threads');
  return new Promise((resolve, reject) => {
    const worker = new Worker(file, { workerData });
    worker.once('message', (report: WorkerReport) => {
      void worker.terminate();
      resolve(report);
    });
    worker.once('error', reject);
  });
}

function conclude(
  scenario: Scenario,
  memory: SharedArrayBuffer,
  names: readonly string[],
  reports: readonly WorkerReport[],
  failure: Failure | undefined,
  turns: number,
): WorkerReplay {
  const diverged = reports.find((report) => report.how === 'diverged');
  if (diverged !== undefined) {
    return { followed: false, reproduced: false, message: diverged.message, turns };
  }
  const result = (reproduced: boolean, message: string): WorkerReplay => ({
    followed: true,
    reproduced,
    message: `${message}, after ${turns} turns on ${names.length} worker threads`,
    turns,
  });
  switch (failure?.verdict) {
    case 'assertion': {
      const threw = reports.find((report) => report.how === 'threw');
      const expected =
        failure.error instanceof Error ? failure.error.message : String(failure.error);
      return result(threw?.message === expected, `a thread threw: ${threw?.message ?? 'nothing'}`);
    }
    case 'use-after-free':
      return result(
        reports.some((report) => report.how === 'freed'),
        'freed memory was accessed',
      );
    case 'deadlock':
    case 'lost-wakeup': {
      const stuck = names.filter((_, t) => reports[t]!.how === 'stopped');
      return result(stuck.length > 0, `${stuck.join(' and ')} cannot go on`);
    }
    case 'check':
      return result(...check(scenario, memory, names, reports));
    case 'data-race':
      return result(true, 'both accesses were made');
    default:
      return result(failure === undefined, 'nothing failed');
  }
}

function check(
  scenario: Scenario,
  memory: SharedArrayBuffer,
  names: readonly string[],
  reports: readonly WorkerReport[],
): [boolean, string] {
  const returned = Object.fromEntries(
    names.map((name, t) => {
      const report = reports[t]!;
      return [name, report.how === 'returned' ? report.value : undefined];
    }),
  );
  try {
    scenario.check?.(memory, returned);
    return [false, 'the check passed'];
  } catch (error) {
    return [true, `the check failed: ${error instanceof Error ? error.message : String(error)}`];
  }
}
