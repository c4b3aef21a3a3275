/** Random schedules on the simulated address space: the fixed variant serves no stale entry by any seed, v5.3 does. */
import { describe, expect, it } from 'vitest';
import { firstCaught, neverStale, seeded, simulate } from '../../hlist-srcu/test/driver-random.ts';
import { gntdev } from '../src/index.ts';

/** Two devices mirror for a while, twice. */
const play = (seed: number, variant: string, munmaps = true) =>
  simulate(seed, {
    create: () => gntdev.create({ variant }),
    munmaps,
    program(stage) {
      for (const [name, pages] of [
        ['netback', 8],
        ['blkback', 3],
      ] as const) {
        const device = stage.machine.createDevice({ name, waits: 'invalidate' });
        stage.spawn(name, stage.comeAndGo(device, { rounds: 2, touches: 10, pages }));
      }
    },
  });

describe('fixed', () => {
  it('never serves a stale entry, whatever the schedule', async () => {
    await expect(neverStale((seed) => play(seed, 'fixed'), seeded(60))).resolves.toBe(undefined);
  });
});

describe('v5.3', () => {
  it('[GNT-2] serves a stale entry that publish should have refused, by seed, without any munmap', async () => {
    const caught = await firstCaught((seed) => play(seed, 'v5.3', false), { seedMax: 50 });
    expect(caught.firstStale).toMatch(/publish should have refused/);
    expect((await play(caught.seed, 'fixed', false)).firstStale).toBe(undefined);
  });

  it('[GNT-3] serves one that should have been torn down, by seed, with munmap of parts', async () => {
    const words = /should have been torn down/;
    const caught = await firstCaught((seed) => play(seed, 'v5.3'), { words, seedMax: 50 });
    expect(caught.firstStale).toBeDefined();
    expect((await play(caught.seed, 'fixed')).firstStale).toBe(undefined);
  });
});
