import { NotifierError, type CreateOptions, type Strategy, type Traits } from '@mmu-notifier/core';
import { attachRegion, byteLength, createRegion } from './layout.ts';
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
  modes: ['event-loop', 'shared-memory'],
  knownRaces: [],
});

/** Subscriptions to begin with, in one event loop. */
const capacityDefault = 64;

/** In one event loop there is one notifier for a memory, however often it is attached. */
const localNotifiers = new WeakMap<ArrayBufferLike, ReferenceNotifier>();

function create(options: CreateOptions = {}): ReferenceNotifier {
  const { variant, memory, capacity = capacityDefault } = options;
  const region = createRegion(capacity, memory);
  const notifier = new ReferenceNotifier(region, memory === undefined, traits(variant));
  if (memory !== undefined && !region.shared) localNotifiers.set(memory, notifier);
  return notifier;
}

function attach(memory: ArrayBufferLike): ReferenceNotifier {
  return (
    localNotifiers.get(memory) ?? new ReferenceNotifier(attachRegion(memory), false, theTraits)
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
  variants: [theTraits.variant],
  traits,
  byteLength,
  create,
  attach,
});
