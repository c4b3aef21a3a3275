/** The sections that notifiers are given meet as many subscriptions as their name says, and every notifier finds them. */
import { describe, expect, it } from 'vitest';
import { NAMES } from '../src/notifier/contenders.ts';
import { makeSections, sectionCount, type Sections } from '../src/notifier/operations.ts';
import { observeNotifier } from '../src/notifier/run.ts';

const hits: Record<Sections, number> = {
  'no hit': 0,
  'one hit': sectionCount,
  'ten hits': 10 * sectionCount,
};

describe.each(Object.keys(hits) as Sections[])('%s', (kind) => {
  const bytes = makeSections(kind, 30, 1);

  it('gives the same bytes for the same seed', () => {
    expect(new Uint8Array(makeSections(kind, 30, 1))).toEqual(new Uint8Array(bytes));
    expect(new Uint8Array(makeSections(kind, 30, 2))).not.toEqual(new Uint8Array(bytes));
  });

  it.each(NAMES)('meets what it says, as %s sees it', async (name) => {
    const { hash } = await observeNotifier(name, bytes, 'section', 1);
    expect(hash).toBe(hits[kind].toString(16));
  });
});

it.each(NAMES)('%s reads, subscribes and closes without waiting', async (name) => {
  const bytes = makeSections('no hit', 3, 1);
  for (const operation of ['read', 'subscribe'] as const) {
    const { nsPerOperation } = await observeNotifier(name, bytes, operation, 1);
    expect(nsPerOperation).toBeGreaterThan(0);
  }
});
