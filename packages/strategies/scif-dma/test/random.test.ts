/** Random schedules on the simulated address space: v5.3 is caught, fixed is not. */
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { describe, expect, it } from 'vitest';
import { neverStale, seeded, simulate } from '../../hlist-srcu/test/driver-random.ts';
import { scifDma } from '../src/index.ts';

const play = (seed: number, options: DriverCreateOptions) =>
  simulate(seed, { create: (defer) => scifDma.create({ defer, ...options }) });

const tornDown = /the entry should have been torn down/;
const refused = /publish should have refused/;

describe.each([
  { variant: 'v5.3', id: 'SCIF-1', seed: 2, missed: refused },
  { variant: 'v5.3', id: 'SCIF-2', seed: 1, missed: tornDown },
  { variant: 'cached', id: 'SCIF-1', seed: 1, missed: refused },
  { variant: 'cached', id: 'SCIF-3', seed: 12, missed: tornDown },
])('$variant', ({ variant, id, seed, missed }) => {
  it(`[${id}] serves stale entries with seed ${seed}`, async () => {
    const { counts, firstStale } = await play(seed, { variant });
    expect(counts.staleReads).toBeGreaterThan(0);
    expect(firstStale).toMatch(missed);
  });
});

describe('fixed', () => {
  it('never serves a stale entry, whatever the schedule', async () => {
    await expect(neverStale((seed) => play(seed, { variant: 'fixed' }), seeded(100))).resolves.toBe(
      undefined,
    );
  });
});
