/**
 * `npm run mutate -- PACKAGE [COUNT] [SEED]`: the mutation tester. Changes a package's sources in one place at a time, and asks first the
 * conformance kit (through a strategy that uses the package), then the package's own tests, whether they notice.
 *
 * What was tried is kept in results/PACKAGE.json, so that a run goes on where the last one stopped: COUNT says how many more, in
 * an order that the seed makes. Own tests run in a scratch copy, so the checkout stays as it is.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { catalogue } from '@mmu-notifier/conformance';
import { judgeMutant } from './judge-mutant.ts';
import { changesOf, type Change } from './operators.ts';
import { root } from './patch.ts';
import { writeReport } from './report.ts';
import { packages, type Result } from './results.ts';

const [name = '', count = '20', seed = '1'] = process.argv.slice(2);
const target = packages[name];
if (target === undefined) {
  console.error(`expected one of ${Object.keys(packages).join(', ')}, got '${name}'`);
  process.exit(2);
}
const resultsFile = join(import.meta.dirname, `../results/${name}.json`);
const ownTestsSeconds = 240;

interface Candidate extends Change {
  readonly file: string;
  readonly id: string;
}

/** Everything that could be changed, in the seed's order. A place is known by its line's text, which outlives other edits. */
function candidates(): Candidate[] {
  const all = globSync(`${target!.folder}/src/**/*.ts`, { cwd: root })
    .sort()
    .flatMap((file) => {
      const source = readFileSync(join(root, file), 'utf8');
      return changesOf(source).map((change) => {
        const lineStart = source.lastIndexOf('\n', change.start) + 1;
        const line = source.slice(lineStart, source.indexOf('\n', change.end)).trim();
        const column = change.start - lineStart;
        return { ...change, file, id: `${file}: ${line} [${column}] ${change.operator}` };
      });
    });
  let x = Number(seed) || 1;
  const random = (below: number): number => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((x / 2 ** 32) * below);
  };
  for (let at = all.length - 1; at > 0; at--) {
    const other = random(at + 1);
    [all[at], all[other]] = [all[other]!, all[at]!];
  }
  return all;
}

/** By which key or test a mutant dies. */
async function killerOf(candidate: Candidate): Promise<string | undefined> {
  const source = readFileSync(join(root, candidate.file), 'utf8');
  const mutated =
    source.slice(0, candidate.start) + candidate.replace + source.slice(candidate.end);
  const { module, exportName, variants } = target!.judge;
  const only = catalogue.filter(({ way }) => way !== 'agents').map(({ key }) => key);
  for (const variant of variants) {
    try {
      const verdicts = await judgeMutant(
        { module, exportName, variant, only, effort: 0.3 },
        { file: candidate.file, find: source, replace: mutated },
        (soFar) => [...soFar.values()].some((failure) => failure !== null),
      );
      for (const [id, failure] of verdicts) if (failure !== null) return id;
    } catch {
      return 'it does not load';
    }
  }
  return ownTestsKill(candidate.file, mutated) ? 'own tests' : undefined;
}

let scratch: string | undefined;

function ownTestsKill(file: string, mutated: string): boolean {
  if (scratch === undefined) {
    scratch = copyRepository();
    if (!ownTestsPass(scratch)) throw new Error('expected the own tests to pass unchanged');
  }
  const path = join(scratch, file);
  const source = readFileSync(path, 'utf8');
  writeFileSync(path, mutated);
  const isKilled = !ownTestsPass(scratch);
  writeFileSync(path, source);
  return isKilled;
}

function ownTestsPass(cwd: string): boolean {
  const project = ['--project', basename(target!.folder), '--exclude', '**/conformance.test.ts'];
  const ran = spawnSync('npx', ['vitest', 'run', '--bail=1', ...project], {
    cwd,
    stdio: 'ignore',
    timeout: ownTestsSeconds * 1000,
    env: { ...process.env, MMN_SEED: '1' },
  });
  return ran.status === 0;
}

function copyRepository(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-mutation-'));
  const list = ['ls-files', '--cached', '--others', '--exclude-standard'];
  for (const file of execFileSync('git', list, { cwd: root, encoding: 'utf8' })
    .trim()
    .split('\n')) {
    if (!existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  mkdirSync(join(folder, 'node_modules/@mmu-notifier'), { recursive: true });
  for (const entry of readdirSync(join(root, 'node_modules'))) {
    const from = join(root, 'node_modules', entry);
    if (entry !== '@mmu-notifier') symlinkSync(from, join(folder, 'node_modules', entry));
  }
  for (const entry of readdirSync(join(root, 'node_modules/@mmu-notifier'))) {
    const from = relative(root, realpathSync(join(root, 'node_modules/@mmu-notifier', entry)));
    symlinkSync(join(folder, from), join(folder, 'node_modules/@mmu-notifier', entry));
  }
  return folder;
}

const results: Result[] = existsSync(resultsFile)
  ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as Result[])
  : [];
const known = new Set(results.map(({ id }) => id));
const all = candidates();
const next = all.filter(({ id }) => !known.has(id)).slice(0, Number(count));
mkdirSync(dirname(resultsFile), { recursive: true });
writeFileSync(
  join(import.meta.dirname, `../results/${name}.count.json`),
  `${JSON.stringify({ changes: all.length })}\n`,
);
try {
  for (const candidate of next) {
    const killer = await killerOf(candidate);
    results.push({ id: candidate.id, killer: killer ?? null });
    writeFileSync(resultsFile, `${JSON.stringify(results, null, 1)}\n`);
    console.log(`${killer === undefined ? 'SURVIVES' : killer.padEnd(8)}  ${candidate.id}`);
  }
} finally {
  if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
}
writeReport();
process.exit(0);
