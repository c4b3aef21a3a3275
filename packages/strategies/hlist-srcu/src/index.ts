import {
  NotifierError,
  type ComposableCreateOptions,
  type SectionExclusion,
  type Strategy,
  type Traits,
} from '@mmu-notifier/core';
import { isShared as isSharedMemory, type Region } from '@mmu-notifier/sync';
import { domainIn, globalSrcuDomain } from './domain.ts';
import {
  attachRegion,
  byteLength,
  createRegion,
  Mm,
  mmAt,
  nameOfWord,
  Setting,
  srcuAt,
} from './layout.ts';
import { HlistNotifier } from './notifier.ts';
import type { SrcuDomain } from './walk.ts';

export { attachSrcuDomain, createSrcuDomain, srcuDomainByteLength } from './domain.ts';
export { HlistNotifier } from './notifier.ts';
export type { CallContext, LegacyOps } from './ops.ts';
export { Registration } from './registration.ts';
export { HlistSubscription } from './subscription.ts';
export type { SrcuDomain } from './walk.ts';

const fixed: Traits = {
  name: 'hlist-srcu',
  variant: 'fixed',
  summary: 'a list of callbacks under SRCU, each called for every section',
  correct: true,
  filtersByRange: false,
  retryScope: 'address-space',
  defersChanges: false,
  subscribeWaits: true,
  twoPass: true,
  filtersByOwner: true,
  modes: Object.freeze(['event-loop', 'shared-memory'] as const),
  knownRaces: Object.freeze([]),
};

const unpaired: Traits = {
  ...fixed,
  variant: 'v5.3',
  summary: 'the same, without the end of a start that another subscriber refused',
  knownRaces: Object.freeze([
    Object.freeze({
      id: 'L-2',
      what: 'after a refused start the counts of those who had accepted it stay up: their readers starve',
    }),
  ]),
};

const traitsOf: ReadonlyMap<string, Traits> = new Map(
  [fixed, unpaired].map((traits) => [traits.variant, Object.freeze(traits)]),
);

/** Options of `hlistSrcu.create`. */
export interface HlistCreateOptions extends ComposableCreateOptions {
  /**
   * The SRCU domain: one for each address space (default), Linux's one for all in this event loop, or one that
   * the caller made with `createSrcuDomain`, which is how address spaces in shared memory have one in common.
   */
  readonly srcu?: 'own' | 'global' | SrcuDomain;
}

/** What an agent must bring that attaches to a notifier which was created with it. */
export interface HlistAttachOptions {
  /** From `attachSrcuDomain`. */
  readonly srcu?: SrcuDomain;
  /** Without it a carried notifier serves sections here, but no registration. */
  readonly exclusion?: SectionExclusion;
}

/** The legacy strategy. */
export interface HlistStrategy extends Strategy<HlistNotifier, HlistCreateOptions> {
  /** @throws NotifierError `MMN_MEMORY`, `MMN_OPTION` */
  attach(memory: ArrayBufferLike, options?: HlistAttachOptions): HlistNotifier;
}

/** In one event loop there is one notifier for a region, however often it is attached. */
const localNotifiers = new WeakMap<Region, HlistNotifier>();

function create(options: HlistCreateOptions = {}): HlistNotifier {
  const { variant, capacity, exclusion, srcu = 'own' } = options;
  const memory = options.memory ?? undefined;
  const traits = traitsFor(variant);
  if (srcu !== 'own' && srcu !== 'global' && typeof srcu?.srcu !== 'object') {
    throw new NotifierError(
      'MMN_OPTION',
      `expected srcu to be 'own', 'global' or a domain, got ${String(srcu)}`,
    );
  }
  const isShared = memory !== undefined && isSharedMemory(memory);
  if (isShared && srcu !== 'own' && (srcu === 'global' || !srcu.srcu.region.shared)) {
    throw new NotifierError(
      'MMN_OPTION',
      'expected a domain in shared memory, made by createSrcuDomain, for a notifier in shared memory, got one of this event loop',
    );
  }
  const settings =
    (exclusion === undefined ? 0 : Setting.carried) | (srcu === 'own' ? 0 : Setting.foreignSrcu);
  const region = createRegion(traits.variant, settings, memory, capacity);
  const domain =
    srcu === 'own' ? domainIn(region, srcuAt) : srcu === 'global' ? globalSrcuDomain() : srcu;
  const isGrowable = memory === undefined;
  const notifier = new HlistNotifier({ region, isGrowable, traits, domain, exclusion });
  if (!isShared) localNotifiers.set(region, notifier);
  return notifier;
}

function attach(memory: ArrayBufferLike, options: HlistAttachOptions = {}): HlistNotifier {
  const region = attachRegion(memory);
  const local = localNotifiers.get(region);
  if (local !== undefined) return local;
  const { exclusion, srcu } = options;
  const settings = region.words[mmAt + Mm.settings]!;
  if ((settings & Setting.foreignSrcu) !== 0 && srcu === undefined) {
    throw new NotifierError(
      'MMN_OPTION',
      'expected srcu, the domain that this notifier was created with, got none',
    );
  }
  const domain =
    (settings & Setting.foreignSrcu) === 0 || srcu === undefined ? domainIn(region, srcuAt) : srcu;
  const traits = traitsFor(region.variant);
  return new HlistNotifier({ region, isGrowable: false, traits, domain, exclusion });
}

function traitsFor(variant: string = fixed.variant): Traits {
  const traits = traitsOf.get(variant);
  if (traits !== undefined) return traits;
  throw new NotifierError(
    'MMN_OPTION',
    `expected a variant of hlist-srcu (${[...traitsOf.keys()].join(', ')}), got '${variant}'`,
  );
}

/**
 * The legacy notifier: a list of callbacks under sleepable RCU, each called for every section of the address space.
 *
 * Linux: mm/mmu_notifier.c, v5.3, with get and put of v5.4 and the pairing of c2655835fd8c; variant `v5.3`: unpaired.
 */
export const hlistSrcu: HlistStrategy = Object.freeze({
  name: 'hlist-srcu',
  variants: Object.freeze([...traitsOf.keys()]),
  traits: traitsFor,
  byteLength,
  nameOfWord,
  create,
  attach,
});
