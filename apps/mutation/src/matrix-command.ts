/**
 * `npm run matrix -- [text]`: judges the mutants whose names hold the text by every key, says what each fails, and puts it into
 * matrix.txt.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeAll, matrixText, parseMatrix } from './matrix.ts';
import { mutants } from './mutants.ts';

const wanted = process.argv[2] ?? '';
const file = join(import.meta.dirname, '../matrix.txt');
const chosen = mutants.filter(({ name }) => name.includes(wanted));
const matrix = parseMatrix(readFileSync(file, 'utf8'));
const outcomes = await judgeAll(chosen, (outcome) => {
  const text = matrixText([outcome]);
  process.stdout.write(text);
  matrix.set(outcome.mutant.name, text);
  writeFileSync(file, mutants.map(({ name }) => matrix.get(name) ?? '').join(''));
});
const killed = outcomes.filter(({ isKilled }) => isKilled).length;
console.log(`${killed} of ${outcomes.length} are killed by the key that they name`);
process.exitCode = killed === outcomes.length ? 0 : 1;
