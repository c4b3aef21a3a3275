/**
 * `node apps/harness/src/explore/track-record/speed.ts`: how fast the explorer goes through the shipped `interval` with three
 * threads (a section, a device that goes, the end of the address space), for docs/track-record.md. Each run is a process of its
 * own that begins from nothing. A step is one access to shared memory that the search performs; time is processor time, so
 * that neighbours on the machine count less.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { explore } from '@mmu-notifier/explorer';
import { contenderOf } from '../../strategies.ts';
import { sharedSituations } from '../thread-situations.ts';

const runs = 5;
const executions = 200_000;
const scenario = 'close-exit';

/** What is recorded. */
export interface Speed {
  readonly scenario: string;
  readonly executions: number;
  readonly steps: number;
  /** Millions of steps in a second of processor time, of each run, the slowest first. */
  readonly rates: readonly number[];
  readonly machine: string;
}

interface Measured {
  readonly steps: number;
  readonly seconds: number;
}

function measure(): Measured {
  const situation = sharedSituations.find(({ name }) => name === scenario)!;
  const start = process.cpuUsage();
  const { counts } = explore({
    ...situation.build(contenderOf('interval')),
    budget: { executions },
  });
  const { user, system } = process.cpuUsage(start);
  return { steps: counts.steps + counts.plainAccesses, seconds: (user + system) / 1e6 };
}

if (process.argv.includes('--once')) {
  console.log(JSON.stringify(measure()));
  process.exit(0);
}
const args = [...process.execArgv, fileURLToPath(import.meta.url), '--once'];
const measured = Array.from(
  { length: runs },
  () => JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Measured,
);
const rates = measured
  .map(({ steps, seconds }) => Number((steps / seconds / 1e6).toFixed(2)))
  .toSorted((a, b) => a - b);
const { steps } = measured[0]!;
const machine = `Node.js ${process.version}, ${cpus()[0]?.model}`;
const speed: Speed = { scenario, executions, steps, rates, machine };
writeFileSync(new URL('speed.json', import.meta.url), `${JSON.stringify(speed, null, 2)}\n`);
console.log(speed);
