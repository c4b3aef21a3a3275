/** Failing schedules happen again on real worker threads. */
import { expect, it } from 'vitest';
import { explore, ExplorerError } from '../src/index.ts';
import { replayOnWorkers } from '../src/workers.ts';
import * as spinning from './scenarios/spinning.ts';
import * as lostWakeup from './scenarios/lost-wakeup.ts';

const file = (name: string): URL => new URL(`./scenarios/${name}.ts`, import.meta.url);

it.each([
  ['lost-wakeup', 'default', lostWakeup.default, 'lost-wakeup'],
  ['spinning', 'default', spinning.default, 'check'],
  ['spinning', 'early', spinning.early, 'data-race'],
  ['spinning', 'freed', spinning.freed, 'use-after-free'],
  ['spinning', 'thrown', spinning.thrown, 'assertion'],
] as const)('%s, %s', async (name, exportName, scenario, verdict) => {
  const { failure } = explore(scenario);
  expect(failure?.verdict).toBe(verdict);
  const replayed = await replayOnWorkers(file(name), failure!.schedule, { exportName });
  expect(replayed).toMatchObject({ followed: true, reproduced: true });
});

it('a schedule without a failure ends without one', async () => {
  const replayed = await replayOnWorkers(file('lost-wakeup'), 'b2a');
  expect(replayed).toMatchObject({ followed: true, reproduced: true });
  expect(replayed.message).toMatch(/^nothing failed/);
});

it('code that does something else in a worker has diverged', async () => {
  const replayed = await replayOnWorkers(file('spinning'), 'ab', { exportName: 'different' });
  expect(replayed).toMatchObject({ followed: false, reproduced: false });
  expect(replayed.message).toMatch(/^turn \d, a: expected store of byte 0, got store\(byte 4/);
});

it('a schedule that does not fit is refused', async () => {
  await expect(replayOnWorkers(file('lost-wakeup'), 'b9')).rejects.toThrow(ExplorerError);
});
