/** Programs, the kernel and devices interleaved by a seed: what the oracle must and must not find. */
import { describe, expect, it } from 'vitest';
import type { Mistake } from './fake-notifier.ts';
import { replay } from './replay.ts';
import { seeds } from './seed.ts';
import { createMachine, type TestMachine } from './set-up.ts';

async function run(seed: number, mistake: Mistake, count = 150): Promise<TestMachine> {
  const machine = createMachine({ seed, mistake });
  const devices = [
    machine.createDevice({ name: 'nic' }),
    machine.createDevice({ name: 'gpu', waits: 'invalidate' }),
    machine.createDevice({ name: 'npu', waits: 'finish' }),
  ];
  await replay(machine, seed, count, devices);
  machine.verify();
  return machine;
}

/** A limit for machines that are busy; alone, each takes a second or two. */
const slow = { timeout: 60_000 };

/** One thing forgotten, each of which the oracle must see. */
const mistakes: readonly Mistake[] = [
  'everything',
  'to refuse',
  'to call back',
  'that a section is open',
  'that a section was open',
  'the last page',
];

describe('random schedules', () => {
  it.each(seeds)('give no stale entry with a correct notifier, seed %i', slow, async (seed) => {
    const { oracle, statistics } = await run(seed, 'nothing');
    expect(oracle.firstStale).toBeUndefined();
    expect(statistics).toMatchObject({ staleReads: 0, staleEntries: 0, gaveUp: 0 });
    expect(statistics.published).toBeGreaterThan(300);
    expect(statistics.retries.true).toBeGreaterThan(0);
    expect(statistics.retries.false).toBeGreaterThan(0);
  });

  it.each(mistakes)('give stale reads with a notifier that forgets %s', slow, async (mistake) => {
    let staleReads = 0;
    for (let seed = 1; seed <= 30 && staleReads === 0; seed++) {
      staleReads = (await run(seed, mistake)).statistics.staleReads;
    }
    expect(staleReads).toBeGreaterThan(0);
  });

  it('give the same counts for the same seed, and others for another', slow, async () => {
    const once = await run(7, 'to refuse');
    const again = await run(7, 'to refuse');
    const other = await run(8, 'to refuse');
    expect(again.statistics).toEqual(once.statistics);
    expect(again.oracle.firstStale).toBe(once.oracle.firstStale);
    expect(again.scheduler.steps).toBe(once.scheduler.steps);
    expect(other.scheduler.steps).not.toBe(once.scheduler.steps);
  });

  it('are fast enough for 100,000 operations', slow, async () => {
    const machine = createMachine({ seed: 3 });
    await replay(machine, 3, 5500, [machine.createDevice(), machine.createDevice()]);
    machine.verify();
    expect(machine.statistics.accesses).toBe(88_000);
    expect(machine.statistics.staleReads).toBe(0);
  });
});
