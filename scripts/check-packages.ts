/**
 * Checks the packages as npm users get them: builds and packs all, runs publint on each, installs the tarballs of
 * `interval` and what it needs in a scratch folder, and runs the examples of its README there with plain node.
 */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'mmu-notifier-packages-'));

interface Manifest {
  readonly name: string;
  readonly dependencies?: Record<string, string>;
}

const manifests = new Map(
  globSync('packages/*/*/package.json', { cwd: root }).map((path) => {
    const manifest = JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest;
    return [manifest.name, { ...manifest, folder: join(root, path, '..') }];
  }),
);

function run(command: string, args: string[], cwd: string): string {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** A package and what it needs, among ours. */
function closure(name: string, found = new Set<string>()): Set<string> {
  const manifest = manifests.get(name);
  if (manifest === undefined || found.has(name)) return found;
  found.add(name);
  for (const dependency of Object.keys(manifest.dependencies ?? {})) closure(dependency, found);
  return found;
}

let problems = 0;
try {
  const tarballs = new Map<string, string>();
  for (const { name, folder } of manifests.values()) {
    const { messages, pkg } = await publint({ pkgDir: folder, strict: true, pack: 'npm' });
    for (const message of messages) console.error(`${name}: ${formatMessage(message, pkg)}`);
    problems += messages.length;
    const [packed] = JSON.parse(
      run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], folder),
    ) as [{ filename: string; files: { path: string }[] }];
    tarballs.set(name, join(scratch, packed.filename));
    const paths = packed.files.map(({ path }) => path);
    for (const needed of ['README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']) {
      if (paths.includes(needed)) continue;
      console.error(`${name}: expected ${needed} in the tarball, got none`);
      problems++;
    }
  }
  const needed = [...closure('@mmu-notifier/interval')].map((name) => tarballs.get(name)!);
  writeFileSync(join(scratch, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  run('npm', ['install', '--no-audit', '--no-fund', ...needed], scratch);
  const readme = readFileSync(
    join(manifests.get('@mmu-notifier/interval')!.folder, 'README.md'),
    'utf8',
  );
  const fences = [...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code!);
  for (const [at, code] of fences.entries()) {
    const file = join(scratch, `example-${at + 1}.ts`);
    writeFileSync(file, code);
    run(process.execPath, [file], scratch);
  }
  if (fences.length === 0) {
    console.error('@mmu-notifier/interval: expected an example in its README, got none');
    problems++;
  }
  console.log(
    `${manifests.size} packages packed, ${fences.length} examples run from tarballs, ${problems} problems`,
  );
} finally {
  rmSync(scratch, { recursive: true });
}
process.exitCode = problems > 0 ? 1 : 0;
