/**
 * From a scheme to a strategy: variants, traits, creating and finding notifiers.
 */
import {
  NotifierError,
  type CreateOptions,
  type IndexFactory,
  type Strategy,
  type Traits,
} from '@mmu-notifier/core';
import { isShared } from '@mmu-notifier/sync';
import { createSrcuDomain } from './domain.ts';
import { DriverMm, DriverNotifier, type Driver } from './driver-notifier.ts';
import type { DriverSubscription } from './driver-subscription.ts';
import { deferToMicrotask, type Defer } from './driver-work-queue.ts';
import { hlistSrcu } from './index.ts';

/** Options of a driver strategy's `create`. */
export interface DriverCreateOptions extends CreateOptions {
  /** The container of a scheme that has an interval tree. Default: interval-tree-1d. */
  readonly createIndex?: IndexFactory;
  /** Another driver's notifier of the same address space: both stand on its list, in its variant. */
  readonly beside?: DriverNotifier;
  /** Who runs deferred work. Default: a microtask. */
  readonly defer?: Defer;
  /**
   * Whether the task that runs now is being killed: a lock that a driver takes killably is then refused to it, where
   * it would have to wait. Default: nobody is. Linux: fatal_signal_pending.
   */
  readonly isBeingKilled?: () => boolean;
}

/** What a scheme's `createDriver` receives. */
export interface DriverSettings {
  readonly variant: string;
  readonly createIndex: IndexFactory;
  readonly defer: Defer;
  readonly isBeingKilled: () => boolean;
}

/** A scheme, for {@link defineDriverStrategy}. */
export interface DriverScheme<S extends DriverSubscription> {
  /** One for each variant, the default first. All have one name. */
  readonly traits: readonly [Traits, ...Traits[]];
  /** The list's variant for each of them: `v5.3` does not end what a partner refused (L-2). */
  readonly listVariants: Readonly<Record<string, 'v5.3' | 'fixed'>>;
  /** The default container; for schemes with an interval tree. */
  readonly createIndex?: IndexFactory;
  createDriver(mm: DriverMm, settings: DriverSettings): Driver<S>;
}

/** A strategy made of a driver. */
export interface DriverStrategy<S extends DriverSubscription = DriverSubscription> extends Strategy<
  DriverNotifier<S>,
  DriverCreateOptions
> {
  /** Whether `createIndex` makes a difference. */
  readonly takesIndex: boolean;
}

type TraitsOfDriver = Pick<
  Traits,
  | 'name'
  | 'variant'
  | 'summary'
  | 'correct'
  | 'filtersByRange'
  | 'retryScope'
  | 'subscribeWaits'
  | 'knownRaces'
>;

/** Traits of a driver, frozen; the rest is the same for all that stand on this base. */
export function driverTraits(traits: TraitsOfDriver): Traits {
  return Object.freeze({
    ...traits,
    defersChanges: false,
    twoPass: true,
    filtersByOwner: false,
    modes: Object.freeze(['event-loop'] as const),
    knownRaces: Object.freeze(traits.knownRaces.map((race) => Object.freeze({ ...race }))),
  });
}

const noIndex: IndexFactory = () => {
  throw new NotifierError('MMN_OPTION', 'expected a scheme with an index, got one without');
};

/** Makes a strategy of a scheme. */
export function defineDriverStrategy<S extends DriverSubscription>(
  scheme: DriverScheme<S>,
): DriverStrategy<S> {
  const [{ name, variant: variantDefault }] = scheme.traits;
  const local = new WeakMap<ArrayBufferLike, DriverNotifier<S>>();

  function traits(variant: string = variantDefault): Traits {
    const found = scheme.traits.find((each) => each.variant === variant);
    if (found !== undefined) return found;
    const known = scheme.traits.map((each) => each.variant).join(', ');
    throw new NotifierError(
      'MMN_OPTION',
      `expected a variant of ${name} (${known}), got '${variant}'`,
    );
  }

  function create(options: DriverCreateOptions = {}): DriverNotifier<S> {
    const ofVariant = traits(options.variant);
    const { variant } = ofVariant;
    const mm = options.beside?.mm ?? createMm(scheme.listVariants[variant]!, options.memory);
    const driver = scheme.createDriver(mm, {
      variant,
      createIndex: options.createIndex ?? scheme.createIndex ?? noIndex,
      defer: options.defer ?? deferToMicrotask,
      isBeingKilled: options.isBeingKilled ?? (() => false),
    });
    const notifier = new DriverNotifier(ofVariant, mm, driver);
    if (options.memory !== undefined) local.set(options.memory, notifier);
    return notifier;
  }

  function attach(memory: ArrayBufferLike): DriverNotifier<S> {
    const notifier = local.get(memory);
    if (notifier !== undefined) return notifier;
    throw new NotifierError(
      'MMN_MEMORY',
      `expected memory that create was given in this event loop, since ${name} keeps objects, got other memory`,
    );
  }

  return Object.freeze({
    name,
    variants: Object.freeze(scheme.traits.map(({ variant }) => variant)),
    takesIndex: scheme.createIndex !== undefined,
    traits,
    /** The list's. What a driver has beside it is objects. */
    byteLength: () => hlistSrcu.byteLength(listCapacity),
    create,
    attach,
  });
}

/** Subscribers of the list: drivers, so few. */
const listCapacity = 16;

function createMm(variant: string, memory: ArrayBufferLike | undefined): DriverMm {
  if (memory !== undefined && isShared(memory)) {
    throw new NotifierError(
      'MMN_OPTION',
      'expected memory of one event loop, since drivers keep objects, got a SharedArrayBuffer',
    );
  }
  const domain = createSrcuDomain();
  const list = hlistSrcu.create({
    variant,
    srcu: domain,
    ...(memory === undefined ? {} : { memory }),
  });
  return new DriverMm(list, domain);
}
