/**
 * The differential fuzzer: random small programs, explored by every strategy and by brute force, on as many processors as there are.
 *
 *     node scripts/fuzz.ts --programs 20000 --seed 1 [--write]
 *
 * Exits 1 at a mismatch, having printed the program. `--write` puts the line into the README; `npm run record` does that with 20,000
 * programs, and runs the benchmark after it.
 */
import { execFile, execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { createRandom } from '../src/search/sample.ts';
import { compare, type Comparison } from '../test/differential/compare.ts';
import { createProgram } from '../test/differential/program.ts';
import { writeSection } from './write-section.ts';

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    write: { type: 'boolean', default: false },
    part: { type: 'boolean', default: false },
  },
});
const programs = Number(values.programs);
const seed = Number(values.seed);
const partSize = 250;

/** What came of some programs. */
interface Part {
  readonly kinds: Record<Comparison['kind'], number>;
  states: number;
  executions: number;
  readonly mismatches: string[];
}

const emptyPart = (): Part => ({
  kinds: { clean: 0, racy: 0, failing: 0, 'too-large': 0 },
  states: 0,
  executions: 0,
  mismatches: [],
});

/** Each program has a seed of its own, so that one can be run alone. */
function compareAll(from: number, count: number): Part {
  const part = emptyPart();
  for (let at = from; at < from + count; at++) {
    const program = createProgram(createRandom(at));
    const { kind, mismatches, oracleStates, executions } = compare(program);
    part.kinds[kind]++;
    part.states += oracleStates;
    part.executions += executions;
    if (mismatches.length === 0) continue;
    const code = program.map((thread) => JSON.stringify(thread));
    part.mismatches.push(
      [`MISMATCH --programs 1 --seed ${at}`, ...code, ...mismatches].join('\n  '),
    );
  }
  return part;
}

function add(sum: Part, part: Part): void {
  for (const kind of Object.keys(part.kinds) as Comparison['kind'][]) {
    sum.kinds[kind] += part.kinds[kind];
  }
  sum.states += part.states;
  sum.executions += part.executions;
  sum.mismatches.push(...part.mismatches);
}

/** Parts of the programs, each in a process of its own. */
async function compareInParts(): Promise<Part> {
  const sum = emptyPart();
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < programs && sum.mismatches.length === 0) {
      const from = next;
      const count = Math.min(partSize, programs - from);
      next += count;
      const what = ['--part', '--programs', String(count), '--seed', String(seed + from)];
      const args = [...process.execArgv, fileURLToPath(import.meta.url), ...what];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      const part = JSON.parse(stdout) as Part;
      add(sum, part);
      done += count;
      console.error(`${done} programs, ${sum.mismatches.length} mismatches`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, work));
  return sum;
}

/** The last change of what is fuzzed. */
function lastChange(): string {
  const src = fileURLToPath(new URL('../src', import.meta.url));
  const args = ['log', '-1', '--format=%h', '--', src];
  return execFileSync('git', args, { cwd: src, encoding: 'utf8' }).trim();
}

if (values.part) {
  console.log(JSON.stringify(compareAll(seed, programs)));
} else {
  const start = performance.now();
  const { kinds, mismatches, states, executions } = await compareInParts();
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  for (const each of mismatches) console.log(each);
  const line =
    `${programs} programs from seed ${seed}: ${mismatches.length} mismatches; ${kinds.clean} clean, ${kinds.racy} racy, ` +
    `${kinds.failing} failing, ${kinds['too-large']} too large; ${states} states by brute force, ${executions} executions by dpor; ` +
    `${seconds} s in ${values.jobs} processes, the explorer as of ${lastChange()}.`;
  console.log(line);
  if (values.write && mismatches.length === 0) writeSection('fuzz', line);
  process.exitCode = mismatches.length > 0 ? 1 : 0;
}
