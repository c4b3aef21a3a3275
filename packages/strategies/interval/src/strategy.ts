/** A strategy made of variants: which ones is up to the entry point. */
import {
  NotifierError,
  type ComposableNotifier,
  type ComposableStrategy,
  type CreateOptions,
  type Strategy,
} from '@mmu-notifier/core';
import { isShared, type Region } from '@mmu-notifier/sync';
import { attachMemory, attachRegion, byteLengthOf, createMemory } from './layout.ts';
import { IntervalNotifier, type Checks } from './notifier.ts';
import { refuseVariant } from './refusals.ts';
import type { Variant } from './variant.ts';

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
const localNotifiers = /* @__PURE__ */ new WeakMap<Region, IntervalNotifier>();

/** The strategy that has these variants, the first its default; with what laboratories ask for, if that is wanted. */
export function strategyOf(
  variants: readonly [Variant, ...Variant[]],
  laboratory?: Checks & Required<Pick<Strategy, 'nameOfWord'>>,
): IntervalStrategy {
  const names = Object.freeze(variants.map(({ traits }) => traits.variant));

  function variantOf(name: string = names[0]!): Variant {
    const variant = variants[names.indexOf(name)];
    if (variant !== undefined) return variant;
    refuseVariant(names, name);
  }

  function create(options: IntervalCreateOptions = {}): IntervalNotifier {
    const { memory, capacity = capacityDefault, legacy } = options;
    const variant = variantOf(options.variant);
    if (legacy !== undefined && memory !== undefined && isShared(memory)) {
      throw new NotifierError(
        'MMN_OPTION',
        'expected no legacy strategy in shared memory, since the sections of other agents would not reach its list, got one',
      );
    }
    const { tableByteLength, traits } = variant;
    const found = createMemory(
      { capacity, tableByteLength, variant: traits.variant },
      memory ?? undefined,
    );
    const carry = (exclusion: IntervalNotifier) => legacy?.create({ exclusion });
    const notifier = new IntervalNotifier(found, variant, carry, laboratory);
    if (!found.region.shared) localNotifiers.set(found.region, notifier);
    return notifier;
  }

  function attach(memory: ArrayBufferLike): IntervalNotifier<undefined> {
    const region = attachRegion(memory);
    const local = localNotifiers.get(region);
    if (local !== undefined) return local as IntervalNotifier<undefined>;
    const variant = variantOf(region.variant);
    const found = attachMemory(region, variant.tableByteLength);
    return new IntervalNotifier(found, variant, () => undefined, laboratory);
  }

  return Object.freeze({
    name: 'interval',
    variants: names,
    traits: (variant?: string) => variantOf(variant).traits,
    byteLength: (capacity: number, variant?: string) =>
      byteLengthOf({ capacity, tableByteLength: variantOf(variant).tableByteLength }),
    ...(laboratory && { nameOfWord: laboratory.nameOfWord }),
    create: create as IntervalStrategy['create'],
    attach,
  });
}
