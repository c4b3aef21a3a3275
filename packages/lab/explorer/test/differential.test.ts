/**
 * The explorer against brute force, on random programs. EXPLORER_SEED and EXPLORER_PROGRAMS choose others;
 * scripts/fuzz.ts runs as many as you like.
 */
import { expect, it } from 'vitest';
import { createRandom } from '../src/search/sample.ts';
import { compare } from './differential/compare.ts';
import { bruteForce } from './differential/oracle.ts';
import { createProgram, type Program } from './differential/program.ts';

const seed = Number(process.env['EXPLORER_SEED'] ?? 20_191_015);
const programs = Number(process.env['EXPLORER_PROGRAMS'] ?? 30);

it(
  `agrees with brute force on ${programs} random programs from seed ${seed}`,
  { timeout: 60_000 },
  () => {
    const kinds = new Set<string>();
    for (let i = 0; i < programs; i++) {
      const program = createProgram(createRandom(seed + i));
      const { mismatches, kind } = compare(program);
      kinds.add(kind);
      expect(mismatches, `seed ${seed + i}: ${JSON.stringify(program)}`).toEqual([]);
    }
    expect(kinds).toContain('clean');
  },
);

it('brute force itself knows store buffering', () => {
  const program: Program = [
    [
      { op: 'store', x: 1, n: 1 },
      { op: 'load', r: 0, x: 2 },
      { op: 'out', r: 0 },
    ],
    [
      { op: 'store', x: 2, n: 1 },
      { op: 'load', r: 0, x: 1 },
      { op: 'out', r: 0 },
    ],
  ];
  const { outcomes, isRacy } = bruteForce(program)!;
  expect([...outcomes].map((each) => each.split(' ')[1]).sort()).toEqual([
    '0,;1,',
    '1,;0,',
    '1,;1,',
  ]);
  expect(isRacy).toBe(false);
});

it('brute force sees a race, a stuck thread and a failing assertion', () => {
  expect(bruteForce([[{ op: 'write', x: 3, n: 1 }], [{ op: 'read', r: 0, x: 3 }]])!.isRacy).toBe(
    true,
  );
  const stuck = bruteForce([[{ op: 'wait', r: 0, x: 1, e: 0, patience: 'endless' }]])!;
  expect([...stuck.outcomes]).toEqual(['0,0,0,0,0,0,0,0 …']);
  expect(
    bruteForce([
      [
        { op: 'load', r: 0, x: 1 },
        { op: 'failIf', r: 0, n: 0 },
      ],
    ])!.canFail,
  ).toBe(true);
});
