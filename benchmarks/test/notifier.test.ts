/** The sections that notifiers are given meet as many subscriptions as their name says, and every notifier finds them. */
import { describe, expect, it } from 'vitest';
import { NAMES } from '../src/notifier/contenders.ts';
import { countAtomics } from '../src/notifier/atomics.ts';
import { observeHotPath, type Mode, type Part } from '../src/notifier/hot-path.ts';
import { makeSections, sectionCount, type Sections } from '../src/notifier/operations.ts';
import { observeNotifier, prepareNotifier } from '../src/notifier/run.ts';
import { hotPathSection } from '../src/sections/hot-path.ts';

const count = sectionCount(30);
const hits: Record<Sections, number> = {
  'no hit': 0,
  'one hit': count,
  'ten hits': 10 * count,
};

describe.each(Object.keys(hits) as Sections[])('%s', (kind) => {
  const bytes = makeSections(kind, 30, 1);

  it('gives the same bytes for the same seed', () => {
    expect(new Uint8Array(makeSections(kind, 30, 1))).toEqual(new Uint8Array(bytes));
    expect(new Uint8Array(makeSections(kind, 30, 2))).not.toEqual(new Uint8Array(bytes));
  });

  it.each(NAMES)('meets what it says, as %s sees it', (name) => {
    expect(prepareNotifier(name, bytes).countHits()).toBe(hits[kind]);
  });
});

it.each(['section', 'read', 'subscribe'] as const)('measures a %s', async (operation) => {
  const bytes = makeSections('one hit', 3, 1);
  const { nsPerOperation, hash } = await observeNotifier('interval', bytes, operation, 1);
  expect(nsPerOperation).toBeGreaterThan(0);
  const sections = operation === 'section' ? sectionCount(3) : 16;
  expect(hash).toBe(sections.toString(16));
});

describe('the hot path', () => {
  const files = { sections: makeSections('one hit', 3, 1), misses: makeSections('no hit', 3, 1) };

  it.each<[Mode, Part]>([
    ['one event loop', 'total'],
    ['shared memory', 'total'],
    ['shared memory', 'atomics'],
  ])('is measured in %s: %s', async (mode, part) => {
    const { nsPerOperation, hash } = await observeHotPath(mode, files, 'section', part, 5);
    expect(nsPerOperation).toBeGreaterThan(0);
    expect(hash).toBe(sectionCount(3).toString(16));
  });

  it.each<[Mode, Part]>([
    ['one event loop', 'tree'],
    ['one event loop', 'rest'],
    ['shared memory', 'tree'],
    ['shared memory', 'rest'],
  ])('is measured in %s: %s, which so short a run may find below 0', async (mode, part) => {
    const { nsPerOperation } = await observeHotPath(mode, files, 'section', part, 5);
    expect(nsPerOperation).not.toBe(0);
    expect(Number.isFinite(nsPerOperation)).toBe(true);
  });
});

it('counts the Atomics calls that a section makes, and gives Atomics back', () => {
  const { compareExchange } = Atomics;
  const words = new Int32Array(1);
  const calls = countAtomics(() => {
    Atomics.compareExchange(words, 0, 0, 1);
    Atomics.store(words, 0, Atomics.load(words, 0) + 1);
    Atomics.load(words, 0);
  });
  expect(calls).toEqual({ compareExchange: 1, store: 1, load: 2 });
  expect(words[0]).toBe(2);
  expect(Atomics.compareExchange).toBe(compareExchange);
});

const time = (median: number) => ({ median, low: median, high: median, coverage: 1 });

it('says of each budget whether it is kept, and by how much it is missed', () => {
  const contenders = [
    { name: 'one event loop', samples: [], time: time(8) },
    { name: 'shared memory', samples: [], time: time(61) },
  ];
  const column = 'no hit, apart from the tree';
  const remarks = hotPathSection.conclude!([
    { row: '1 subscription', column, hash: '', contenders },
  ]);
  expect(remarks.slice(0, 2)).toEqual([
    'Budget of no hit, apart from the tree, one event loop: 8 ns. 8.0 ns with 1 subscription, kept.',
    'Budget of no hit, apart from the tree, shared memory: 50 ns. 61.0 ns with 1 subscription, missed by 11 ns.',
  ]);
});
