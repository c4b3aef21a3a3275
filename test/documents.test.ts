/**
 * No prose that nobody checks: every `ts` fence of a README or of docs/ is compiled and run, and the project
 * stands alone, naming no place outside of it.
 */
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { checked, exempt, FenceFolder, fencesOf } from './fences.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const documents = globSync('**/*.md', {
  cwd: root,
  exclude: ['**/node_modules', '**/dist', '**/CHANGELOG.md'],
}).sort();

const all = documents.flatMap((document) =>
  fencesOf(readFileSync(join(root, document), 'utf8')).map((fence) => ({ document, ...fence })),
);
const fences = all
  .filter(({ language }) => language === checked)
  .map((fence) => ({
    ...fence,
    file: `${fence.document.replaceAll(/[^a-z0-9]+/gi, '-')}-${fence.number}.ts`,
  }));

describe('fences', () => {
  let folder: FenceFolder;
  beforeAll(() => {
    folder = new FenceFolder('.fences', new Map(fences.map(({ file, code }) => [file, code])));
  });
  afterAll(() => folder.remove());

  test('are many, and none is left out without a reason', () => {
    expect(fences.length).toBeGreaterThan(30);
    const others = all.filter(({ language }) => language !== checked && !(language in exempt));
    expect(others.map(({ document, language }) => `${document}: ${language}`)).toEqual([]);
  });

  test('compile', { timeout: 120_000 }, async () => {
    expect(await folder.compile()).toBe('');
  });

  test.concurrent.each(fences)(
    '$document, fence $number runs',
    { timeout: 120_000 },
    async ({ file }) => {
      await expect(folder.run(file)).resolves.toBeUndefined();
    },
  );
});

describe('a fence that is wrong', () => {
  const wrong = new Map([
    ['types.ts', "import { changeRange } from '@mmu-notifier/core';\nchangeRange();"],
    ['names.ts', "import { changeRanges } from '@mmu-notifier/core';\nchangeRanges;"],
    ['throws.ts', "import assert from 'node:assert/strict';\nassert.equal(1 + 1, 3);"],
  ]);

  test('is told by the compiler, or by running it', { timeout: 120_000 }, async () => {
    const folder = new FenceFolder('.fences-wrong', wrong);
    onTestFinished(() => folder.remove());
    const said = await folder.compile();
    expect(said).toContain('types.ts(2,1): error');
    expect(said).toContain('names.ts(1,10): error');
    await expect(folder.run('names.ts')).rejects.toThrow('changeRanges');
    await expect(folder.run('throws.ts')).rejects.toThrow('AssertionError');
  });

  test('is found in a list, in a quotation, and behind longer fences', () => {
    const text = '- so:\n  ```ts\n  first;\n  ```\n> ```ts\n> second;\n> ```\n````ts\n```\n````\n';
    expect(fencesOf(text).map(({ language, number }) => language + number)).toEqual([
      'ts1',
      'ts2',
      'ts3',
    ]);
  });

  test.each(['typescript', 'js', 'ts ignore', 'mts'])('is not left out as %s', (language) => {
    expect(fencesOf('```' + language + '\nwrong(;\n```')[0]).toMatchObject({ language });
    expect(language in exempt).toBe(false);
  });

  test('has an end', () => {
    expect(() => fencesOf('```ts\nfirst;\n')).toThrow('expected the end of a block');
  });
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
