/** The kit is checked: broken strategies are caught by the key that each names, and fail what matrix.txt says (`npm run matrix` writes it). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue } from '@mmu-notifier/conformance';
import { expect, describe, it } from 'vitest';
import { eachOf, isKilled, judgeAll, matrixText, parseMatrix } from '../src/matrix.ts';
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

  it('each fail the key that they name', { timeout: 900_000 }, async () => {
    const alive: string[] = [];
    await eachOf(mutants, async (mutant) => {
      if (!(await isKilled(mutant))) alive.push(mutant.name);
    });
    expect(alive).toEqual([]);
  });

  it(
    'fail what matrix.txt says: one in eight of them, which the seed chooses',
    { timeout: 900_000 },
    async () => {
      const matrix = parseMatrix(readFileSync(join(import.meta.dirname, '../matrix.txt'), 'utf8'));
      const seed = Number(process.env['MMN_SEED'] ?? 1);
      const sample = mutants.filter((_, at) => (at + seed) % 8 === 0);
      const outcomes = await judgeAll(sample);
      expect(outcomes.map((outcome) => matrixText([outcome]))).toEqual(
        sample.map(({ name }) => matrix.get(name)),
      );
    },
  );
});
