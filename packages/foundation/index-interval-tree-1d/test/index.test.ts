/** The index against brute force, in histories and in orders of removal of every kind. */
import type { Span } from '@mmu-notifier/core';
import { addressMax, InvariantError, overlaps } from '@mmu-notifier/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createIntervalTree1dIndex,
  IntervalTree1dIndex,
} from '@mmu-notifier/index-interval-tree-1d';
import { seeded } from './seed.ts';

const coordinate = fc.oneof(
  fc.nat(40),
  fc.integer({ min: 0, max: addressMax - 1 }),
  fc.integer({ min: addressMax - 40, max: addressMax - 1 }),
);
const span = fc
  .tuple(coordinate, fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 2 ** 52 })))
  .map(([start, length]): Span => ({ start, end: Math.min(start + length, addressMax) }));

/** What both must say of a range: the same items, each once. */
function expectHits(index: IntervalTree1dIndex<Span>, items: Iterable<Span>, range: Span): void {
  const hits: Span[] = [];
  index.collect(range, hits);
  const expected = new Set([...items].filter((item) => overlaps(item, range)));
  expect(hits).toHaveLength(expected.size);
  expect(new Set(hits)).toEqual(expected);
  const first = index.first(range);
  expect(first === undefined ? expected.size === 0 : expected.has(first)).toBe(true);
}

const orders = {
  'as inserted': (items) => items,
  'last first': (items) => items.toReversed(),
  'by start': (items) => items.toSorted(([a], [b]) => a.start - b.start),
  'by start, last first': (items) => items.toSorted(([a], [b]) => b.start - a.start),
  'by end': (items) => items.toSorted(([a], [b]) => a.end - b.end),
  'longest first': (items) => items.toSorted(([a], [b]) => b.end - b.start - (a.end - a.start)),
  'shortest first': (items) => items.toSorted(([a], [b]) => a.end - a.start - (b.end - b.start)),
  'from the middle': (items) => {
    const middle = items.length / 2;
    const distance = new Map(items.map((item, at) => [item, Math.abs(at - middle)]));
    return items.toSorted((a, b) => distance.get(a)! - distance.get(b)!);
  },
} satisfies Record<string, (items: [Span, number][]) => [Span, number][]>;

describe('the index', () => {
  it.each(Object.entries(orders))('keeps what is not removed: %s', (_name, order) => {
    const histories = fc.property(fc.array(span, { maxLength: 80 }), span, (spans, range) => {
      const index = new IntervalTree1dIndex<Span>();
      const items = new Map(spans.map((item) => [{ ...item }, 0]));
      for (const item of items.keys()) items.set(item, index.insert(item));
      for (const [item, handle] of order([...items])) {
        index.remove(handle);
        items.delete(item);
        index.verify();
        expectHits(index, items.keys(), range);
      }
      expect(index.size).toBe(0);
    });
    fc.assert(histories, seeded(60));
  });

  it('agrees with brute force in random histories, also when removed items come back', () => {
    const command = fc.record({ span, pick: fc.nat(), removes: fc.boolean(), range: span });
    const histories = fc.property(fc.array(command, { maxLength: 150 }), (commands) => {
      const index = new IntervalTree1dIndex<Span>();
      const items = new Map<Span, number>();
      for (const { span: item, pick, removes, range } of commands) {
        if (removes && items.size > 0) {
          const [chosen, handle] = [...items][pick % items.size]!;
          index.remove(handle);
          items.delete(chosen);
        } else {
          items.set(item, index.insert(item));
        }
        expect(index.size).toBe(items.size);
        expectHits(index, items.keys(), range);
      }
      index.verify();
    });
    fc.assert(histories, seeded(200));
  });

  it('does not hit what only touches, at both ends of the addresses', () => {
    const index = createIntervalTree1dIndex<Span>();
    index.insert({ start: 10, end: 20 });
    index.insert({ start: addressMax - 1, end: addressMax });
    expect(index.first({ start: 0, end: 10 })).toBe(undefined);
    expect(index.first({ start: 20, end: addressMax - 1 })).toBe(undefined);
    expect(index.first({ start: 19, end: 20 })).toEqual({ start: 10, end: 20 });
    expect(index.first({ start: addressMax - 1, end: addressMax })?.end).toBe(addressMax);
  });

  it('holds an object twice as two items', () => {
    const index = createIntervalTree1dIndex<Span>();
    const item = { start: 0, end: 1 };
    const handles = [index.insert(item), index.insert(item)];
    index.remove(handles[0]!);
    const hits: Span[] = [];
    index.collect(item, hits);
    expect(hits).toEqual([item]);
  });

  it('stays as large as what it holds, however often items come and go', () => {
    const index = new IntervalTree1dIndex<Span>();
    for (let round = 0; round < 1000; round++) {
      index.remove(index.insert({ start: round, end: round + 10 }));
      index.verify(); // at most 16 tombstones more than items
    }
    expect(index.size).toBe(0);
  });

  it('refuses a handle of nobody', () => {
    const index = createIntervalTree1dIndex<Span>();
    const handle = index.insert({ start: 0, end: 1 });
    index.remove(handle);
    expect(() => index.remove(handle)).toThrow(InvariantError);
    expect(() => index.remove(99)).toThrow(InvariantError);
  });

  it('takes items that all overlap, ten thousand of them', () => {
    const index = createIntervalTree1dIndex<Span>();
    const handles = Array.from({ length: 10_000 }, (_, at) =>
      index.insert({ start: at, end: addressMax }),
    );
    for (const handle of handles) index.remove(handle);
    expect(index.size).toBe(0);
  });

  it('notices in verify when an item changed its span', () => {
    const index = createIntervalTree1dIndex<{ start: number; end: number }>();
    const item = { start: 0, end: 1 };
    index.insert(item);
    item.end = 2;
    expect(() => index.verify()).toThrow(InvariantError);
  });
});
