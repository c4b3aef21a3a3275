/**
 * `@mmu-notifier/interval/variants`: every variant by its name, with what tests and laboratories ask for beside it, the
 * checks of `verify` and the names of the words. It is the same code otherwise: memory and notifiers are the same.
 */
import { nameOfWord } from './names.ts';
import { scoped, ScopedTransitions } from './scoped.ts';
import { strategyOf, type IntervalStrategy } from './strategy.ts';
import type { Transitions } from './transitions.ts';
import { v1 } from './v1.ts';
import { landed } from './variant.ts';
import { verifyScoped } from './verify-scoped.ts';
import { verifyWords } from './verify.ts';

export * from './classes.ts';

function verify(state: Transitions): void {
  if (state instanceof ScopedTransitions) verifyScoped(state);
  else verifyWords(state);
}

/** All of them; `landed` is the default. */
export const interval: IntervalStrategy = /* @__PURE__ */ strategyOf([landed, scoped, v1], {
  nameOfWord,
  verify,
});
