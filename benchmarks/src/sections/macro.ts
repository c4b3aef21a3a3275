/** Whole workloads: recordings of real programs and generated ones, through the strategies that claim to be correct. */
import type { SourceSpec } from '@mmu-notifier/harness/source';
import { embeddedRecordingPath } from '@mmu-notifier/workloads/node';
import { observeReplay, type Measured } from '../macro/run.ts';
import type { Observation } from '../method.ts';
import type { Case, Contender, Level, Plan, Section } from '../section.ts';

const SEED = 20_191_015;
const ROUNDS: Record<Level, number> = { smoke: 1, short: 5, alone: 5, full: 3 };

/** One row of the table. */
interface Row {
  readonly label: string;
  readonly source: SourceSpec;
}

interface Input {
  readonly source: SourceSpec;
  readonly measured: Measured;
}

export const macroSection: Section = {
  name: 'macro',
  title: 'Whole workloads',
  prepare: (level) => Promise.resolve(plan(level)),
  observe(input, contender): Promise<Observation> {
    const { source, measured } = input as unknown as Input;
    return observeReplay(contender, source, measured);
  },
};

function plan(level: Level): Plan {
  const columns: readonly Measured[] = level === 'short' ? ['sections'] : ['sections', 'faults'];
  const cases: Case[] = rowsFor(level).flatMap(({ label, source }) =>
    columns.map((measured) => ({
      row: label,
      column: measured,
      input: { source: { ...source }, measured },
      rounds: ROUNDS[level],
      contenders: contendersFor(level),
    })),
  );
  return {
    cases,
    excluded: [],
    notes: [
      'sections: the start and the end of a section with its callbacks, the median of the replay; faults: readBegin to a publication, retries and waits included',
      'Replays of the laboratory in one event loop: what they cost comes on top of the simulation, which is not counted, but which leaves the caches colder than a loop of one operation.',
      'Strategies that are known to serve stale entries are left out: what they save is the work that they should have done.',
    ],
    facts: { seed: String(SEED) },
    dispose: () => {},
  };
}

/** More devices: more subscriptions on the same memory. `races`: sections that overlap without pause. */
function rowsFor(level: Level): Row[] {
  if (level === 'smoke') return [generated('races', 200)];
  const redis = 'redis-bgsave';
  if (level !== 'full') return [recorded(redis, 2)];
  return [
    ...[1, 16].map((devices) => recorded(redis, devices)),
    ...['gcc-compile', 'node-workers', 'chromium-page'].map((name) => recorded(name, 2)),
    ...['races', 'kvm-memslots', 'allocator-churn'].map((name) => generated(name, 20_000)),
  ];
}

function recorded(name: string, devices: number): Row {
  return {
    label: `${name}, ${devices} devices`,
    source: { ...common, kind: 'recording', name: embeddedRecordingPath(name), devices },
  };
}

function generated(name: string, events: number): Row {
  return { label: name, source: { ...common, kind: 'workload', name, events } };
}

const common = { strict: true, mirror: 'anonymous', devices: 2, seed: SEED, events: 0 } as const;

/** The unified notifier first, as what the others are compared with; then one of each kind, for the rest are like one of these. */
function contendersFor(level: Level): Contender[] {
  const short = ['interval', 'hlist-srcu', 'umem-odp', 'kvm'];
  const more = [
    'interval:local',
    'interval:scoped',
    'i915-userptr:fixed',
    'hmm:fixed',
    'reference',
  ];
  return (level === 'full' ? [...short, ...more] : short).map((name) => ({ name }));
}
