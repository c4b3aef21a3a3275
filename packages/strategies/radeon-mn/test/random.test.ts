/**
 * Random schedules on the simulated address space: `fixed` is never stale by any seed, v5.3 is by the seeds named here, and
 * the counts are the same with both containers.
 */
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  neverStale,
  sameWithEither,
  seeded,
  simulate,
} from '../../hlist-srcu/test/driver-random.ts';
import { radeonMn } from '../src/index.ts';

/** For a machine that is busy with other things. */
const timeoutMs = 60_000;

/** Two batches use a bo, others come and go. If callbacks sleep, the order of hits matters, which is the container's own. */
const play = (
  seed: number,
  options: DriverCreateOptions,
  waits: 'never' | 'invalidate' = 'invalidate',
) =>
  simulate(seed, {
    create: () => radeonMn.create(options),
    *program(stage) {
      const createGpu = () => stage.machine.createDevice({ name: 'gpu', waits });
      const mirror = yield* stage.register(createGpu());
      for (const name of ['batch 1', 'batch 2']) stage.spawn(name, stage.touch(mirror, 20));
      stage.spawn('bos', stage.comeAndGo(createGpu(), { rounds: 6, touches: 3 }));
    },
  });

/** Which defect the oracle's words tell of, by the order of the steps. */
function defectIn(firstStale: string | undefined): string | undefined {
  const step = (before: string): number =>
    Number(new RegExp(`${before} at step (\\d+)`).exec(firstStale ?? '')?.[1]);
  if (firstStale === undefined) return undefined;
  if (!firstStale.endsWith('publish should have refused')) return firstStale;
  const begun = step('readBegin');
  if (begun < step('was started')) return 'RAD-1';
  return begun < step('page changed') ? 'RAD-2' : firstStale;
}

describe('v5.3', () => {
  it.each([
    { id: 'RAD-1', seed: 4 },
    { id: 'RAD-2', seed: 13 },
  ])('[$id] is caught serving a stale entry by seed $seed', async ({ id, seed }) => {
    const { counts, firstStale } = await play(seed, {});
    expect(defectIn(firstStale)).toBe(id);
    expect(counts.staleReads).toBeGreaterThan(0);
  });

  it(
    'misses nothing that is bound',
    async () => {
      const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
        const { firstStale } = await play(seed, {});
        expect([undefined, 'RAD-1', 'RAD-2']).toContain(defectIn(firstStale));
      });
      await fc.assert(schedules, seeded(40));
    },
    timeoutMs,
  );
});

describe('fixed', () => {
  it(
    'never serves a stale entry, whatever the schedule',
    async () => {
      await expect(
        neverStale((seed) => play(seed, { variant: 'fixed' }), seeded(60)),
      ).resolves.toBe(undefined);
    },
    timeoutMs,
  );
});

describe.each(radeonMn.variants)('%s', (variant) => {
  it(
    'does the same with either container',
    async () => {
      const same = sameWithEither(
        (seed, container) => play(seed, { variant, ...container }, 'never'),
        seeded(15),
      );
      await expect(same).resolves.toBe(undefined);
    },
    timeoutMs,
  );
});
