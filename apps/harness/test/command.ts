/** Runs the command line as a user would, in a process of its own. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** What a command did. */
export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const root = join(import.meta.dirname, '../../..');
const main = join(import.meta.dirname, '../src/main.ts');

/** @param onOutput called at each piece of output, with what may end the process early */
export function harness(
  args: readonly string[],
  onOutput?: (out: string, interrupt: () => void) => void,
): Promise<Ran> {
  const child = spawn(process.execPath, ['--conditions=@mmu-notifier/source', main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (piece: Buffer) => {
    out += piece.toString();
    onOutput?.(out, () => child.kill('SIGINT'));
  });
  child.stderr.on('data', (piece: Buffer) => void (err += piece.toString()));
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

/** The path of a recording of the workloads package. */
export function recording(file: string): string {
  return join(root, 'packages/lab/workloads/recordings', file);
}
