/** Offsets and alignment of structures. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldAt, struct, type FieldWidth } from '../src/index.ts';
import { seeded } from './seed.ts';
import { thrownBy } from './thrown.ts';

describe('struct', () => {
  it('counts words in words and wide fields in wide words', () => {
    const Node = struct({ lock: 'word', seq: 'wide', count: 'word', last: 'wide' });
    expect(Node).toEqual({ lock: 0, seq: 1, count: 4, last: 3, sizeWords: 8 });
  });

  it('may be empty', () => {
    expect(struct({})).toEqual({ sizeWords: 0 });
  });

  it('refuses a width that does not exist', () => {
    expect(thrownBy(() => struct({ lock: 'word', seq: 'double' as FieldWidth }))).toEqual({
      code: 'MMN_OPTION',
      message: 'expected the field seq to be a word or wide, got double',
    });
  });

  it('is frozen', () => {
    expect(Object.isFrozen(struct({ lock: 'word' }))).toBe(true);
  });

  it('lays out fields in order, aligned, without overlap, in a whole number of wide words', () => {
    const widths = fc.array(fc.constantFrom<FieldWidth>('word', 'wide'), { maxLength: 20 });
    fc.assert(
      fc.property(widths, (list) => {
        const fields = Object.fromEntries(list.map((width, i) => [`field${i}`, width]));
        const offsets = struct(fields);
        let end = 0;
        for (const [name, width] of Object.entries(fields)) {
          const [start, size] = width === 'wide' ? [offsets[name]! * 2, 2] : [offsets[name]!, 1];
          expect(start).toBeGreaterThanOrEqual(end);
          expect(start - end).toBeLessThan(size);
          end = start + size;
        }
        expect(offsets.sizeWords % 2).toBe(0);
        expect(offsets.sizeWords - end).toBeOneOf([0, 1]);
      }),
      seeded,
    );
  });

  it('names every word of its fields, and none between or behind them', () => {
    const fields = { a: 'wide', b: 'wide', c: 'word', d: 'wide', e: 'word' } as const;
    const names = Array.from({ length: 11 }, (_, word) => fieldAt(fields, word));
    expect(names).toEqual([
      'a',
      'a',
      'b',
      'b',
      'c',
      undefined,
      'd',
      'd',
      'e',
      undefined,
      undefined,
    ]);
  });
});
