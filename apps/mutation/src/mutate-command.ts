/**
 * `npm run mutate -- PACKAGE [COUNT] [SEED]`: the mutation tester. Changes a package's sources in one place at a time, and asks the
 * conformance kit (through a strategy that uses the package) and the package's own tests whether they notice. `--help` says more.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { writeReport } from './report.ts';
import { packages, type Result } from './results.ts';
import { candidatesOf, type Candidate } from './tester/candidates.ts';
import { copyRepository } from './tester/scratch.ts';
import { Tester } from './tester/tester.ts';

const help = `npm run mutate -- PACKAGE [COUNT] [SEED]
  PACKAGE   one of ${Object.keys(packages).join(', ')}
  COUNT     how many changes more to try; default: all that are left
  SEED      the order in which they are tried; default 1
  --fast    leaves the second pass out: the next run without it makes up for that
  --again   tries again what survived and has no reason yet, after new tests
  --files   TEXT: tries changes only in files whose paths from the package's folder hold it
  --tests   TEXT: asks only test files whose names hold it, and keeps only what they notice
  --slow    says which tests are slow
  --report  only writes the report into the kit's README; so does every run

The tests run once before, unchanged: half a minute. Then most changes take 0.1 to 0.5 s, one that makes a test endless a few seconds,
one that survives all tests that enter its block. What survives these meets the tests of threads and processes in a second pass: ten
seconds each, or a minute. Results are kept in results/PACKAGE.json after each change: stop it when you like, it goes on from
there. It works on a copy, in one process beside its own.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean' },
    again: { type: 'boolean' },
    fast: { type: 'boolean' },
    slow: { type: 'boolean' },
    files: { type: 'string' },
    tests: { type: 'string' },
    report: { type: 'boolean' },
  },
});
const [name = '', count = 'Infinity', seed = '1'] = positionals;
if (values.help) {
  console.log(help);
  process.exit(0);
}
if (values.report) {
  writeReport();
  process.exit(0);
}
const target = packages[name];
if (target === undefined) {
  console.error(`expected one of ${Object.keys(packages).join(', ')}, got '${name}'\n\n${help}`);
  process.exit(2);
}

const resultsFile = join(import.meta.dirname, `../results/${name}.json`);

function readResults(): Result[] {
  return existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as Result[]) : [];
}

/** Reads the file again first: reasons are written by hand, perhaps meanwhile. */
function keep(result: Result): void {
  const before = readResults();
  const reason = before.find(({ id }) => id === result.id)?.reason;
  const results = before.filter(({ id }) => id !== result.id);
  results.push(result.killer === null && reason !== undefined ? { ...result, reason } : result);
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 1)}\n`);
}

const root = copyRepository();
const all = candidatesOf(root, target.folder, Number(seed) || 1);
const { files = '' } = values;
const within = all.filter(({ file }) => relative(target.folder, file).includes(files));
if (within.length === 0) {
  console.error(`expected part of a file's path in ${target.folder}, got '${files}'`);
  process.exit(2);
}

/** Places that are gone say nothing of what is there now. */
function forgetGone(): void {
  const ids = new Set(all.map(({ id }) => id));
  const results = readResults().filter(({ id }) => ids.has(id));
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 1)}\n`);
}

function isUnexplained(result: Result | undefined): boolean {
  return result?.killer === null && result.reason === undefined;
}

mkdirSync(dirname(resultsFile), { recursive: true });
forgetGone();
const known = new Map(readResults().map((result) => [result.id, result]));
const next = within
  .filter(({ id }) => (values.again ? isUnexplained(known.get(id)) : !known.has(id)))
  .slice(0, Number(count));
writeFileSync(
  resultsFile.replace('.json', '.count.json'),
  `${JSON.stringify({ changes: all.length })}\n`,
);

const tester = new Tester(root, name, values.tests);
for (const failing of await tester.learn()) console.log(`left out, fails unchanged: ${failing}`);
console.log(`${tester.summary}; ${next.length} of ${within.length} changes to try`);
if (values.slow) console.log(tester.slowest.join('\n'));

async function tryAll(candidates: readonly Candidate[], pass: 'fast' | 'slow'): Promise<void> {
  for (const candidate of candidates) {
    const { id } = candidate;
    const begun = performance.now();
    const killer = await tester.killerOf(candidate, pass);
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    if (killer !== undefined || values.tests === undefined) {
      const isOpen = killer === undefined && pass === 'fast';
      keep({ id, killer: killer ?? null, ...(isOpen ? { isOpen } : {}) });
    }
    console.log(`${seconds} s ${killer === undefined ? 'SURVIVES' : 'killed'} ${id}`);
    if (killer !== undefined) console.log(`      by ${killer}`);
  }
}

await tryAll(next, 'fast');
if (!values.fast) {
  const open = new Set(
    readResults()
      .filter((result) => result.isOpen && isUnexplained(result))
      .map(({ id }) => id),
  );
  await tryAll(
    within.filter(({ id }) => open.has(id)),
    'slow',
  );
}
tester.stop();
writeReport();
process.exit(0);
