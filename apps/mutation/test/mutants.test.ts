/** The kit is checked: broken strategies are caught by the key that each names, and fail what matrix.txt says (`npm run matrix` writes it). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue } from '@mmu-notifier/conformance';
import { expect, describe, it } from 'vitest';
import {
  eachOf,
  isKilled,
  judgeAll,
  matrixText,
  parseMatrix,
  type Outcome,
} from '../src/matrix.ts';
import { mutants } from '../src/mutants.ts';
import { patchedFile } from '../src/patch.ts';

const keys = catalogue.map(({ key }) => key);

describe('mutants', () => {
  it('are at least forty, each by a name of its own, and name keys that exist', () => {
    expect(mutants.length).toBeGreaterThanOrEqual(40);
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    expect(mutants.filter(({ kills }) => !keys.includes(kills))).toEqual([]);
  });

  it.each(mutants.filter(({ patch }) => patch !== undefined))(
    '$name: its place is in the source exactly once',
    ({ patch }) => {
      expect(patchedFile(patch!)).not.toBe('');
    },
  );

  it(
    'each fail the key that they name; one in eight of them, which the seed chooses, all that matrix.txt says',
    { timeout: 900_000 },
    async () => {
      const matrix = parseMatrix(readFileSync(join(import.meta.dirname, '../matrix.txt'), 'utf8'));
      const seed = Number(process.env['MMN_SEED'] ?? 1);
      const alive: string[] = [];
      const outcomes: Outcome[] = [];
      await eachOf(mutants, async (mutant, at) => {
        if ((at + seed) % 8 !== 0) {
          if (!(await isKilled(mutant))) alive.push(mutant.name);
          return;
        }
        outcomes.push(...(await judgeAll([mutant])));
      });
      expect(alive).toEqual([]);
      expect(outcomes.length).toBeGreaterThanOrEqual(Math.floor(mutants.length / 8));
      expect(outcomes.map((outcome) => matrixText([outcome]))).toEqual(
        outcomes.map(({ mutant }) => matrix.get(mutant.name)),
      );
    },
  );
});
