/** Uses the packages as people do: from ESM, from `require()`, from TypeScript, in every Node.js that we support. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { check, root, run, type Manifest } from './shared.ts';

/** The oldest of each line that we support, or the newest where that says more. */
const supportedNodes = ['20.19.0', '22.23.3', '24.21.0'];
const unsupportedNode = '18.20.8';

/** A program in JavaScript that needs the packages, and nothing else; throws if they do not do what they say. */
const scenario = `
  const notifier = interval.create();
  const derived = new Map();
  const subscription = notifier.subscribe({ start: 0, end: 10 }, { invalidate: () => derived.clear() });
  let source = 'a';
  const build = collisionRetry(subscription, {
    read: async () => source,
    install: (value) => derived.set(1, value),
  });
  await changeRange(notifier, { start: 1, end: 2 }, () => (source = 'b'));
  await build;
  if (derived.get(1) !== 'b') throw new Error('stale');
  await subscription[Symbol.asyncDispose]();
`;

/** An empty folder in which the registry's packages are installed, with one version of Node.js. */
async function freshFolder(
  folder: string,
  npmrc: string,
  dependencies: Record<string, string>,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '.npmrc'), npmrc);
  const manifest = { private: true, dependencies, allowScripts: { node: true } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  await run('npm', ['install', '--no-package-lock'], folder);
}

/** Every entry of a package: its name, and its name with the subpaths that it exports. */
function entriesOf({ name, exports = {} }: Manifest): string[] {
  return Object.keys(exports)
    .filter((subpath) => !subpath.endsWith('.json'))
    .map((subpath) => name + subpath.slice(1));
}

/** ESM and `require()` of every entry, and the READMEs' examples, in each Node.js. */
export async function checkInNode(
  folder: string,
  npmrc: string,
  manifests: readonly Manifest[],
): Promise<void> {
  const versions = Object.fromEntries(manifests.map(({ name, version }) => [name, version]));
  const entries = manifests.flatMap((each) => entriesOf(each));
  const imports = `import { changeRange, collisionRetry } from '@mmu-notifier/core';
import { interval } from '@mmu-notifier/interval';`;
  for (const node of supportedNodes) {
    const here = join(folder, `node-${node}`);
    await freshFolder(here, npmrc, { ...versions, node });
    const binary = join(here, 'node_modules/node/bin/node');
    const { stdout } = await run(binary, ['--version'], here);
    check(stdout.trim() === `v${node}`, `expected Node.js ${node}, got ${stdout.trim()}`);
    const all = entries.map((entry) => `await import('${entry}');`).join('\n');
    writeFileSync(join(here, 'esm.mjs'), `${imports}\n${all}\n${scenario}`);
    const required = entries.map((entry) => `require('${entry}');`).join('\n');
    writeFileSync(
      join(here, 'commonjs.cjs'),
      `const { changeRange, collisionRetry } = require('@mmu-notifier/core');
const { interval } = require('@mmu-notifier/interval');
${required}
(async () => {${scenario}})();`,
    );
    const files = ['esm.mjs', 'commonjs.cjs', ...writeExamples(here)];
    await Promise.all(files.map((file) => tell(node, file, run(binary, [file], here))));
  }
}

async function tell(node: string, what: string, ran: Promise<unknown>): Promise<void> {
  await ran.catch((error: Error) => check(false, `in Node.js ${node}, ${what}: ${error.message}`));
}

/** The examples of the READMEs that people see first, as JavaScript: Node.js 20 knows no types. */
function writeExamples(folder: string): string[] {
  return [
    'README.md',
    'packages/strategies/interval/README.md',
    'packages/foundation/derived/README.md',
    'packages/foundation/core/README.md',
  ].flatMap((document, documentAt) => {
    const text = readFileSync(join(root, document), 'utf8');
    const fences = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code!);
    check(fences.length > 0, `${document}: expected an example, got none`);
    return fences
      .filter((code) => !/^\s*(?:await )?using /m.test(code)) // which Node.js knows since 24
      .map((code, at) => {
        const file = `example-${documentAt}-${at}.mjs`;
        writeFileSync(join(folder, file), stripTypeScriptTypes(code));
        return file;
      });
  });
}

/** In a Node.js that is too old, importing says so in one line. */
export async function checkUnsupported(
  folder: string,
  npmrc: string,
  version: string,
): Promise<void> {
  await freshFolder(folder, npmrc, { '@mmu-notifier/interval': version, node: unsupportedNode });
  writeFileSync(join(folder, 'esm.mjs'), "import '@mmu-notifier/interval';\n");
  const binary = join(folder, 'node_modules/node/bin/node');
  const said = await run(binary, ['esm.mjs'], folder).then(
    () => 'nothing',
    (error: Error) => error.message,
  );
  const expected = `Error: @mmu-notifier needs Node.js 20.19 or newer, got ${unsupportedNode}`;
  const isSaid = said.split('\n').includes(expected);
  check(isSaid, `in Node.js ${unsupportedNode}: expected '${expected}', got\n${said}`);
}

/** Compiles a program against the declarations, as `nodenext` and as `bundler`, strictly and without Node.js's types. */
export async function checkTypes(
  folder: string,
  npmrc: string,
  manifests: readonly Manifest[],
): Promise<void> {
  const versions = Object.fromEntries(manifests.map(({ name, version }) => [name, version]));
  await freshFolder(folder, npmrc, versions);
  const entries = manifests
    .flatMap((each) => entriesOf(each))
    .filter((entry) => entry !== '@mmu-notifier/core/diagnostics'); // for Node.js, and needs its types
  const program = `import { codeOf, collisionRetry, type Notifier, type Strategy } from '@mmu-notifier/core';
import { interval } from '@mmu-notifier/interval';
${entries.map((entry, at) => `import * as entry${at} from '${entry}';`).join('\n')}
export const all: readonly object[] = [${entries.map((_entry, at) => `entry${at}`).join(', ')}];
export async function main(strategy: Strategy = interval): Promise<string | undefined> {
  const notifier: Notifier = strategy.create();
  await using subscription = await notifier.subscribe({ start: 0, end: 1 }, { invalidate: () => {} });
  const value: number = await collisionRetry(subscription, { read: () => 1, install: (n: number) => n });
  // @ts-expect-error: a string is no address
  notifier.invalidateRangeStart({ start: 'a', end: value });
  return codeOf(new Error());
}
`;
  const compiler = createRequire(import.meta.url).resolve('typescript/package.json');
  for (const resolution of ['nodenext', 'bundler']) {
    const here = join(folder, resolution);
    mkdirSync(here);
    writeFileSync(join(here, 'package.json'), JSON.stringify({ type: 'module' }));
    writeFileSync(join(here, 'main.ts'), program);
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2022', 'dom'],
      types: [],
      module: resolution === 'bundler' ? 'esnext' : 'nodenext',
      moduleResolution: resolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    };
    writeFileSync(join(here, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    const tsc = join(compiler, '../bin/tsc');
    const compiled = run(process.execPath, [tsc, '-p', here], here);
    await compiled.catch((error: Error) =>
      check(false, `TypeScript, ${resolution}: ${error.message}`),
    );
  }
}
