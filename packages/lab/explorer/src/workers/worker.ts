/** What a real worker thread runs in a replay: imports the scenario's module, and runs one of its threads in lock step. */
import { parentPort, workerData } from 'node:worker_threads';
import { bodyOf } from '../engine/prepare.ts';
import { runAs } from '../memory/agent.ts';
import { withPatch } from '../memory/patch.ts';
import { createShared } from '../memory/shared-memory.ts';
import type { Scenario } from '../scenario.ts';
import { LockStep } from './lock-step.ts';
import type { WorkerPlan, WorkerReport } from './plan.ts';

const plan = workerData as WorkerPlan;
const module = (await import(plan.module)) as Record<string, Scenario>;
const body = bodyOf(module[plan.exportName]!.threads[plan.name]!);
const agent = new LockStep(plan);

const report = withPatch((): WorkerReport => {
  const shared = createShared(plan.byteLength);
  try {
    const value = runAs(agent, () => {
      agent.start();
      return body(shared);
    });
    return agent.outcome ?? { how: 'returned', value };
  } catch (error) {
    return (
      agent.outcome ?? {
        how: 'threw',
        message: error instanceof Error ? error.message : String(error),
      }
    );
  }
});
agent.end();
// A worker's port takes no origin.
/* oxlint-disable unicorn/require-post-message-target-origin */
try {
  parentPort!.postMessage(report);
} catch {
  parentPort!.postMessage({ how: 'returned', value: undefined } satisfies WorkerReport);
}
