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
import { i915Userptr } from '../src/index.ts';

/** For a machine that is busy with other things. */
const timeoutMs = 60_000;

interface Circumstances {
  /** The second thread runs with a fatal signal. */
  readonly isKilled?: boolean;
  /** Where callbacks sleep. If they do, the order of hits matters, which is the container's own. */
  readonly waits?: 'never' | 'invalidate';
}

/** Two batches use an object of a GPU, others come and go. */
const play = (
  seed: number,
  options: DriverCreateOptions,
  { isKilled = false, waits = 'invalidate' }: Circumstances = {},
) =>
  simulate(seed, {
    create: (_defer, scheduler) => {
      const isBeingKilled = (): boolean => isKilled && scheduler.current?.name === 'thread 2';
      return i915Userptr.create({ ...options, isBeingKilled });
    },
    *program(stage) {
      const gpu = stage.machine.createDevice({ name: 'gpu', waits });
      const mirror = yield* stage.register(gpu);
      for (const name of ['batch 1', 'batch 2']) stage.spawn(name, stage.touch(mirror, 20));
      const other = stage.machine.createDevice({ name: 'gpu', waits });
      stage.spawn('objects', stage.comeAndGo(other, { rounds: 6, touches: 3 }));
    },
  });

/** Which defect the oracle's words tell of, by the order of the steps. */
function defectIn(firstStale: string | undefined): string | undefined {
  const step = (before: string): number =>
    Number(new RegExp(`${before} at step (\\d+)`).exec(firstStale ?? '')?.[1]);
  if (firstStale === undefined) return undefined;
  if (firstStale.endsWith('the entry should have been torn down')) return 'I915-4';
  const begun = step('readBegin');
  if (begun < step('was started')) return 'I915-1';
  return begun < step('page changed') ? 'I915-2' : firstStale;
}

describe('v5.3', () => {
  it.each([
    { id: 'I915-1', seed: 4, isKilled: false },
    { id: 'I915-2', seed: 10, isKilled: false },
    { id: 'I915-4', seed: 1, isKilled: true },
  ])('[$id] is caught serving a stale entry by seed $seed', async ({ id, seed, isKilled }) => {
    const { counts, firstStale } = await play(seed, {}, { isKilled });
    expect(defectIn(firstStale)).toBe(id);
    expect(counts.staleReads).toBeGreaterThan(0);
  });

  it(
    'misses nothing that is in the tree, unless a task is being killed',
    async () => {
      const schedules = fc.asyncProperty(fc.integer(), async (seed) => {
        const { firstStale } = await play(seed, {});
        expect([undefined, 'I915-1', 'I915-2']).toContain(defectIn(firstStale));
      });
      await fc.assert(schedules, seeded(40));
    },
    timeoutMs,
  );
});

describe('fixed', () => {
  it(
    'never serves a stale entry, whatever the schedule and whoever is killed',
    async () => {
      await expect(
        neverStale(
          (seed) => play(seed, { variant: 'fixed' }, { isKilled: seed % 2 === 0 }),
          seeded(60),
        ),
      ).resolves.toBe(undefined);
    },
    timeoutMs,
  );
});

describe.each(i915Userptr.variants)('%s', (variant) => {
  it(
    'does the same with either container',
    async () => {
      const same = sameWithEither(
        (seed, container) => play(seed, { variant, ...container }, { waits: 'never' }),
        seeded(15),
      );
      await expect(same).resolves.toBe(undefined);
    },
    timeoutMs,
  );
});
