/** See histories.ts. MMN_SEED sets the seed, which fast-check prints when it fails; MMN_RUNS the number of histories. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { histories, play, tally, type Mutant } from './histories.ts';
import { kinds } from './world.ts';

function seeded(numRuns: number): fc.Parameters<unknown> {
  const { MMN_SEED: seed, MMN_RUNS: runs } = process.env;
  const parameters = { numRuns: runs === undefined ? numRuns : Number(runs) };
  return seed === undefined ? parameters : { ...parameters, seed: Number(seed) };
}

describe('random histories', { timeout: 60_000 }, () => {
  it.each(kinds)(
    '[O1] [S1] [S5] [R1] [R2] [U1] [N2] [K-S1] no entry is stale, nobody missed or called twice, in %s',
    async (kind) => {
      const runs = seeded(kind === 'event-loop' ? 300 : 60);
      await fc.assert(
        fc.asyncProperty(histories, (history) => play(history, kind)),
        runs,
      );
      expect(Object.entries(tally).filter(([, count]) => count === 0)).toEqual([]);
    },
  );

  it.each<[Mutant, string]>([
    ['keeps its shadow', 'an entry survives a start'],
    ['installs without publish', 'stale entry|installs|survives'],
    ['changes too late', 'stale entry'],
  ])('the oracle sees who %s', async (mutant, message) => {
    const property = fc.asyncProperty(histories, (history) => play(history, 'event-loop', mutant));
    const { failed, errorInstance } = await fc.check(property, seeded(300));
    expect(failed).toBe(true);
    expect(String(errorInstance)).toMatch(new RegExp(message));
  });
});
