/** `compare --agents`: one stream's threads and devices spread over worker threads, on notifiers that they share. */
import { headerWords, Region } from '@mmu-notifier/sync';
import { spawnAgent } from '@mmu-notifier/sync/agents';
import type { Contender } from '../strategies.ts';
import type { Plan } from './plan.ts';

/** What an agent is told. */
export interface ScalingJob {
  readonly strategy: string;
  readonly plan: Plan;
  readonly index: number;
  readonly agents: number;
  /** By address space. */
  readonly notifiers: readonly SharedArrayBuffer[];
  readonly board: SharedArrayBuffer;
}

/** What it says. */
export interface ScalingEnd {
  readonly sections: number;
  readonly faults: number;
  readonly retries: number;
  readonly stale: number;
}

/** What a strategy did with so many agents, a second. */
export interface ScalingPoint {
  readonly agents: number;
  readonly sectionsPerSecond: number;
  readonly faultsPerSecond: number;
  readonly retries: number;
  readonly staleReads: number;
}

/** Runs a plan for a while. */
export async function runPlan(
  { strategy, variant, label }: Contender,
  plan: Plan,
  { seconds, signal }: { readonly seconds: number; readonly signal: AbortSignal },
): Promise<ScalingPoint> {
  const agents = plan.calls.length;
  const notifiers = plan.spaces.map((registrations) => {
    const capacity = Math.max(1, registrations.length + 1);
    const memory = new SharedArrayBuffer(Math.max(8, strategy.byteLength(capacity, variant)));
    strategy.create({ memory, capacity, variant });
    return memory;
  });
  const words = headerWords + 2 + plan.pages + plan.entries + plan.registrations.length;
  const byteLength = (words + (words & 1)) * 4;
  const description = { kind: 'scaling', capacity: 1, byteLength };
  const board = Region.create(description, new SharedArrayBuffer(byteLength));
  const told = {
    strategy: label,
    plan,
    agents,
    notifiers,
    board: board.memory as SharedArrayBuffer,
  };
  const started = Array.from({ length: agents }, (_, index) => {
    const { promise, resolve, reject } = Promise.withResolvers<ScalingEnd>();
    const agent = spawnAgent(new URL('./worker.ts', import.meta.url), {
      data: { ...told, index } satisfies ScalingJob,
      regions: [board],
      onMessage: (end) => resolve(end as ScalingEnd),
    });
    void agent.exit.then(({ reason }) => reject(reason ?? new Error('an agent said nothing')));
    return { agent, end: promise };
  });
  const ends = Promise.all(started.map(({ end }) => end));
  ends.catch(() => {});
  const isReady = (): boolean => board.load(headerWords) === agents;
  while (!isReady() && !started.some(({ agent }) => agent.isOver)) await pause(1, signal);
  const beganMs = performance.now();
  await pause(seconds * 1000, signal);
  board.store(headerWords + 1, 1);
  const elapsed = (performance.now() - beganMs) / 1000;
  const results = await ends;
  const sum = (name: keyof ScalingEnd): number =>
    results.reduce((total, result) => total + result[name], 0);
  return {
    agents,
    sectionsPerSecond: sum('sections') / elapsed,
    faultsPerSecond: sum('faults') / elapsed,
    retries: sum('retries'),
    staleReads: sum('stale'),
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
