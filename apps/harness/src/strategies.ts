/** The strategies that the harness knows, by the names that people type: `interval`, `interval:v1`, `umem-odp@flat`. */
import { amdgpuMn } from '@mmu-notifier/amdgpu-mn';
import type { CreateOptions, IndexFactory, Strategy, Traits } from '@mmu-notifier/core';
import { gntdev } from '@mmu-notifier/gntdev';
import { hfi1MmuRb } from '@mmu-notifier/hfi1-mmu-rb';
import { hlistSrcu } from '@mmu-notifier/hlist-srcu';
import { createFlatIndex } from '@mmu-notifier/hlist-srcu/driver';
import { hmm } from '@mmu-notifier/hmm';
import { createIntervalTree1dIndex } from '@mmu-notifier/index-interval-tree-1d';
import { i915Userptr } from '@mmu-notifier/i915-userptr';
import { interval } from '@mmu-notifier/interval/variants';
import { kvm } from '@mmu-notifier/kvm';
import { radeonMn } from '@mmu-notifier/radeon-mn';
import { reference } from '@mmu-notifier/reference';
import { scifDma } from '@mmu-notifier/scif-dma';
import { umemOdp } from '@mmu-notifier/umem-odp';
import { vhost } from '@mmu-notifier/vhost';
import { UsageError } from './errors.ts';
import { none } from './none.ts';

const strategies: readonly Strategy[] = [
  none,
  reference,
  hlistSrcu,
  interval,
  umemOdp,
  i915Userptr,
  radeonMn,
  kvm,
  vhost,
  gntdev,
  hfi1MmuRb,
  scifDma,
  hmm,
  amdgpuMn,
];

/** The containers of the strategies that take one. The first is their default. */
const indexes = {
  'interval-tree-1d': createIntervalTree1dIndex,
  flat: createFlatIndex,
} as const satisfies Record<string, IndexFactory>;

/** A container by name. */
export type IndexName = keyof typeof indexes;

/** The names, the default first. */
export const indexNames = Object.keys(indexes) as IndexName[];

/** A strategy in one of its variants. */
export interface Contender {
  /** As typed: the variant is named unless it is the default. */
  readonly label: string;
  readonly strategy: Strategy;
  readonly variant: string;
  readonly traits: Traits;
}

/** Every strategy in every variant; the default variants first within each strategy. */
export const contenders: readonly Contender[] = strategies.flatMap(variantsOf);

/** The default variants, and what people install who have one event loop: what `compare` runs when nobody says otherwise. */
export const defaultContenders: readonly Contender[] = contenders.filter(
  ({ strategy, variant, label }) => variant === strategy.variants[0] || label === 'interval:local',
);

/**
 * Finds a contender. `interval` is its default variant, which may also be named: `interval:landed`. `@` names the
 * container of a strategy that takes one: `umem-odp@flat:fixed`.
 *
 * @throws UsageError
 */
export function contenderOf(label: string): Contender {
  const [, name, index, variant] = /^([^@:]*)(?:@([^:]*))?(?::(.*))?$/.exec(label) ?? [];
  const found = contenders.find(
    ({ strategy, ...contender }) =>
      strategy.name === name && contender.variant === (variant ?? strategy.variants[0]),
  );
  if (found === undefined) {
    const known = contenders.map((contender) => contender.label).join(', ');
    throw new UsageError(`expected a strategy (${known}), got '${label}'`);
  }
  if (index === undefined) return found;
  const withOther = isIndexName(index) ? withIndex(found, index) : undefined;
  if (withOther !== undefined) return withOther;
  const takers = contenders.filter(({ strategy }) => takesIndex(strategy));
  throw new UsageError(
    `expected an index (${indexNames.join(', ')}) of a strategy that takes one ` +
      `(${takers.map((taker) => taker.label).join(', ')}), got '${label}'`,
  );
}

/** A contender with another container; `undefined` if its strategy takes none. */
export function withIndex(contender: Contender, index: IndexName): Contender | undefined {
  const { strategy, variant } = contender;
  if (!takesIndex(strategy)) return undefined;
  if (index === indexNames[0]) return contender;
  const createIndex = indexes[index];
  const other: Strategy = {
    ...strategy,
    name: `${strategy.name}@${index}`,
    create: (options) => strategy.create({ ...options, createIndex } as CreateOptions),
  };
  return variantsOf(other).find((each) => each.variant === variant);
}

function variantsOf(strategy: Strategy): Contender[] {
  return strategy.variants.map((variant, at) => ({
    label: at === 0 ? strategy.name : `${strategy.name}:${variant}`,
    strategy,
    variant,
    traits: strategy.traits(variant),
  }));
}

function isIndexName(name: string): name is IndexName {
  return Object.hasOwn(indexes, name);
}

/** Whether `create` of a strategy takes `createIndex`: the schemes whose containers are interval trees. */
function takesIndex(strategy: Strategy): boolean {
  return 'takesIndex' in strategy && strategy.takesIndex === true;
}
