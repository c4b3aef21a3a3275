/** The check of the documentation finds what it is for: exports without any, and links that lead nowhere. */
import { execFile } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { entryPoints } from '../../../test/misuse/misuse.ts';

const folder = join(import.meta.dirname, '..');
const typedoc = join(folder, 'node_modules/typedoc/bin/typedoc');
const settings = JSON.parse(readFileSync(join(folder, 'typedoc.json'), 'utf8')) as {
  entryPoints: string[];
};

/** Checks a module with the settings of the published packages; returns the exit code and what is printed. */
function check(code: string, name: string): Promise<{ exitCode: number; printed: string }> {
  const here = join(import.meta.dirname, `.entry-${name}`);
  mkdirSync(here);
  onTestFinished(() => rmSync(here, { recursive: true }));
  const written = {
    'index.ts': code,
    'tsconfig.json': JSON.stringify({ extends: '../../tsconfig.json', include: ['*.ts'] }),
    'typedoc.json': JSON.stringify({ ...settings, entryPoints: ['index.ts'] }),
  };
  for (const [file, text] of Object.entries(written)) writeFileSync(join(here, file), text);
  const args = [typedoc, '--options', join(here, 'typedoc.json'), '--emit', 'none'];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), printed: stdout + stderr });
    });
  });
}

test('what has no documentation is reported, and a link that leads nowhere', async () => {
  const lacking = [
    'export function lostFunction(): void {}',
    'export class LostClass {}',
    'export interface LostInterface { readonly start: number }',
    'export type LostType = number;',
    'export const lostConstant = 4;',
    '/** See {@link Nowhere}. */',
    'export const found = 4;',
  ];
  const { exitCode, printed } = await check(lacking.join('\n'), 'lacking');
  const reported = [...printed.matchAll(/(\w+) \(\w+\), defined in .*, does not have any/g)];
  expect(reported.map(([, name]) => name).sort()).toEqual([
    'LostClass',
    'LostInterface',
    'LostType',
    'lostConstant',
    'lostFunction',
  ]);
  expect(printed).toContain('Failed to resolve link to "Nowhere"');
  expect(exitCode).not.toBe(0);
}, 120_000);

test('every entry point of every package is looked at', () => {
  const named = globSync(settings.entryPoints, { cwd: folder }).map((path) => join(folder, path));
  const lacking = entryPoints().filter(({ file }) => !named.includes(file));
  expect(lacking.map(({ specifier }) => specifier)).toEqual([]);
});

test('what is documented is not reported', async () => {
  const code = '/** How many. */\nexport const found = 4;';
  expect(await check(code, 'documented')).toMatchObject({ exitCode: 0 });
}, 120_000);
