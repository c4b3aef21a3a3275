/** Mapped keys keep their order, whatever the keys are: what overlaps is never missed. */
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { bigintSpans, overlaps, stringSpans, type KeySpans } from '../src/index.ts';
import { seeded } from './seed.ts';
import { thrownBy } from './thrown.ts';

/** Keys around every edge: ends, units that are clipped, NULs, surrogates. */
const strings = fc.string({
  unit: fc.constantFrom('\0', 'a', 'b', '~', '\x7f', 'é', '\ud83d', '\uffff'),
  maxLength: 9,
});

const mappings: { name: string; spans: KeySpans<string>; keys: fc.Arbitrary<string> }[] = [
  { name: 'ascii', spans: stringSpans(), keys: strings },
  { name: 'unicode', spans: stringSpans({ alphabet: 'unicode' }), keys: strings },
  {
    name: 'a prefix',
    spans: stringSpans({ prefix: 'k:' }),
    keys: strings.map((key) => `k:${key}`),
  },
];

test.each(mappings)('[$name] a range holds the address of every key in it', ({ spans, keys }) => {
  fc.assert(
    fc.property(keys, keys, keys, (a, b, c) => {
      const [start, key, end] = [a, b, c].sort((x, y) => (x < y ? -1 : 1)) as [
        string,
        string,
        string,
      ];
      fc.pre(start < end && key < end);
      expect(overlaps(spans.range(start, end), spans.key(key))).toBe(true);
      expect(spans.range(start, end).end).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
    }),
    { ...seeded, numRuns: 2_000 },
  );
});

test('[ascii] ranges that only touch do not overlap, where their keys are told apart', () => {
  const spans = stringSpans({ prefix: 'user:' });
  const [first, second] = [spans.range('user:a', 'user:b'), spans.range('user:b', 'user:c')];
  expect(overlaps(first, second)).toBe(false);
  expect(overlaps(first, spans.key('user:b'))).toBe(false);
  expect(overlaps(first, spans.key('user:azzzzzzzzzz'))).toBe(true);
  expect(spans.key('user:a')).not.toEqual(spans.key('user:aa'));
  expect(spans.key('user:1234567')).toEqual(spans.key('user:12345678')); // shares its address: seven characters count
});

test('[bigint] a range holds the address of every key in it, and of none far away', () => {
  const bounds = { min: 0n, max: 2n ** 64n };
  fc.assert(
    fc.property(fc.bigInt(bounds), fc.bigInt(bounds), fc.bigInt(bounds), (a, b, c) => {
      const [start, key, end] = [a, b, c].sort((x, y) => (x < y ? -1 : 1)) as [
        bigint,
        bigint,
        bigint,
      ];
      fc.pre(start < end);
      const pages = bigintSpans({ unit: 4096n });
      const isIn = key < end;
      const isFar = key >= end + 4096n;
      const isFound = overlaps(pages.range(start, end), pages.key(key));
      expect(isFound || !isIn).toBe(true);
      expect(isFound && isFar).toBe(false);
    }),
    seeded,
  );
  expect(bigintSpans({ base: 2n ** 60n }).range(2n ** 60n, 2n ** 60n + 8n)).toEqual({
    start: 0,
    end: 8,
  });
});

describe('misuse', () => {
  const digits = stringSpans({ prefix: 'k:' });
  const numbers = bigintSpans();
  it.each([
    [
      'a key without the prefix',
      () => digits.key('x'),
      'MMN_ADDRESS',
      "that begins with 'k:', got 'x'",
    ],
    [
      'a key that is no string',
      () => digits.key(1 as never),
      'MMN_ADDRESS',
      'got a value of type number',
    ],
    ['an empty range', () => digits.range('k:a', 'k:a'), 'MMN_RANGE_EMPTY', 'got [k:a, k:a)'],
    ['an inverted range', () => digits.range('k:b', 'k:a'), 'MMN_RANGE_INVERTED', 'got [k:b, k:a)'],
    [
      'an alphabet that does not exist',
      () => stringSpans({ alphabet: 'greek' as never }),
      'MMN_OPTION',
      'ascii, unicode, got greek',
    ],
    ['a negative key', () => numbers.key(-1n), 'MMN_ADDRESS', 'got -1'],
    [
      'a key that is no bigint',
      () => numbers.key(1 as never),
      'MMN_ADDRESS',
      'got a value of type number',
    ],
    [
      'a key out of reach',
      () => numbers.key(2n ** 53n),
      'MMN_ADDRESS',
      'got 9007199254740992: a larger unit',
    ],
    ['an empty range of bigints', () => numbers.range(3n, 3n), 'MMN_RANGE_EMPTY', 'got [3, 3)'],
    [
      'an inverted range of bigints',
      () => numbers.range(4n, 3n),
      'MMN_RANGE_INVERTED',
      'got [4, 3)',
    ],
    [
      'a unit of nothing',
      () => bigintSpans({ unit: 0n }),
      'MMN_OPTION',
      'unit at least 1, got 0 and 0',
    ],
  ])('refuses %s', (_what, act, code, message) => {
    const thrown = thrownBy(act);
    expect(thrown.code).toBe(code);
    expect(thrown.message).toContain('expected');
    expect(thrown.message).toContain(message);
  });
});
