/**
 * `@mmu-notifier/interval/variants`: every variant by its name, with what tests and laboratories ask for beside it, the
 * checks of `verify` and the names of the words. It is the same code otherwise: memory and notifiers are the same.
 */
import type { CreateOptions, Strategy } from '@mmu-notifier/core';
import type { LocalNotifier } from './local/notifier.ts';
import { localStrategy, type LocalStrategy } from './local/strategy.ts';
import { verifyLocal } from './local/verify.ts';
import { nameOfWord } from './names.ts';
import { refuseVariant } from './refusals.ts';
import { scoped, ScopedTransitions } from './scoped.ts';
import { strategyOf, type IntervalStrategy } from './strategy.ts';
import type { Transitions } from './transitions.ts';
import { v1 } from './v1.ts';
import { landed } from './variant.ts';
import { verifyScoped } from './verify-scoped.ts';
import { verifyWords } from './verify.ts';

export * from './classes.ts';
export { LocalNotifier } from './local/notifier.ts';
export type { LocalStrategy } from './local/strategy.ts';
export { LocalSubscription } from './local/subscription.ts';

function verify(state: Transitions): void {
  if (state instanceof ScopedTransitions) verifyScoped(state);
  else verifyWords(state);
}

const words: IntervalStrategy = /* @__PURE__ */ strategyOf([landed, scoped, v1], {
  nameOfWord,
  verify,
});
const local: LocalStrategy = /* @__PURE__ */ localStrategy(verifyLocal);

/** The unified strategy in all its variants. `local` lives in no memory; the others are as `IntervalStrategy` says. */
export interface VariantsStrategy extends Omit<IntervalStrategy, 'create'> {
  create: {
    (options: CreateOptions & { readonly variant: 'local' }): LocalNotifier;
  } & IntervalStrategy['create'];
}

/** All of them; `landed` is the default. */
export const interval: VariantsStrategy = /* @__PURE__ */ Object.freeze({
  ...words,
  variants: /* @__PURE__ */ Object.freeze([...words.variants, ...local.variants]),
  traits: (variant?: string) => of(variant).traits(variant),
  byteLength: (capacity: number, variant?: string) => of(variant).byteLength(capacity, variant),
  create: ((options?: CreateOptions) =>
    of(options?.variant).create(options)) as VariantsStrategy['create'],
});

function of(variant = 'landed'): Strategy {
  if (!interval.variants.includes(variant)) refuseVariant(interval.variants, variant);
  return variant === 'local' ? local : words;
}
