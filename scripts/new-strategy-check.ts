/** Runs the commands of CONTRIBUTING.md for a new strategy, in a scratch copy of what is committed or lies here, and expects all green. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'mmu-notifier-new-strategy-'));
const name = 'rcu-bitmap';

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  });
}

/** The packages that are installed, with those of this repository taken from the scratch copy. */
function linkModules(): void {
  const [from, to] = [join(root, 'node_modules'), join(scratch, 'node_modules')];
  mkdirSync(join(to, '@mmu-notifier'), { recursive: true });
  for (const entry of readdirSync(from)) {
    if (entry !== '@mmu-notifier') symlinkSync(join(from, entry), join(to, entry));
  }
  for (const entry of readdirSync(join(from, '@mmu-notifier'))) {
    const target = relative(root, realpathSync(join(from, '@mmu-notifier', entry)));
    if (existsSync(join(scratch, target))) {
      symlinkSync(join(scratch, target), join(to, '@mmu-notifier', entry));
    }
  }
}

let failure: unknown;
try {
  const files = run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], root);
  for (const file of files.trim().split('\n')) {
    if (!existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(scratch, file)), { recursive: true });
    cpSync(join(root, file), join(scratch, file));
  }
  linkModules();
  const node = ['--conditions=@mmu-notifier/source'];
  run('node', [...node, 'scripts/new-strategy.ts', name], scratch);
  run('npx', ['tsc', '--pretty', 'false'], scratch);
  run(
    'npx',
    ['oxlint', '--deny-warnings', `packages/strategies/${name}`, 'apps/harness/src'],
    scratch,
  );
  run('npx', ['vitest', 'run', '--project', name], scratch);
  const list = run('node', [...node, 'apps/harness/src/main.ts', 'list'], scratch);
  if (!list.includes(name)) throw new Error(`expected the harness to know ${name}`);
  const changeset = readFileSync(join(scratch, `.changeset/${name}.md`), 'utf8');
  if (!changeset.includes(`@mmu-notifier/${name}`)) throw new Error('expected a changeset');
  console.log('a new strategy compiles, keeps every promise and is known to the harness');
} catch (error) {
  failure = error;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (failure !== undefined) throw failure;
