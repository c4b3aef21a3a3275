import { workloads, generate } from '@mmu-notifier/workloads';
import { describe, expect, test } from 'vitest';
import { replay, type ReplayResult } from '../src/replay.ts';
import { contenderOf, defaultContenders } from '../src/strategies.ts';

const seed = Number(process.env['MMN_SEED'] ?? 1);
const events = 4000;

function run(label: string, name: string): Promise<ReplayResult> {
  const stream = generate(name, { seed, events });
  return replay(stream, contenderOf(label), { seed, passiveDevices: false }, () => {});
}

describe.each(workloads.map(({ name }) => name))(`workload %s, seed ${seed}`, (name) => {
  test('goes stale without a notifier', async () => {
    const { counts, firstStale } = await run('none', name);
    expect(counts.staleReads).toBeGreaterThan(0);
    expect(firstStale).toContain('Missed: ');
  });

  const correct = defaultContenders.filter(({ traits }) => traits.correct);
  test.each(correct.map(({ label }) => label))('is clean under %s', async (label) => {
    const { counts, firstStale } = await run(label, name);
    expect(firstStale).toBeUndefined();
    expect(counts.staleReads).toBe(0);
    expect(counts.published).toBeGreaterThan(0);
    expect(counts.callbacks.needed).toBeGreaterThan(0);
  });
});

describe('a replay', () => {
  test('counts the same for the same seed', async () => {
    const [first, second] = [await run('interval', 'races'), await run('interval', 'races')];
    expect(second.counts).toEqual(first.counts);
  });

  test('tells a strategy that filters by range from one that does not', async () => {
    const [tree, list] = [
      await run('interval', 'rdma-registrations'),
      await run('hlist-srcu', 'rdma-registrations'),
    ];
    expect(list.counts.callbacks.needless).toBeGreaterThan(tree.counts.callbacks.needless);
  });
});
