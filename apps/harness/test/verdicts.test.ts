/** Who serves stale entries under the shipped workload `races`, and that the container of a scheme changes nothing of it. */
import { describe, expect, test } from 'vitest';
import { openSource } from '../src/source.ts';
import { contenderOf, contenders, withIndex, type Contender } from '../src/strategies.ts';
import { replay, type ReplayResult } from '../src/replay.ts';

const spec = { strict: true, mirror: 'anonymous', devices: 2, seed: 1, events: 4000 } as const;
const timeout = 60_000;

async function replayRaces(contender: Contender): Promise<ReplayResult> {
  const { events } = await openSource({ ...spec, kind: 'workload', name: 'races' });
  return replay(events, contender, { seed: 1, passiveDevices: false }, () => {});
}

const correct = contenders.filter(({ traits }) => traits.correct);

test.each(correct.map(({ label }) => label))(
  '%s, which claims it, is never stale',
  { timeout },
  async (label) => {
    const { counts, firstStale } = await replayRaces(contenderOf(label));
    expect(firstStale).toBeUndefined();
    expect(counts.staleReads).toBe(0);
  },
);

const caught = [
  'none',
  'i915-userptr',
  'radeon-mn',
  'hmm',
  'amdgpu-mn',
  'gntdev',
  'hfi1-mmu-rb',
  'hfi1-mmu-rb:v5.3-sdma',
  'scif-dma',
  'scif-dma:cached',
];

test.each(caught)(
  '%s is caught, and the first stale read explained',
  { timeout },
  async (label) => {
    const { counts, firstStale } = await replayRaces(contenderOf(label));
    expect(counts.staleReads).toBeGreaterThan(0);
    expect(firstStale).toMatch(
      /^stale entry for 0x[0-9a-f]+ .* its fault called readBegin at step \d+/,
    );
    expect(firstStale).toMatch(/section \d+ \(\w+ 0x[0-9a-f]+-0x[0-9a-f]+(, non-blockable)?\)/);
    expect(firstStale).toMatch(/Missed: /);
  },
);

describe('with the flat tree instead of interval-tree-1d', () => {
  const takers = contenders.filter((contender) => withIndex(contender, 'flat') !== undefined);

  test.each(takers.map(({ label }) => label))('%s does the same', { timeout }, async (label) => {
    const contender = contenderOf(label);
    const usual = await replayRaces(contender);
    const flat = await replayRaces(withIndex(contender, 'flat')!);
    expect(flat.counts).toEqual(usual.counts);
    expect(flat.firstStale).toEqual(usual.firstStale);
  });
});
