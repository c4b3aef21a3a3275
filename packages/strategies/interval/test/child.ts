/** Running a file of this folder as a process of its own, from the sources. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end; one that hangs is killed after a minute and has no status then. */
export function runChild(file: string, nodeArgs: readonly string[] = []): Ended {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@mmu-notifier/source', ...nodeArgs, path],
    { encoding: 'utf8', timeout: 60_000 },
  );
  return { status, stdout, stderr };
}
