/**
 * No prose that nobody checks: every `ts` fence of a README or of docs/ is compiled and run, and the project
 * stands alone, naming no place outside of it.
 */
import { execFile } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const fencesFolder = join(import.meta.dirname, '.fences');
const documents = globSync(
  ['*.md', 'docs/*.md', 'packages/*/*/*.md', 'apps/*/*.md', 'benchmarks/*.md'],
  { cwd: root },
);

const fences = documents.flatMap((document) =>
  [...readFileSync(join(root, document), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(
    ([, code], at) => ({
      document,
      number: at + 1,
      file: `${document.replaceAll(/[^a-z0-9]+/gi, '-')}-${at + 1}.ts`,
      code: code!,
    }),
  ),
);

describe('fences', () => {
  beforeAll(() => {
    mkdirSync(fencesFolder, { recursive: true });
    for (const { file, code } of fences)
      writeFileSync(join(fencesFolder, file), `${code}\nexport {};\n`);
    writeFileSync(
      join(fencesFolder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.json',
        compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
        include: ['*.ts', '../../packages/*/*/src/**/*.d.ts'],
      }),
    );
  });
  afterAll(() => rmSync(fencesFolder, { recursive: true }));

  test('compile', { timeout: 60_000 }, async () => {
    const compiled = run('npx', ['tsc', '-p', fencesFolder], { cwd: root });
    await expect(
      compiled.catch((error: { stdout: string }) => error.stdout),
    ).resolves.toMatchObject({ stdout: '' });
  });

  test.concurrent.each(fences)(
    '$document, fence $number runs',
    { timeout: 60_000 },
    async ({ file }) => {
      const ran = run(
        process.execPath,
        ['--conditions=@mmu-notifier/source', join(fencesFolder, file)],
        {
          cwd: root,
        },
      );
      await expect(ran).resolves.toBeDefined();
    },
  );
});

test('nothing names a place outside of the repository', async () => {
  const outside = String.raw`(^|[^A-Za-z0-9_.])/(work|farm)/|\.\./shared|https?://registry\.`;
  const found = run(
    'git',
    ['grep', '-nIE', outside, '--', '.', ':!package-lock.json', ':!test/documents.test.ts'],
    { cwd: root },
  );
  // git grep exits with 1 when it finds nothing
  await expect(found.catch((error: { code: number }) => error.code)).resolves.toBe(1);
});

test('every public package has a README and a licence', () => {
  const lacking = globSync('packages/*/*/package.json', { cwd: root }).flatMap((path) => {
    const folder = join(path, '..');
    return ['README.md', 'LICENSE']
      .map((file) => join(folder, file))
      .filter((file) => globSync(file, { cwd: root }).length === 0);
  });
  expect(lacking).toEqual([]);
});
