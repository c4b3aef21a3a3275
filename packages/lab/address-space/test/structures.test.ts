/** The sparse structures against plain ones. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { indexInLeaf, PageTable } from '../src/page-table.ts';
import { entryAt, entryOffset, ShadowTable } from '../src/shadow-table.ts';
import { SpanSet } from '../src/span-set.ts';
import { seeded } from './seed.ts';

/** Pages that are near each other, and pages that are worlds apart. */
const pageNumber = fc.oneof(
  fc.integer({ min: 0, max: 1200 }),
  fc.integer({ min: 0, max: 2 ** 41 - 1 }),
  fc.integer({ min: 2 ** 18 - 600, max: 2 ** 18 + 600 }),
);
const step = fc.tuple(
  fc.constantFrom('set', 'clear'),
  pageNumber,
  fc.integer({ min: 1, max: 900 }),
);
const steps = fc.array(step, { maxLength: 60 });

describe('the page table', () => {
  it('holds what a map holds', () => {
    const property = fc.property(steps, (all) => {
      const table = new PageTable();
      const map = new Map<number, number>();
      let version = 0;
      for (const [kind, page, count] of all) {
        if (kind === 'set') {
          table.leafFor(page).set(indexInLeaf(page), count, 1, ++version);
          map.set(page, version);
        } else {
          table.visit(page, page + count, (leaf, _base, first, end) => {
            for (let index = first; index < end; index++) leaf.clear(index);
          });
          table.freeTables(page, page + count);
          for (const each of map.keys()) {
            if (each >= page && each < page + count) map.delete(each);
          }
        }
        for (const [each, expected] of map) {
          if (table.versionAt(each) !== expected) return false;
        }
      }
      const pages = [...map.keys()].sort((a, b) => a - b);
      expect(table.pagesWith(1, 0, Infinity)).toEqual(pages);
      expect(table.populatedCount(0, Infinity)).toBe(pages.length);
      return true;
    });
    fc.assert(property, seeded);
  });

  it('remembers where it has tables until they are freed', () => {
    const table = new PageTable();
    const gib = 2 ** 18;
    table.leafFor(3 * gib + 7).set(7, 1, 1, 1);
    expect(table.firstWithTables(0, 4 * gib)).toBe(3 * gib);
    expect(table.firstWithTables(3 * gib + 5, 4 * gib)).toBe(3 * gib + 5);
    expect(table.firstWithTables(0, 3 * gib)).toBeUndefined();
    table.visit(0, 4 * gib, (leaf) => leaf.clear(7));
    expect(table.firstWithTables(0, 4 * gib)).toBe(3 * gib);
    table.freeTables(0, 4 * gib);
    expect(table.firstWithTables(0, 4 * gib)).toBeUndefined();
  });
});

describe('the shadow table', () => {
  it('holds what a map holds', () => {
    const property = fc.property(steps, (all) => {
      const table = new ShadowTable();
      const map = new Map<number, number>();
      for (const [kind, page, count] of all) {
        if (kind === 'set') {
          table.set(page, count, 5, 1, 2, 3, 4);
          map.set(page, count);
        } else {
          const gone = [...map.keys()].filter((each) => each >= page && each < page + count);
          if (table.hasAny(page, page + count) !== gone.length > 0) return false;
          if (table.clear(page, page + count) !== gone.length) return false;
          for (const each of gone) map.delete(each);
        }
        expect(table.count).toBe(map.size);
        for (const [each, version] of map) {
          expect(table.valuesAt(each)?.[entryOffset(each) + entryAt.version]).toBe(version);
        }
      }
      const seen: number[] = [];
      table.visit(0, Infinity, (page) => seen.push(page));
      expect(seen.sort((a, b) => a - b)).toEqual([...map.keys()].sort((a, b) => a - b));
      return true;
    });
    fc.assert(property, seeded);
  });
});

describe('a set of spans', () => {
  it('holds what a set of numbers holds', () => {
    const change = fc.tuple(
      fc.boolean(),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 20 }),
    );
    const property = fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const spans = new SpanSet();
      const plain = new Set<number>();
      for (const [adds, start, length] of changes) {
        const span = { start, end: start + length };
        if (adds) spans.add(span);
        else spans.remove(span);
        for (let each = start; each < span.end; each++) {
          if (adds) plain.add(each);
          else plain.delete(each);
        }
        for (let each = 0; each < 85; each++) expect(spans.has(each)).toBe(plain.has(each));
      }
      // Sorted, and none touches the next.
      const gaps = spans.all.slice(1).map(({ start }, at) => start - spans.all[at]!.end);
      expect(gaps.filter((gap) => gap <= 0)).toEqual([]);
    });
    fc.assert(property, seeded);
  });

  it('gives the gap around an address', () => {
    const spans = new SpanSet();
    spans.add({ start: 10, end: 20 });
    spans.add({ start: 30, end: 40 });
    expect(spans.gapAround(25, { start: 0, end: 100 })).toEqual({ start: 20, end: 30 });
    expect(spans.gapAround(25, { start: 22, end: 100 })).toEqual({ start: 22, end: 30 });
    expect(spans.gapAround(50, { start: 0, end: 100 })).toEqual({ start: 40, end: 100 });
  });
});
