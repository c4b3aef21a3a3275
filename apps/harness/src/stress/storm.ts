/**
 * A storm: sections that overlap each other without pause, so that one is open at every moment, each for a few
 * milliseconds, one in eight over a page that a reader keeps reading. Another agent subscribes and closes elsewhere.
 * How long do they wait? In the default the address space never falls quiet, so as long as the storm lasts (U-10).
 */
import { Region, watchDeaths } from '@mmu-notifier/sync';
import { spawnAgent } from '@mmu-notifier/sync/agents';
import type { Contender } from '../strategies.ts';

/** What an agent is told. */
export interface StormJob {
  readonly role: 'storm' | 'reader' | 'closer';
  readonly strategy: string;
  readonly notifier: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  readonly seconds: number;
}

/** What it says in the end. */
export interface StormEnd {
  readonly role: StormJob['role'];
  /** Sections, reads, or subscriptions that came and went. */
  readonly count: number;
  /** The longest section over the reader's page, or the longest wait. */
  readonly longestMs: number;
}

/** What came of a storm. */
export type StormReport = Readonly<Record<StormJob['role'], StormEnd>>;

/** Runs one. */
export async function runStorm(
  { strategy, variant, label }: Contender,
  seconds: number,
  signal: AbortSignal,
): Promise<StormReport> {
  const capacity = 8;
  const notifier = new SharedArrayBuffer(strategy.byteLength(capacity, variant));
  strategy.create({ memory: notifier, capacity, variant });
  const control = Region.create(
    { kind: 'storm', capacity: 1, byteLength: 256 },
    new SharedArrayBuffer(256),
  );
  const regions = [control, Region.attach(notifier, strategy.name)];
  for (const region of regions) watchDeaths(region);
  const told = { strategy: label, notifier, control: control.memory as SharedArrayBuffer, seconds };
  const agents = (['storm', 'reader', 'closer'] as const).map((role) => {
    const { promise, resolve, reject } = Promise.withResolvers<StormEnd>();
    const agent = spawnAgent(new URL('./storm-worker.ts', import.meta.url), {
      data: { ...told, role } satisfies StormJob,
      regions,
      onMessage: (end) => resolve(end as StormEnd),
    });
    void agent.exit.then(({ reason }) => reject(reason ?? new Error(`the ${role} said nothing`)));
    return { agent, end: promise };
  });
  const end = (): void => agents.forEach(({ agent }) => void agent.terminate());
  signal.addEventListener('abort', end, { once: true });
  try {
    const [storm, reader, closer] = await Promise.all(agents.map((each) => each.end));
    return { storm: storm!, reader: reader!, closer: closer! };
  } finally {
    signal.removeEventListener('abort', end);
    await Promise.all(agents.map(({ agent }) => agent.exit));
  }
}
