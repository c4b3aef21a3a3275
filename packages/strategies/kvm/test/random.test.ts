/** Random schedules on the simulated address space: no stale entry by any seed. */
import { describe, expect, it } from 'vitest';
import { neverStale, seeded, simulate } from '../../hlist-srcu/test/driver-random.ts';
import { kvm } from '../src/index.ts';

describe.each(kvm.variants)('%s', (variant) => {
  it('never serves a stale entry, whatever the schedule', async () => {
    await expect(
      neverStale((seed) => simulate(seed, { create: () => kvm.create({ variant }) }), seeded(60)),
    ).resolves.toBe(undefined);
  });
});
