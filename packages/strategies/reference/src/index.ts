import { NotifierError, type CreateOptions, type Strategy, type Traits } from '@mmu-notifier/core';
import type { Region } from '@mmu-notifier/sync';
import { attachRegion, byteLength, createRegion, nameOfWord } from './layout.ts';
import { ReferenceNotifier } from './notifier.ts';

export { ReferenceNotifier } from './notifier.ts';
export { ReferenceSubscription } from './subscription.ts';

const theTraits: Traits = Object.freeze<Traits>({
  name: 'reference',
  variant: 'scan',
  summary: 'a linear scan under one lock',
  correct: true,
  filtersByRange: true,
  retryScope: 'subscription',
  defersChanges: false,
  subscribeWaits: false,
  twoPass: true,
  filtersByOwner: true,
  modes: Object.freeze(['event-loop', 'shared-memory'] as const),
  knownRaces: Object.freeze([]),
});

/** Subscriptions to begin with, in one event loop. */
const capacityDefault = 64;

/** In one event loop there is one notifier for a region, however often it is attached. */
const localNotifiers = new WeakMap<Region, ReferenceNotifier>();

function create(options: CreateOptions = {}): ReferenceNotifier {
  const { variant, capacity = capacityDefault } = options;
  const memory = options.memory ?? undefined;
  const itsTraits = traits(variant);
  const region = createRegion(capacity, memory);
  const notifier = new ReferenceNotifier(region, memory === undefined, itsTraits);
  if (!region.shared) localNotifiers.set(region, notifier);
  return notifier;
}

function attach(memory: ArrayBufferLike): ReferenceNotifier {
  const region = attachRegion(memory);
  if (region.shared) return new ReferenceNotifier(region, false, theTraits);
  const local = localNotifiers.get(region);
  if (local !== undefined) return local;
  throw new NotifierError(
    'MMN_MEMORY',
    'expected shared memory, or the memory of a notifier that was created here, got a copy of one: its callbacks are elsewhere',
  );
}

function traits(variant: string = theTraits.variant): Traits {
  if (variant === theTraits.variant) return theTraits;
  throw new NotifierError(
    'MMN_OPTION',
    `expected a variant of reference (${theTraits.variant}), got '${variant}'`,
  );
}

/** The simplest correct notifier: the oracle of the others, and the template for a new one. Ours. */
export const reference: Strategy<ReferenceNotifier> = Object.freeze({
  name: 'reference',
  variants: Object.freeze([theTraits.variant]),
  traits,
  byteLength,
  nameOfWord,
  create,
  attach,
});
