/** See histories.ts. MMN_SEED and MMN_RUNS set the seed and the number of histories. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { histories, runHistory, type Tally } from './histories.ts';
import { seeded } from './seed.ts';
import { kinds } from './world.ts';

function emptyTally(): Tally {
  return { sections: 0, wouldBlock: 0, failed: 0, published: 0, refused: 0, waited: 0, closed: 0 };
}

describe('random histories', { timeout: 60_000 }, () => {
  it.each(kinds)(
    '[O1] [S1] [S5] [R1] [R2] [U1] [N2] [K-S8] no entry is stale, no hit missed or called twice, in %s',
    async (kind) => {
      const tally = emptyTally();
      await fc.assert(
        fc.asyncProperty(histories, (history) => runHistory(history, { kind }, tally)),
        seeded(kind === 'event-loop' ? 400 : 100),
      );
      for (const [what, count] of Object.entries(tally)) {
        expect([what, count > 0]).toEqual([what, true]);
      }
    },
  );

  it.each([
    ['keeps its shadow', 'an entry is left when start has returned'],
    ['installs without publish', 'stale entry|published|is left'],
    ['changes memory outside of sections', 'stale entry'],
  ] as const)('the oracle sees a device or an invalidator that %s', async (mutant, message) => {
    const run = fc.asyncProperty(histories, (history) =>
      runHistory(history, { kind: 'event-loop', mutant }, emptyTally()),
    );
    const { failed, errorInstance } = await fc.check(run, seeded(400));
    expect(failed).toBe(true);
    expect(String(errorInstance)).toMatch(new RegExp(message));
  });
});
