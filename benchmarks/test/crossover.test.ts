/** Sections reach whom they meet, in every scheme, and can be measured. */
import { describe, expect, it } from 'vitest';
import { countReached, observeCrossover, type CrossoverInput } from '../src/crossover/run.ts';
import { crossoverSection } from '../src/sections/crossover.ts';

const input: CrossoverInput = { subscriptions: 12, meets: 'one hit', seed: 1, budgetMs: 1 };
const { cases } = await crossoverSection.prepare('full');

function namesAt(column: string): string[] {
  return cases.find((one) => one.column === column)!.contenders.map(({ name }) => name);
}

describe('the cases', () => {
  it('leave interval-tree-1d out where it is slow, and nobody else', () => {
    const many = namesAt('100,000');
    expect(many).toContain('umem-odp@flat');
    expect(namesAt('10,000').filter((name) => !many.includes(name))).toContain('umem-odp');
    expect(many.filter((name) => !name.includes('@'))).toEqual(
      expect.arrayContaining([
        'interval',
        'reference',
        'hlist-srcu',
        'kvm',
        'vhost',
        'gntdev',
        'hmm',
      ]),
    );
  });
});

it.each(cases[0]!.contenders)(
  '$name is reached by each section that meets it',
  async ({ name }) => {
    expect(await countReached(name, input)).toBe(12);
    expect(await countReached(name, { ...input, meets: 'no hit' })).toBe(0);
  },
);

it.each(['no hit', 'one hit'] as const)('measures %s', async (meets) => {
  const { nsPerOperation, hash } = await observeCrossover('interval', { ...input, meets });
  expect(nsPerOperation).toBeGreaterThan(0);
  expect(hash).toBe(meets === 'no hit' ? '0' : '12');
});
