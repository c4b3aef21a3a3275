/**
 * How fast the explorer is, on a small interval notifier with three threads (test/notifier.ts): two sections, a read with a
 * retry, a removal, sixty subscriptions.
 *
 *     node scripts/benchmark.ts [--runs 5] [--write]
 *
 * Each run is a process of its own and begins from nothing: what it takes to learn the threads' code is part of it. A *step* is one access to the shared memory that the search performs, visible or plain; none is counted
 * that is merely gone back over. Time is processor time of the process, so that neighbours on the machine count less.
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { cpus } from 'node:os';
import { explore } from '../src/index.ts';
import { notifierScenario } from '../test/notifier.ts';
import { writeSection } from './write-section.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    once: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const executions = 50_000;

interface Measurement {
  readonly visible: number;
  readonly plain: number;
  readonly seconds: number;
}

function measure(): Measurement {
  const scenario = notifierScenario({
    lockless: false,
    nodes: 60,
    threads: { invalidator: { invalidate: 2 }, reader: { read: 0 }, remover: { remove: 50 } },
  });
  const start = process.cpuUsage();
  const { verdict, counts, summary } = explore({ ...scenario, budget: { executions } });
  const { user, system } = process.cpuUsage(start);
  if (verdict !== 'ok' || counts.executions !== executions) throw new Error(summary);
  return { visible: counts.steps, plain: counts.plainAccesses, seconds: (user + system) / 1e6 };
}

if (values.once) {
  console.log(JSON.stringify(measure()));
} else {
  const runs = Array.from({ length: Number(values.runs) }, () => {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), '--once'];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Measurement;
  });
  const rates = runs
    .map(({ visible, plain, seconds }) => (visible + plain) / seconds / 1e6)
    .sort((a, b) => a - b);
  const [low, median, high] = [0, rates.length >> 1, rates.length - 1].map((i) =>
    rates[i]!.toFixed(1),
  );
  const { visible, plain } = runs[0]!;
  const line =
    `${median} million steps a second (median of ${rates.length} processes, ${low} to ${high}): ${executions} executions, ` +
    `${visible} visible operations and ${plain} plain accesses; Node ${process.version}, ${cpus()[0]?.model}.`;
  console.log(line);
  if (values.write) writeSection('benchmark', line);
}
