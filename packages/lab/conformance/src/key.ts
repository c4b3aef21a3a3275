/**
 * A key: a promise of the contract under a name that stays, and the test that shows it.
 *
 * 1. One key, one test, in each mode in which it runs: so a known gap is exactly one test.
 * 2. A key whose condition does not hold does not run; where the condition is a trait, another key tests its absence.
 */
import type { Traits } from '@mmu-notifier/core';
import type { World } from './world.ts';

/**
 * `min`: of every strategy. `trait`: of those whose traits say so. `extra`: beyond the contract; a strategy without it says
 * so in its known gaps.
 */
export type Tier = 'min' | 'trait' | 'extra';

/** Conditions by the words that KEYS.md uses. */
export const conditions = {
  'filters by range': ({ filtersByRange }) => filtersByRange,
  'does not filter by range': ({ filtersByRange }) => !filtersByRange,
  'retries by subscription': ({ retryScope }) => retryScope === 'subscription',
  'retries by address space': ({ retryScope }) => retryScope === 'address-space',
  'never retries': ({ retryScope }) => retryScope === 'none',
  'ever retries': ({ retryScope }) => retryScope !== 'none',
  'defers changes': ({ defersChanges }) => defersChanges,
  'changes at once': ({ defersChanges, subscribeWaits }) => !defersChanges && !subscribeWaits,
  'subscribe waits': ({ subscribeWaits }) => subscribeWaits,
  'subscribe never waits': ({ subscribeWaits }) => !subscribeWaits,
  'two passes': ({ twoPass }) => twoPass,
  'one pass': ({ twoPass }) => !twoPass,
  'filters by owner': ({ filtersByOwner }) => filtersByOwner,
  'does not filter by owner': ({ filtersByOwner }) => !filtersByOwner,
  'shared memory': ({ modes }) => modes.includes('shared-memory'),
  'no shared memory': ({ modes }) => !modes.includes('shared-memory'),
  'composes with another notifier': () => true,
} as const satisfies Record<string, (traits: Traits) => boolean>;

/** See {@link conditions}. */
export type Condition = keyof typeof conditions;

/**
 * How a key is shown. `each`: by one agent, in each kind of memory. `event-loop`, `shared-memory`: in that one only.
 * `machine`: on the simulated machine, in one event loop. `agents`: by worker threads. `explorer`: by every interleaving.
 * `once`: of the strategy, without a notifier.
 */
export type Way =
  | 'each'
  | 'event-loop'
  | 'shared-memory'
  | 'machine'
  | 'agents'
  | 'explorer'
  | 'once';

/** See the file's head. */
export interface Key {
  readonly key: string;
  /** What is promised, as a sentence without its full stop. */
  readonly promise: string;
  readonly tier: Tier;
  readonly when: Condition | undefined;
  readonly way: Way;
  /** Where the promise comes from: a kernel file and version, a test suite, or ours. */
  readonly source: string;
  readonly run: (world: World) => unknown;
}

type Details = Partial<Pick<Key, 'tier' | 'when' | 'way'>> & Pick<Key, 'source'>;

/** Writes a key down: `min`, in each mode, unless it is said otherwise. */
export function key(
  name: string,
  promise: string,
  { tier, when, way = 'each', source }: Details,
  run: Key['run'],
): Key {
  const tierDefault =
    when === undefined || way === 'agents' || way === 'explorer' ? 'min' : 'trait';
  return { key: name, promise, tier: tier ?? tierDefault, when, way, source, run };
}
