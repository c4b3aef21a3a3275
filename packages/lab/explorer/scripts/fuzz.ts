/**
 * The differential fuzzer: random small programs, explored by every strategy and by brute force.
 *
 *     node scripts/fuzz.ts --programs 20000 --seed 1 [--write]
 *
 * Exits 1 at a mismatch, having printed the program.
 */
import { parseArgs } from 'node:util';
import { createRandom } from '../src/search/sample.ts';
import { compare, type Comparison } from '../test/differential/compare.ts';
import { createProgram } from '../test/differential/program.ts';
import { writeSection } from './write-section.ts';

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});
const programs = Number(values.programs);
const seed = Number(values.seed);
const kinds: Record<Comparison['kind'], number> = { clean: 0, racy: 0, failing: 0, 'too-large': 0 };
let mismatches = 0;
let states = 0;
let executions = 0;
const start = performance.now();

for (let i = 0; i < programs; i++) {
  // Each program has a seed of its own, so that one can be run alone.
  const program = createProgram(createRandom(seed + i));
  const result = compare(program);
  kinds[result.kind]++;
  states += result.oracleStates;
  executions += result.executions;
  if (result.mismatches.length > 0) {
    mismatches++;
    console.log(`MISMATCH --programs 1 --seed ${seed + i}`);
    for (const code of program) console.log(`  ${JSON.stringify(code)}`);
    for (const each of result.mismatches) console.log(`  ${each}`);
    if (mismatches >= 5) break;
  }
  if ((i + 1) % 500 === 0) console.error(`${i + 1} programs, ${mismatches} mismatches`);
}

const seconds = ((performance.now() - start) / 1000).toFixed(0);
const line =
  `${programs} programs from seed ${seed}: ${mismatches} mismatches; ${kinds.clean} clean, ${kinds.racy} racy, ` +
  `${kinds.failing} failing, ${kinds['too-large']} too large; ${states} states by brute force, ${executions} executions by dpor; ${seconds} s.`;
console.log(line);
if (values.write && mismatches === 0) writeSection('fuzz', line);
process.exitCode = mismatches > 0 ? 1 : 0;
