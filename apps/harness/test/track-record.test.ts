/** Every row of docs/track-record.md again: what the script recorded still happens, and where it is mended nothing does. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('../src/explore/track-record/main.ts', import.meta.url));

test('the track record is as recorded', { timeout: 240_000 }, async () => {
  const args = ['--conditions=@mmu-notifier/source', main, '--check'];
  const run = promisify(execFile)(process.execPath, args);
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^(\d+) of \1 rows as recorded/);
});
