import {
  NotifierError,
  type ComposableNotifier,
  type ComposableStrategy,
  type CreateOptions,
  type Strategy,
  type Traits,
} from '@mmu-notifier/core';
import { isShared, type Region } from '@mmu-notifier/sync';
import { attachMemory, attachRegion, byteLength, createMemory, nameOfWord } from './layout.ts';
import { IntervalNotifier } from './notifier.ts';

export type { IntervalOps } from './binding.ts';
export { IntervalNotifier } from './notifier.ts';
export { IntervalSubscription } from './subscription.ts';

const landed: Traits = {
  name: 'interval',
  variant: 'landed',
  summary: 'one interval tree, one collision-retry sequence number',
  correct: true,
  filtersByRange: true,
  retryScope: 'subscription',
  defersChanges: true,
  subscribeWaits: false,
  twoPass: true,
  filtersByOwner: true,
  modes: ['event-loop', 'shared-memory'],
  knownRaces: [],
};

const scoped: Traits = {
  ...landed,
  variant: 'scoped',
  summary: 'the same, but readers and closers wait only for the sections that overlap them',
  defersChanges: false,
};

const v1: Traits = {
  ...landed,
  variant: 'v1',
  summary: 'the patch as first posted on 15 October 2019',
  correct: false,
  knownRaces: [
    {
      id: 'U-1',
      what: 'a release is invisible to readers: a fault that began before it still publishes',
    },
    { id: 'U-3', what: 'with a legacy subscriber, each subscription is told twice of the release' },
    { id: 'U-4', what: 'a subscription made after the release is accepted' },
    {
      id: 'U-5',
      what: 'close returns while the last end still walks the record on its deferred list',
    },
    {
      id: 'U-7',
      what: 'a start that the legacy list refuses leaves the tree’s section open for ever',
    },
    {
      id: 'U-8',
      what: 'closing a subscription whose insert failed drops a reference that it never took',
    },
  ],
};

const traitsOf: ReadonlyMap<string, Traits> = new Map(
  [landed, scoped, v1].map((traits) => {
    Object.freeze(traits.modes);
    for (const race of traits.knownRaces) Object.freeze(race);
    Object.freeze(traits.knownRaces);
    return [traits.variant, Object.freeze(traits)];
  }),
);

/** Subscriptions to begin with, in one event loop. */
const capacityDefault = 256;

/** Options of `interval.create`. */
export interface IntervalCreateOptions<
  L extends ComposableNotifier | undefined = ComposableNotifier | undefined,
> extends CreateOptions {
  /** A legacy strategy to carry in the same address space; whichever is not used costs one test of a flag. */
  readonly legacy?: L extends ComposableNotifier ? ComposableStrategy<L> : undefined;
}

/** The unified strategy, with `create` typed by the legacy notifier that it carries. */
export interface IntervalStrategy extends Strategy<IntervalNotifier, IntervalCreateOptions> {
  create(options?: CreateOptions & { readonly legacy?: undefined }): IntervalNotifier<undefined>;
  create<L extends ComposableNotifier>(
    options: CreateOptions & { readonly legacy: ComposableStrategy<L> },
  ): IntervalNotifier<L>;
  create(options?: IntervalCreateOptions): IntervalNotifier;
  attach(memory: ArrayBufferLike): IntervalNotifier<undefined>;
}

/** In one event loop there is one notifier for a region, however often it is attached. */
const localNotifiers = new WeakMap<Region, IntervalNotifier>();

function create(options: IntervalCreateOptions = {}): IntervalNotifier {
  const { variant, memory, capacity = capacityDefault, legacy } = options;
  const traits = traitsFor(variant);
  if (legacy !== undefined && memory !== undefined && isShared(memory)) {
    throw new NotifierError(
      'MMN_OPTION',
      'expected no legacy strategy in shared memory, since the sections of other agents would not reach its list, got one',
    );
  }
  const found = createMemory(capacity, traits.variant, memory ?? undefined);
  const notifier = new IntervalNotifier(found, traits, (exclusion) =>
    legacy?.create({ exclusion }),
  );
  if (!found.region.shared) localNotifiers.set(found.region, notifier);
  return notifier;
}

function attach(memory: ArrayBufferLike): IntervalNotifier<undefined> {
  const region = attachRegion(memory);
  const local = localNotifiers.get(region);
  if (local !== undefined) return local as IntervalNotifier<undefined>;
  return new IntervalNotifier(attachMemory(region), traitsFor(region.variant), () => undefined);
}

function traitsFor(variant: string = landed.variant): Traits {
  const traits = traitsOf.get(variant);
  if (traits !== undefined) return traits;
  throw new NotifierError(
    'MMN_OPTION',
    `expected a variant of interval (${[...traitsOf.keys()].join(', ')}), got '${variant}'`,
  );
}

/**
 * The unified notifier: one interval tree with a collision-retry sequence number.
 *
 * Linux: mm/mmu_notifier.c, v7.1, with U-7 undone; variant `v1`: as posted on 15 October 2019.
 */
export const interval: IntervalStrategy = Object.freeze({
  name: 'interval',
  variants: Object.freeze([...traitsOf.keys()]),
  traits: traitsFor,
  byteLength,
  nameOfWord,
  create: create as IntervalStrategy['create'],
  attach,
});
