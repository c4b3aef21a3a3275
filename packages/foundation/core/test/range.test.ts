/** Spans: every bad one has its code and says what was expected and what came. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressMax, checkSpan, overlaps, type Span } from '../src/index.ts';
import { seeded } from './seed.ts';
import { thrownBy } from './thrown.ts';

describe('checkSpan', () => {
  it.each([
    [0, 1],
    [0, addressMax],
    [addressMax - 1, addressMax],
    [4096, 8192],
  ])('accepts [%d, %d)', (start, end) => {
    expect(() => checkSpan({ start, end }, 'span')).not.toThrow();
  });

  it.each([0, 4096, addressMax])('refuses the empty [%d, the same)', (at) => {
    expect(thrownBy(() => checkSpan({ start: at, end: at }, 'span'))).toEqual({
      code: 'MMN_RANGE_EMPTY',
      message: `expected span to hold an address, got [${at}, ${at})`,
    });
  });

  it.each([
    [1, 0],
    [addressMax, 0],
  ])('refuses the inverted [%d, %d)', (start, end) => {
    expect(thrownBy(() => checkSpan({ start, end }, 'range'))).toEqual({
      code: 'MMN_RANGE_INVERTED',
      message: `expected range.start < range.end, got [${start}, ${end})`,
    });
  });

  const notAddresses: [string, unknown, string][] = [
    ['fractional', 0.5, '0.5'],
    ['NaN', NaN, 'NaN'],
    ['negative', -1, '-1'],
    ['infinite', Infinity, 'Infinity'],
    ['negative and infinite', -Infinity, '-Infinity'],
    ['beyond 2^53-1', 2 ** 53, '9007199254740992'],
    ['a string', '4096', 'a value of type string'],
    ['a bigint', 4096n, 'a value of type bigint'],
    ['null', null, 'a value of type object'],
    ['missing', undefined, 'a value of type undefined'],
  ];
  for (const side of ['start', 'end'] as const) {
    it.each(notAddresses)(`refuses a ${side} that is %s`, (_name, address, came) => {
      const span = { start: 0, end: 1, [side]: address } as Span;
      expect(thrownBy(() => checkSpan(span, 'span'))).toEqual({
        code: 'MMN_ADDRESS',
        message: `expected span.${side} to be an integer from 0 to 2^53-1, got ${came}`,
      });
    });
  }

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [4096, 'number'],
  ])('refuses %s instead of a span', (span, came) => {
    expect(thrownBy(() => checkSpan(span as unknown as Span, 'span'))).toEqual({
      code: 'MMN_ADDRESS',
      message: `expected span to be an object with start and end, got ${came}`,
    });
  });
});

describe('overlaps', () => {
  it('[S2] is false for spans that only touch', () => {
    expect(overlaps({ start: 0, end: 4096 }, { start: 4096, end: 8192 })).toBe(false);
    expect(overlaps({ start: 4096, end: 8192 }, { start: 0, end: 4096 })).toBe(false);
  });

  it('agrees with looking for a common address', () => {
    const span = fc
      .tuple(fc.nat(12), fc.integer({ min: 1, max: 6 }))
      .map(([start, size]) => ({ start, end: start + size }));
    fc.assert(
      fc.property(span, span, (a, b) => {
        let common = false;
        for (let at = 0; at < 20; at++) common ||= holds(a, at) && holds(b, at);
        expect(overlaps(a, b)).toBe(common);
      }),
      seeded,
    );
  });
});

function holds(span: Span, at: number): boolean {
  return span.start <= at && at < span.end;
}
