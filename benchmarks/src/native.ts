/** The C baselines: built with the system's compiler, when there is one. `node src/native.ts` builds them by hand. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../native');
const FLAGS = ['-O2', '-march=native', '-std=c11', '-Wall', '-Wextra'];

const PROGRAMS = ['observe_tree', 'observe_section'] as const;

export interface NativePrograms {
  /** The program's file, by name. */
  files: Record<(typeof PROGRAMS)[number], string>;
  /** The compiler's first line about itself, and the flags. */
  compiler: string;
}

/** Builds the programs into `native/dist` with `$CC` or `cc`. Undefined when there is no compiler; throws when it refuses. */
export function buildNative(): NativePrograms | undefined {
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
  const files = { observe_tree: '', observe_section: '' };
  for (const program of PROGRAMS) {
    files[program] = join(FOLDER, 'dist', program);
    const sources = [program, 'operations', 'contention', 'interval_tree'].map((name) =>
      join(FOLDER, `${name}.c`),
    );
    execFileSync(compiler, [...FLAGS, '-o', files[program], ...sources], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  return { files, compiler: `${version.split('\n')[0]} ${FLAGS.slice(0, 2).join(' ')}` };
}

if (import.meta.main) console.log(buildNative()?.files ?? 'no C compiler');
