/** Where numbers come from: without it they mean little. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  governor: string;
  /** Processes that wanted a core in the minute before the run: above the number of cores, times are doubtful. */
  load: number;
  node: string;
  v8: string;
  flags: string[];
  commit: string;
  date: string;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()} ${process.arch}`,
    governor: frequencyGovernor(),
    load: Math.round((loadavg()[0] ?? NaN) * 10) / 10,
    node: process.version,
    v8: process.versions.v8,
    flags: process.execArgv,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
  };
}

function frequencyGovernor(): string {
  try {
    return readFileSync('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

/** The commit that is measured, marked when files differ from it. */
function commit(): string {
  try {
    const isChanged = git('status', '--porcelain', '--', '..', '../../packages') !== '';
    return git('rev-parse', '--short', 'HEAD') + (isChanged ? ' with changes' : '');
  } catch {
    return 'unknown';
  }
}

function git(...args: string[]): string {
  const options = { cwd: import.meta.dirname, encoding: 'utf8', stdio: 'pipe' } as const;
  return execFileSync('git', args, options).trim();
}
