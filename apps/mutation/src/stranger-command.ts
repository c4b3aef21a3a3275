/**
 * `npm run stranger`: the kit as others get it. Builds and packs it with what it needs, installs the tarballs in a folder of their own,
 * and has it judge a strategy that stands there, with the runner of Node.js.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './patch.ts';

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const manifests = new Map(
  globSync('packages/*/*/package.json', { cwd: root }).map((path) => {
    const manifest = JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest;
    return [manifest.name, { ...manifest, folder: join(root, dirname(path)) }];
  }),
);

function run(command: string, args: readonly string[], cwd: string): string {
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

const scratch = mkdtempSync(join(tmpdir(), 'mmu-notifier-stranger-'));
try {
  run('npx', ['turbo', 'run', 'build', '--filter=@mmu-notifier/conformance'], root);
  const tarballs = [...closure('@mmu-notifier/conformance')].map((name) => {
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch];
    const [packed] = JSON.parse(run('npm', pack, manifests.get(name)!.folder)) as [
      { filename: string },
    ];
    return join(scratch, packed.filename);
  });
  writeFileSync(join(scratch, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  run('npm', ['install', '--no-audit', '--no-fund', ...tarballs], scratch);
  cpSync(join(import.meta.dirname, '../stranger'), scratch, { recursive: true });
  const output = run(process.execPath, ['--test', 'pages.test.js'], scratch);
  console.log(
    output
      .split('\n')
      .filter((line) => /(# |ℹ )(tests|pass|fail)|T5/.test(line))
      .join('\n'),
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
