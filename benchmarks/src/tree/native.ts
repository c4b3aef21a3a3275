/** The C baseline: built with the system's compiler, when there is one. `node src/tree/native.ts` builds it by hand. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../native');
const FLAGS = ['-O2', '-march=native', '-std=c11', '-Wall', '-Wextra'];

export interface NativeProgram {
  file: string;
  /** The compiler's first line about itself, and the flags. */
  compiler: string;
}

/** Builds `native/dist/observe_tree` with `$CC` or `cc`. Undefined when there is no compiler; throws when it refuses. */
export function buildNative(): NativeProgram | undefined {
  const compiler = process.env['CC'] ?? 'cc';
  let version: string;
  try {
    version = execFileSync(compiler, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return undefined;
  }
  mkdirSync(join(FOLDER, 'dist'), { recursive: true });
  const file = join(FOLDER, 'dist/observe_tree');
  const sources = ['interval_tree.c', 'observe_tree.c'].map((name) => join(FOLDER, name));
  execFileSync(compiler, [...FLAGS, '-o', file, ...sources], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { file, compiler: `${version.split('\n')[0]} ${FLAGS.slice(0, 2).join(' ')}` };
}

if (import.meta.main) console.log(buildNative()?.file ?? 'no C compiler');
