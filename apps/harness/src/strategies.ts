/** The strategies that the harness knows, by the names that people type: `interval`, `interval:v1`. */
import type { Strategy, Traits } from '@mmu-notifier/core';
import { hlistSrcu } from '@mmu-notifier/hlist-srcu';
import { interval } from '@mmu-notifier/interval';
import { reference } from '@mmu-notifier/reference';
import { UsageError } from './errors.ts';
import { none } from './none.ts';

const strategies: readonly Strategy[] = [none, reference, hlistSrcu, interval];

/** A strategy in one of its variants. */
export interface Contender {
  /** As typed: the variant is named unless it is the default. */
  readonly label: string;
  readonly strategy: Strategy;
  readonly variant: string;
  readonly traits: Traits;
}

/** Every strategy in every variant; the default variants first within each strategy. */
export const contenders: readonly Contender[] = strategies.flatMap((strategy) =>
  strategy.variants.map((variant, at) => ({
    label: at === 0 ? strategy.name : `${strategy.name}:${variant}`,
    strategy,
    variant,
    traits: strategy.traits(variant),
  })),
);

/** The default variants: what `compare` runs when nobody says otherwise. */
export const defaultContenders: readonly Contender[] = contenders.filter(
  ({ strategy, variant }) => variant === strategy.variants[0],
);

/**
 * Finds a contender. `interval` is its default variant, which may also be named: `interval:landed`.
 *
 * @throws UsageError
 */
export function contenderOf(label: string): Contender {
  const found = contenders.find(
    (contender) =>
      contender.label === label || `${contender.strategy.name}:${contender.variant}` === label,
  );
  if (found !== undefined) return found;
  const known = contenders.map((contender) => contender.label).join(', ');
  throw new UsageError(`expected a strategy (${known}), got '${label}'`);
}
