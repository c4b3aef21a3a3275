/** The sections that notifiers are given meet as many subscriptions as their name says, and every notifier finds them. */
import { describe, expect, it } from 'vitest';
import { NAMES } from '../src/notifier/contenders.ts';
import { makeSections, sectionCount, type Sections } from '../src/notifier/operations.ts';
import { observeNotifier, prepareNotifier } from '../src/notifier/run.ts';

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
