/** `npm run matrix -- [text]`: judges the mutants whose names hold the text, and says what each fails. */
import { judgeAll, matrixText } from './matrix.ts';
import { mutants } from './mutants.ts';

const wanted = process.argv[2] ?? '';
const chosen = mutants.filter(({ name }) => name.includes(wanted));
const outcomes = await judgeAll(
  chosen,
  (outcome) => void process.stdout.write(matrixText([outcome])),
);
const left = outcomes.filter(({ isKilled }) => !isKilled);
console.log(
  `${outcomes.length - left.length} of ${outcomes.length} are killed by the key that they name`,
);
process.exitCode = left.length === 0 ? 0 : 1;
