/**
 * `npm run matrix -- [text]`: judges the mutants whose names hold the text by every key, and says what each fails. Without a text it
 * writes matrix.txt.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeAll, matrixText } from './matrix.ts';
import { mutants } from './mutants.ts';

const wanted = process.argv[2] ?? '';
const chosen = mutants.filter(({ name }) => name.includes(wanted));
const outcomes = await judgeAll(
  chosen,
  (outcome) => void process.stdout.write(matrixText([outcome])),
);
const left = outcomes.filter(({ isKilled }) => !isKilled);
if (wanted === '') {
  writeFileSync(join(import.meta.dirname, '../matrix.txt'), matrixText(outcomes));
}
console.log(
  `${outcomes.length - left.length} of ${outcomes.length} are killed by the key that they name`,
);
process.exitCode = left.length === 0 ? 0 : 1;
