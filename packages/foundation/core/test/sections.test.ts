/** The table of open sections, against a Map. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  InvariantError,
  invalidationEvents,
  openSectionsMax,
  SectionTable,
  type Invalidation,
  type RangeToInvalidate,
  type Section,
} from '../src/index.ts';
import { seeded } from './seed.ts';
import { thrownBy } from './thrown.ts';

const handleOf = (section: Section): Invalidation => section.handle as Invalidation;
const somewhere = { start: 0, end: 4096 };

describe('SectionTable', () => {
  it('behaves like a map from handles to ranges', () => {
    const range = fc.record(
      {
        start: fc.nat(1000),
        end: fc.integer({ min: 1001, max: 2000 }),
        event: fc.constantFrom(...invalidationEvents),
        owner: fc.constantFrom('gpu', 'nic'),
      },
      { requiredKeys: ['start', 'end'] },
    );
    const step = fc.oneof(
      fc.record({ kind: fc.constant('open' as const), range, blockable: fc.boolean() }),
      fc.record({ kind: fc.constant('close' as const), pick: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const table = new SectionTable();
        const open = new Map<Invalidation, RangeToInvalidate & { blockable: boolean }>();
        const ended: Invalidation[] = [];
        for (const s of steps) {
          if (s.kind === 'open') {
            const section = table.open(s.range as RangeToInvalidate, s.blockable);
            if (open.has(handleOf(section))) throw new Error('a handle is given twice');
            open.set(handleOf(section), {
              event: 'CLEAR',
              owner: undefined,
              ...(s.range as RangeToInvalidate),
              blockable: s.blockable,
            });
          } else if (open.size > 0) {
            const handle = [...open.keys()][s.pick % open.size]!;
            table.close(table.find(handle));
            open.delete(handle);
            ended.push(handle);
          }
          expect(table.openCount).toBe(open.size);
          for (const [handle, range] of open) expect(table.find(handle)).toMatchObject(range);
          for (const handle of ended) expect(() => table.find(handle)).toThrow(/did not end/);
        }
      }),
      { ...seeded, numRuns: 50 },
    );
  });

  it('gives small positive integers, also when a slot has worn out its generations', () => {
    const table = new SectionTable();
    const handles = new Set<number>();
    for (let i = 0; i < 32_767; i++) {
      const section = table.open(somewhere, true);
      handles.add(section.handle);
      table.close(section);
    }
    expect(handles.size).toBe(32_767);
    expect(Math.min(...handles)).toBeGreaterThan(0);
    expect(Math.max(...handles)).toBeLessThan(2 ** 30);
    expect(handles.has(table.open(somewhere, true).handle)).toBe(true);
  });

  it.each([
    ['ended already', (own: Invalidation) => own],
    ['never started', () => 7 as Invalidation],
    ['zero', () => 0 as Invalidation],
    ['negative', (own: Invalidation) => -own as Invalidation],
    ['fractional', (own: Invalidation) => (own + 0.5) as Invalidation],
    ['beyond 32 bits', (own: Invalidation) => (own + 2 ** 32) as Invalidation],
    ['NaN', () => NaN as Invalidation],
    ['a bigint', (own: Invalidation) => BigInt(own) as unknown as Invalidation],
    ['a symbol', () => Symbol('no handle') as unknown as Invalidation],
    ['missing', () => undefined as unknown as Invalidation],
  ])('refuses a handle that is %s', (_name, wrong) => {
    const table = new SectionTable();
    const section = table.open(somewhere, true);
    const own = handleOf(section);
    table.close(section);
    const open = table.open(somewhere, true);
    const handle = wrong(own);
    expect(thrownBy(() => table.find(handle))).toEqual({
      code: 'MMN_NOT_OPEN',
      message: `expected a section that this agent started and did not end, got ${String(handle)}`,
    });
    expect(table.find(handleOf(open))).toBe(open);
    table.close(open);
    expect(thrownBy(() => table.find(handle)).code).toBe('MMN_NOT_OPEN');
  });

  it("refuses another table's handle while as many sections are open here", () => {
    const one = new SectionTable();
    const other = new SectionTable();
    for (let i = 0; i < 100; i++) {
      const mine = one.open(somewhere, true);
      const foreign = handleOf(other.open(somewhere, true));
      expect(() => one.find(foreign)).toThrow(/did not end/);
      if (i % 3 === 0) one.close(mine);
    }
  });

  it('copies the range, so that its owner may use it again', () => {
    const table = new SectionTable();
    const range = { start: 0, end: 4096 };
    const section = table.open(range, true);
    range.start = 1;
    expect(section.start).toBe(0);
  });

  it('keeps the range readable after close, but not the owner', () => {
    const table = new SectionTable();
    const section = table.open({ ...somewhere, event: 'MIGRATE', owner: {} }, false);
    table.close(section);
    expect(section).toMatchObject({ ...somewhere, event: 'MIGRATE', owner: undefined });
  });

  it('forgets at open what the strategy noted in the slot', () => {
    const table = new SectionTable();
    const section = table.open(somewhere, true);
    section.note = 1;
    section.inner = 2;
    table.close(section);
    expect(table.open(somewhere, true)).toBe(section);
    expect(section).toMatchObject({ note: 0, inner: 0, owner: undefined, event: 'CLEAR' });
  });

  it('treats a second close of one section as a mistake of ours', () => {
    const table = new SectionTable();
    const section = table.open(somewhere, true);
    table.close(section);
    expect(() => table.close(section)).toThrow(InvariantError);
    expect(table.openCount).toBe(0);
  });

  it('refuses an unknown event and opens nothing', () => {
    const table = new SectionTable();
    const range = { ...somewhere, event: 'MUNMAP' } as unknown as RangeToInvalidate;
    expect(thrownBy(() => table.open(range, true))).toMatchObject({
      code: 'MMN_EVENT',
      message: expect.stringMatching(/one of UNMAP, .*EXCLUSIVE, got MUNMAP$/) as string,
    });
    expect(table.openCount).toBe(0);
  });

  it('[S4] refuses a bad range and opens nothing', () => {
    const table = new SectionTable();
    expect(thrownBy(() => table.open({ start: 1, end: 1 }, true)).code).toBe('MMN_RANGE_EMPTY');
    expect(thrownBy(() => table.open({ start: 2, end: 1 }, true)).code).toBe('MMN_RANGE_INVERTED');
    expect(thrownBy(() => table.open({ start: -1, end: 1 }, true)).code).toBe('MMN_ADDRESS');
    expect(table.openCount).toBe(0);
  });

  it('refuses one section more than the most, and goes on when one ended', () => {
    const table = new SectionTable();
    const handles: Invalidation[] = [];
    for (let i = 0; i < openSectionsMax; i++) handles.push(handleOf(table.open(somewhere, true)));
    expect(new Set(handles).size).toBe(openSectionsMax);
    expect(thrownBy(() => table.open(somewhere, true))).toEqual({
      code: 'MMN_OUT_OF_CAPACITY',
      message: 'expected at most 32768 open sections in one agent, got one more',
    });
    table.close(table.find(handles[17_000]!));
    expect(table.open(somewhere, true).slot).toBe(17_000);
    expect(table.openCount).toBe(openSectionsMax);
  });
});
