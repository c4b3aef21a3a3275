/** A copy of the repository as it is now, in which sources may be changed while people go on with theirs. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { root } from '../patch.ts';

/** Its path. It is deleted when the process exits. */
export function copyRepository(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'mmu-notifier-mutation-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', 'packages', '*.json'];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).trim().split('\n');
  for (const file of files) {
    if (!existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  const scope = join(folder, 'node_modules/@mmu-notifier');
  mkdirSync(scope, { recursive: true });
  for (const entry of readdirSync(join(root, 'node_modules'))) {
    if (entry === '@mmu-notifier') continue;
    symlinkSync(join(root, 'node_modules', entry), join(folder, 'node_modules', entry));
  }
  for (const entry of readdirSync(join(root, 'node_modules/@mmu-notifier'))) {
    const from = relative(root, realpathSync(join(root, 'node_modules/@mmu-notifier', entry)));
    symlinkSync(join(folder, from), join(scope, entry));
  }
  return folder;
}
