/** Judges a broken strategy in processes of its own, and kills those that hang: a case that does not end has failed. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Assignment, Line } from './judge-process.ts';
import { patchVariable, type Patch } from './patch.ts';

/** How each case ended: its id, and the failure's first line, or `null`. */
export type Verdicts = ReadonlyMap<string, string | null>;

/** A case that says nothing for so long does not end. Generous: others use the machine too. */
const hangMs = 15_000;

/** @throws Error when the process ends before its first case: the mutant is no program */
export async function judgeMutant(
  assignment: Omit<Assignment, 'without'>,
  patch: Patch | undefined,
  isEnough: (verdicts: Verdicts) => boolean = () => false,
): Promise<Verdicts> {
  const verdicts = new Map<string, string | null>();
  for (;;) {
    const without = [...verdicts.keys()];
    const hung = await runOnce({ ...assignment, without }, patch, verdicts, isEnough);
    if (hung === undefined) return verdicts;
    verdicts.set(hung, 'it does not end');
    if (isEnough(verdicts)) return verdicts;
  }
}

/** Resolves to the case that hung or killed the process, if any. */
async function runOnce(
  assignment: Assignment,
  patch: Patch | undefined,
  verdicts: Map<string, string | null>,
  isEnough: (verdicts: Verdicts) => boolean,
): Promise<string | undefined> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@mmu-notifier/source',
      '--import',
      join(import.meta.dirname, 'patch-hook.ts'),
      join(import.meta.dirname, 'judge-process.ts'),
      JSON.stringify(assignment),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, [patchVariable]: patch === undefined ? '' : JSON.stringify(patch) },
    },
  );
  let running: string | undefined;
  let isKnown = false;
  let errors = '';
  child.stderr.on('data', (text: Buffer) => void (errors += text.toString()));
  const watchdog = setTimeout(() => child.kill('SIGKILL'), hangMs);
  for await (const text of createInterface({ input: child.stdout })) {
    if (!text.startsWith('{')) continue;
    watchdog.refresh();
    const line = JSON.parse(text) as Line;
    if ('begins' in line) {
      running = line.begins;
      continue;
    }
    verdicts.set(line.ends, line.failure);
    running = undefined;
    if (isEnough(verdicts)) {
      isKnown = true;
      child.kill('SIGKILL');
    }
  }
  clearTimeout(watchdog);
  if (isKnown) return undefined;
  if (running === undefined && verdicts.size === 0) throw new Error(errors || 'nothing was judged');
  return running;
}
