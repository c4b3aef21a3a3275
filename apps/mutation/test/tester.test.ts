/** The mutation tester's own parts: what it marks, where it looks, and what it says of a sample. */
import { expect, describe, it } from 'vitest';
import { changesOf } from '../src/operators.ts';
import { interval95 } from '../src/report.ts';
import { blockAt, blocksOf, withMarks } from '../src/tester/blocks.ts';

const source = `/** Twice, if it is odd. */
export const twice = (x: number): number => (x & 1 ? double(x) : x);
function double(x: number) {
  if (x > 0) {
    return x + x;
  }
  return 2 * x;
}
export const pair = (a: number) => ({ a });
`;

describe('blocks', () => {
  it('are the module, statements in braces and the expressions of arrow functions', () => {
    const texts = blocksOf(source, 5).map(({ start, end }) => source.slice(start, end));
    expect(texts.map((text) => text.split('\n')[0])).toEqual([
      '/** Twice, if it is odd. */',
      expect.stringContaining('x & 1 ? double(x) : x'),
      '{',
      '{',
      expect.stringContaining('{ a }'),
    ]);
  });

  it('are found by what changes in them: the innermost', () => {
    const blocks = blocksOf(source, 5);
    const blockOf = (text: string): number =>
      blockAt(blocks, source.indexOf(text), source.indexOf(text) + text.length);
    expect([blockOf('twice'), blockOf('x & 1'), blockOf('x > 0'), blockOf('x + x')]).toEqual([
      5, 6, 7, 8,
    ]);
    expect(blockOf('2 * x')).toBe(7);
  });

  it('are marked on entry, and compute what they did', async () => {
    const blocks = blocksOf(source, 0);
    const marks = new Uint8Array(blocks.length);
    (globalThis as { mmuNotifierBlocks?: Uint8Array }).mmuNotifierBlocks = marks;
    const { stripTypeScriptTypes } = await import('node:module');
    const code = stripTypeScriptTypes(withMarks(source, blocks));
    const url = `data:text/javascript,${encodeURIComponent(code)}`;
    const { twice, pair } = (await import(/* @vite-ignore */ url)) as {
      twice(x: number): number;
      pair(a: number): unknown;
    };
    expect([...marks]).toEqual([1, 0, 0, 0, 0]);
    expect(twice(4)).toBe(4);
    expect([...marks]).toEqual([1, 1, 0, 0, 0]);
    expect(twice(-3)).toBe(-6);
    expect([...marks]).toEqual([1, 1, 1, 0, 0]);
    expect(twice(3)).toBe(6);
    expect(pair(1)).toEqual({ a: 1 });
    expect([...marks]).toEqual([1, 1, 1, 1, 1]);
  });
});

describe('changes', () => {
  it('are of conditions, operators, constants and statements, and never of types', () => {
    expect(changesOf('type A = 1;\nlet a: 2 = b as 3;\nif (a < 4) c();').map(toText)).toEqual([
      'condition true',
      'condition false',
      '< becomes <=',
      '4 becomes 5',
      'statement left out',
    ]);
  });
});

const toText = ({ operator }: { operator: string }): string => operator;

describe('the interval of a score', () => {
  it('is Wilson’s when the population is large', () => {
    const [low, high] = interval95({ of: 100, hits: 95, population: 1e12 });
    expect(low).toBeCloseTo(0.8882, 3);
    expect(high).toBeCloseTo(0.9785, 3);
  });

  it('is narrower the more of all were tried, and a point when all were', () => {
    const [low, high] = interval95({ of: 100, hits: 95, population: 120 });
    expect(low).toBeGreaterThan(0.92);
    expect(high).toBeLessThan(0.98);
    expect(interval95({ of: 120, hits: 90, population: 120 })).toEqual([0.75, 0.75]);
  });
});
