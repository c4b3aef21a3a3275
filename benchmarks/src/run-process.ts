/** Processes that print one line of JSON. */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LEAST_VARIABLE } from './contention.ts';
import type { Observation } from './method.ts';
import type { Case, Contender, Section } from './section.ts';

const execute = promisify(execFile);
const OBSERVE = join(import.meta.dirname, 'observe.ts');

/** Stripping types and parsing would take half of a short observation's process. It is over before anything is timed. */
const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'mmu-notifier-bench-cache') };

/** Runs one observation. Throws with what the process wrote to its standard error. `leastContention`: of its program, so far. */
export async function observeInProcess(
  section: Section,
  { input }: Pick<Case, 'input'>,
  contender: Contender,
  leastContention = Infinity,
): Promise<Observation> {
  const [file, ...args] = contender.command ?? [
    process.execPath,
    ...process.execArgv,
    OBSERVE,
    section.name,
    JSON.stringify(input),
    contender.name,
  ];
  const { stdout } = await execute(file ?? '', args, {
    env: { ...env, [LEAST_VARIABLE]: String(leastContention) },
    timeout: 120_000,
  });
  return JSON.parse(stdout) as Observation;
}
