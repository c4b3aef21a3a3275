/**
 * The import law: foundation ← strategies ← lab ← apps and benchmarks, never upwards; no strategy imports
 * another, but the ad-hoc ones build on hlist-srcu; core and interval-tree import nothing; only sync touches
 * Atomics, SharedArrayBuffer, timers, clocks and randomness; a default entry needs no Node.js.
 */
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const layers = ['foundation', 'strategies', 'lab', 'apps'];
const alone = ['core', 'interval-tree', 'explorer'];
const ownWorld =
  /\bAtomics\b|\bnew SharedArrayBuffer\b|\bset(?:Timeout|Interval|Immediate)\b|\bperformance\.|\bDate\.now\b|\bMath\.random\b/;

interface Package {
  readonly name: string;
  readonly layer: string;
  readonly folder: string;
  readonly dependencies: readonly string[];
}

const packages: Package[] = globSync(
  ['packages/*/*/package.json', 'apps/*/package.json', 'benchmarks/package.json'],
  { cwd: root },
).map((path) => {
  const { name, dependencies = {} } = JSON.parse(readFileSync(join(root, path), 'utf8')) as {
    name: string;
    dependencies?: Record<string, string>;
  };
  const parts = path.split(sep);
  const layer = parts[0] === 'packages' ? parts[1]! : 'apps';
  return { name, layer, folder: dirname(path), dependencies: Object.keys(dependencies) };
});
const byName = new Map(packages.map((each) => [each.name, each]));

function sources({ folder }: Package): { path: string; code: string }[] {
  return globSync(`${folder}/src/**/*.ts`, { cwd: root }).map((path) => ({
    path,
    code: withoutComments(readFileSync(join(root, path), 'utf8')),
  }));
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/.*$/gm, '');
}

function importsOf(code: string): string[] {
  const imports = /(?:\bfrom\s+|^import\s+|\bimport\()'([^'\n]+)'/gm;
  return [...code.matchAll(imports)].map(([, specifier]) => specifier!);
}

/** Why `from` must not import `to`, if so. */
function forbidden(from: Package, to: Package): string | undefined {
  const upwards = layers.indexOf(to.layer) > layers.indexOf(from.layer);
  if (upwards) return `${from.layer} must not import ${to.layer}`;
  if (
    from.layer === 'strategies' &&
    to.layer === 'strategies' &&
    basename(to.folder) !== 'hlist-srcu'
  ) {
    return 'no strategy imports another';
  }
  if (alone.includes(basename(from.folder))) return `${from.name} imports nothing`;
  return undefined;
}

test.each(packages)('$name imports only what it may', (from) => {
  const wrong: string[] = [];
  for (const { path, code } of sources(from)) {
    for (const specifier of importsOf(code)) {
      if (specifier.startsWith('.') || specifier.startsWith('#')) continue;
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      const to = byName.get(name);
      if (to !== undefined) {
        const why = forbidden(from, to);
        if (why !== undefined) wrong.push(`${path}: ${specifier}: ${why}`);
      }
      const declared = from.dependencies.includes(name) || specifier.startsWith('node:');
      if (!declared) wrong.push(`${path}: ${specifier} is not among the dependencies`);
    }
  }
  expect(wrong).toEqual([]);
});

test.each(packages.filter(({ layer }) => layer !== 'apps'))(
  '$name touches atomics, time and chance only through sync',
  (from) => {
    if (['sync', 'explorer'].includes(basename(from.folder))) return;
    const wrong = sources(from).filter(({ code }) => ownWorld.test(code));
    expect(wrong.map(({ path, code }) => `${path}: ${ownWorld.exec(code)?.[0]}`)).toEqual([]);
  },
);

test.each(packages.filter(({ layer }) => layer !== 'apps'))(
  '$name needs no Node.js in its default entry',
  (from) => {
    const needsNode = (path: string, seen: Set<string>): string[] => {
      if (seen.has(path)) return [];
      seen.add(path);
      const code = withoutComments(readFileSync(join(root, path), 'utf8'));
      return importsOf(code).flatMap((specifier) => {
        if (specifier.startsWith('node:')) return [`${path}: ${specifier}`];
        return specifier.startsWith('.') ? needsNode(join(dirname(path), specifier), seen) : [];
      });
    };
    expect(needsNode(join(from.folder, 'src/index.ts'), new Set())).toEqual([]);
  },
);
