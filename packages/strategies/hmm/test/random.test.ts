/** Random schedules on the simulated address space: v5.3 is caught serving a stale entry, the fixed variant never. */
import { describe, expect, it } from 'vitest';
import { neverStale, seeded, simulate } from '../../hlist-srcu/test/driver-random.ts';
import { hmm } from '../src/index.ts';

const play = (seed: number, variant: string) =>
  simulate(seed, { create: () => hmm.create({ variant }) });

describe('v5.3', () => {
  it('[HMM-1] serves a stale entry by seed 7: a section began and ended between the read and the look at the flag', async () => {
    const { counts, firstStale } = await play(7, 'v5.3');
    expect(counts.staleReads).toBeGreaterThan(0);
    const [, read, started, ended, published] =
      /read the page at step (\d+) .* was started at step (\d+), .* ended at step (\d+)\. Missed: at step (\d+) publish should have refused/.exec(
        firstStale ?? '',
      ) ?? [];
    const steps = [read, started, ended, published].map(Number);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  });
});

describe('fixed', () => {
  it('never serves a stale entry, whatever the schedule', async () => {
    await expect(neverStale((seed) => play(seed, 'fixed'), seeded(60))).resolves.toBe(undefined);
  });
});
