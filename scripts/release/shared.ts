/** What the steps of the release check have in common: where things are, and how programs are run. */
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

export const root: string = join(import.meta.dirname, '../..');

/** A package as its package.json describes it. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
}

/** The packages that are published, by folder, below a copy of the repository or the repository itself. */
export function publicPackages(below: string): Map<string, Manifest> {
  const found = new Map<string, Manifest>();
  for (const path of globSync('packages/*/*/package.json', { cwd: below }).sort()) {
    const manifest = JSON.parse(readFileSync(join(below, path), 'utf8')) as Manifest;
    if (manifest.private !== true) found.set(join(path, '..'), manifest);
  }
  return found;
}

/** What a program printed. */
export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in a folder. @throws an Error whose message has what it printed, when it fails */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Printed> {
  try {
    const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 1 << 26 };
    return await execFileAsync(command, args, options);
  } catch (error) {
    const { stdout = '', stderr = '' } = error as Partial<Printed>;
    const what = [command, ...args].join(' ');
    // The cause would print everything twice.
    // oxlint-disable-next-line preserve-caught-error
    throw new Error(`${what} failed in ${cwd}\n${stdout}\n${stderr}`);
  }
}

/** What went wrong so far. */
export const problems: string[] = [];

/** Notes a problem, unless `holds`. */
export function check(holds: boolean, problem: string): void {
  if (holds) return;
  problems.push(problem);
  console.error(`    ${problem}`);
}
