/**
 * Random schedules on the simulated address space: `fixed` is never stale by any seed, v5.3 is by the seeds named here, and
 * the counts are the same with both containers.
 */
import type { DriverCreateOptions } from '@mmu-notifier/hlist-srcu/driver';
import { describe, expect, it } from 'vitest';
import {
  neverStale,
  sameWithEither,
  seeded,
  simulate,
} from '../../hlist-srcu/test/driver-random.ts';
import { amdgpuMn } from '../src/index.ts';

/** Two GPUs, each in the hands of two tasks; bos come and go, so that there are new ones, or all are validated at first. */
const play = (seed: number, options: DriverCreateOptions, comesAndGoes = true) =>
  simulate(seed, {
    create: () => amdgpuMn.create(options),
    *program(stage) {
      for (const [number, pages] of [undefined, 3].entries()) {
        const device = stage.machine.createDevice({ name: `gpu ${number}` });
        const mirror = yield* stage.register(device, pages);
        yield* device.access(mirror, mirror.start, false);
        stage.spawn(`gpu ${number}`, stage.touch(mirror, 20));
        stage.spawn(`gpu ${number}, again`, stage.touch(mirror, 20));
      }
      const visitor = stage.machine.createDevice({ name: 'visitor' });
      if (comesAndGoes) stage.spawn('bos', stage.comeAndGo(visitor, { rounds: 5, touches: 4 }));
    },
  });

/** The steps at which things happened to the first stale entry, in the order of the oracle's words. */
function stepsOf(firstStale: string | undefined) {
  const [, read, started, changed, ended, published] =
    /read the page at step (\d+) .* was started at step (\d+), .* changed at step (\d+), it ended at step (\d+)\. Missed: at step (\d+) publish should have refused/.exec(
      firstStale ?? '',
    ) ?? [];
  const [atRead, atStart, atChange, atEnd, atPublish] = [
    read,
    started,
    changed,
    ended,
    published,
  ].map(Number);
  return { atRead, atStart, atChange, atEnd, atPublish } as Record<string, number>;
}

/** Whether the steps came in this order. */
function inOrder(steps: Record<string, number>, ...names: string[]): boolean {
  return names.every((name, at) => at === 0 || steps[names[at - 1]!]! < steps[name]!);
}

describe('v5.3', () => {
  it('[AMD-1] serves a stale entry by seed 3: a new bo was mapped inside of the section that made its pages invalid', async () => {
    const { counts, firstStale } = await play(3, {});
    expect(counts.staleReads).toBeGreaterThan(0);
    expect(firstStale).toContain('of visitor');
    const steps = stepsOf(firstStale);
    expect(inOrder(steps, 'atRead', 'atStart', 'atPublish', 'atChange', 'atEnd')).toBe(true);
  });

  it('[AMD-2] serves a stale entry by seed 141: a section began and ended between the read and the submission', async () => {
    const { counts, firstStale } = await play(141, {}, false);
    expect(counts.staleReads).toBeGreaterThan(0);
    const steps = stepsOf(firstStale);
    expect(inOrder(steps, 'atRead', 'atStart', 'atChange', 'atEnd', 'atPublish')).toBe(true);
  });
});

describe('fixed', () => {
  it('never serves a stale entry, whatever the schedule', async () => {
    await expect(neverStale((seed) => play(seed, { variant: 'fixed' }), seeded(60))).resolves.toBe(
      undefined,
    );
  });
});

describe.each(amdgpuMn.variants)('%s', (variant) => {
  it('does the same with either container', async () => {
    const same = sameWithEither(
      (seed, container) => play(seed, { variant, ...container }),
      seeded(15),
    );
    await expect(same).resolves.toBe(undefined);
  });
});
