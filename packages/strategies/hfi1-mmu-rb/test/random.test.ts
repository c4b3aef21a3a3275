/** Random schedules on the simulated address space: v5.3 is caught, fixed is not, and both containers do the same. */
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { describe, expect, it } from 'vitest';
import {
  neverStale,
  sameWithEither,
  seeded,
  simulate,
} from '../../hlist-srcu/test/driver-random.ts';
import { hfi1MmuRb } from '../src/index.ts';

const play = (seed: number, options: DriverCreateOptions) =>
  simulate(seed, { create: (defer) => hfi1MmuRb.create({ defer, ...options }) });

const tornDown = /the entry should have been torn down/;
const refused = /publish should have refused/;

describe.each([
  { variant: 'v5.3', id: 'HFI-1', seed: 3, missed: refused },
  { variant: 'v5.3', id: 'HFI-4', seed: 1, missed: tornDown },
  { variant: 'v5.3-sdma', id: 'HFI-1', seed: 1, missed: refused },
  { variant: 'v5.3-sdma', id: 'HFI-2', seed: 5, missed: tornDown },
])('$variant', ({ variant, id, seed, missed }) => {
  it(`[${id}] serves stale entries with seed ${seed}`, async () => {
    const { counts, firstStale } = await play(seed, { variant });
    expect(counts.staleReads).toBeGreaterThan(0);
    expect(firstStale).toMatch(missed);
  });
});

describe.each(['fixed', 'fixed-sdma'])('%s', (variant) => {
  it('never serves a stale entry, whatever the schedule', async () => {
    await expect(neverStale((seed) => play(seed, { variant }), seeded(60))).resolves.toBe(
      undefined,
    );
  });
});

describe.each(hfi1MmuRb.variants)('%s', (variant) => {
  it('does the same with either container', async () => {
    const same = sameWithEither(
      (seed, container) => play(seed, { variant, ...container }),
      seeded(10),
    );
    await expect(same).resolves.toBe(undefined);
  });
});
