/**
 * Tasks of one event loop that interleave at every wait. How many turns a task holds, pauses and has patience is data
 * for fast-check, so that a failing mix shrinks; nothing here looks at a clock.
 */
import * as fc from 'fast-check';
import type { MaybePromise } from '@mmu-notifier/core';

/** One use of a lock. */
export interface Visit {
  /** Turns of the microtask queue to wait before it, and to stay inside. */
  readonly pause: number;
  readonly hold: number;
  /** Turns until the wait is aborted; `undefined`: never. */
  readonly patience: number | undefined;
  /** For the caller: how to visit. */
  readonly how: number;
}

const visit = fc.record({
  pause: fc.nat(4),
  hold: fc.nat(6),
  patience: fc.option(fc.nat(8), { nil: undefined, freq: 2 }),
  how: fc.nat(5),
});

/** Some tasks, each a list of visits. */
export const taskMix: fc.Arbitrary<Visit[][]> = fc.array(fc.array(visit, { maxLength: 8 }), {
  minLength: 1,
  maxLength: 6,
});

/** Lets other tasks run. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined;
}

/** Runs all visits of all tasks; tasks run beside each other, the visits of one task after each other. */
export async function runTasks(
  tasks: readonly (readonly Visit[])[],
  perform: (visit: Visit, task: number) => Promise<void>,
): Promise<void> {
  await finished(
    Promise.all(
      tasks.map(async (visits, task) => {
        for (const visit of visits) {
          await turns(visit.pause);
          await perform(visit, task);
        }
      }),
    ),
  );
}

/** Waits for a lock with the patience of a visit; false: gave up. Anything but an abort is a failure. */
export async function patiently(
  { patience }: Visit,
  wait: (signal: AbortSignal | undefined) => MaybePromise<void>,
): Promise<boolean> {
  if (patience === undefined) {
    await wait(undefined);
    return true;
  }
  const controller = new AbortController();
  const reason = new Error('out of patience');
  void turns(patience).then(() => controller.abort(reason));
  try {
    await wait(controller.signal);
    return true;
  } catch (error) {
    if (error !== reason) throw error;
    return false;
  }
}

const turnsOfEventLoopMax = 10_000;

/** The promise's value, or an error when the event loop turned very often and it is still pending: a lost wake-up. */
export async function finished<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = promise.finally(() => (isSettled = true));
  settled.catch(() => {});
  for (let i = 0; i < turnsOfEventLoopMax; i++) {
    if (isSettled) return settled;
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  throw new Error(
    `still waiting after ${turnsOfEventLoopMax} turns of the event loop: a wake-up was lost`,
  );
}

/** Whether a promise is settled once the event loop has turned a few times. */
export async function isSettledSoon(promise: MaybePromise<unknown>): Promise<boolean> {
  let isSettled = false;
  void Promise.resolve(promise)
    .finally(() => (isSettled = true))
    .catch(() => {});
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
  return isSettled;
}
