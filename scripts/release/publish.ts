/** Publishes every package as changesets would, then bumps one and publishes again: in a copy, so that nothing here changes. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Registry } from './registry.ts';
import { check, publicPackages, root, run, type Manifest } from './shared.ts';

const changesets = join(root, 'node_modules/@changesets/cli/bin.js');

/** A copy of what a release needs, with a history of its own. */
export async function copyForRelease(folder: string, { npmrc }: Registry): Promise<void> {
  for (const path of ['package.json', 'package-lock.json', '.changeset']) {
    cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  for (const path of publicPackages(root).keys()) {
    mkdirSync(join(folder, path), { recursive: true });
    for (const part of ['package.json', 'README.md', 'LICENSE', 'dist']) {
      cpSync(join(root, path, part), join(folder, path, part), { recursive: true });
    }
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, '.npmrc'), npmrc);
  writeFileSync(join(folder, '.gitignore'), 'node_modules\ndist\n');
  await git(folder, ['init', '-q', '-b', 'main']);
  await commit(folder);
}

/** Versions and publishes what has changesets, or was never published. Returns the versions then. */
export async function release(folder: string): Promise<Map<string, string>> {
  await run(process.execPath, [changesets, 'version'], folder);
  await commit(folder);
  const npmrc = { npm_config_userconfig: join(folder, '.npmrc') };
  await run(process.execPath, [changesets, 'publish', '--no-git-tag'], folder, npmrc);
  return new Map([...publicPackages(folder).values()].map(({ name, version }) => [name, version]));
}

/** Adds a changeset that bumps `name` by a patch. */
export function addPatch(folder: string, name: string): void {
  writeFileSync(join(folder, '.changeset/again.md'), `---\n'${name}': patch\n---\n\nOnce more.\n`);
}

/** Checks what the second release has bumped: `name`, whoever needs it, and nobody else. */
export function checkBumped(
  folder: string,
  name: string,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): void {
  const manifests = [...publicPackages(folder).values()];
  for (const manifest of manifests) {
    const isBumped = before.get(manifest.name) !== after.get(manifest.name);
    const isDue = needs(manifest, name, manifests);
    check(
      isBumped === isDue,
      `${manifest.name}: expected ${isDue ? 'a' : 'no'} new version when ${name} gets one`,
    );
  }
}

function needs(manifest: Manifest, name: string, manifests: readonly Manifest[]): boolean {
  if (manifest.name === name) return true;
  return Object.keys(manifest.dependencies ?? {}).some((dependency) => {
    const found = manifests.find((each) => each.name === dependency);
    return found !== undefined && needs(found, name, manifests);
  });
}

/** What a tarball must have, and all that it may have. */
const required = [
  'package.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'dist/index.js',
  'dist/index.d.ts',
];
const allowed =
  /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/.+\.(?:js|d\.ts|json|gz))$/;

/** What npm says of a tarball. */
interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Packs what was published, and checks what is in it. Returns the tarballs, by name. */
export async function packAll(folder: string, into: string): Promise<Map<string, string>> {
  mkdirSync(into, { recursive: true });
  const tarballs = new Map<string, string>();
  const folders = new Map([...publicPackages(folder)].map(([path, { name }]) => [name, path]));
  const chosen = [...folders.keys()].map((name) => `--workspace=${name}`);
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', into, ...chosen];
  const { stdout } = await run('npm', args, folder);
  for (const packed of JSON.parse(stdout) as Packed[]) {
    const { name } = packed;
    const path = folders.get(name)!;
    tarballs.set(name, join(into, packed.filename));
    const paths = packed.files.map((file) => file.path);
    const lacking = required.filter((each) => !paths.includes(each));
    const needless = paths.filter((each) => !allowed.test(each));
    check(lacking.length === 0, `${name}: expected ${lacking.join(', ')} in the tarball, got none`);
    check(needless.length === 0, `${name}: expected no ${needless.join(', ')} in the tarball`);
    const changelog = paths.includes('CHANGELOG.md')
      ? readFileSync(join(folder, path, 'CHANGELOG.md'), 'utf8')
      : '';
    check(changelog.includes('## '), `${name}: expected a version in CHANGELOG.md`);
  }
  return tarballs;
}

async function commit(folder: string): Promise<void> {
  await git(folder, ['add', '--all']);
  await git(folder, ['commit', '-q', '--allow-empty', '-m', 'A release to check']);
}

async function git(folder: string, args: readonly string[]): Promise<void> {
  const who = ['-c', 'user.name=release-check', '-c', 'user.email=release-check@localhost'];
  await run('git', [...who, '-c', 'commit.gpgsign=false', ...args], folder);
}
