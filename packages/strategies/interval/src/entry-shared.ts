/**
 * `@mmu-notifier/interval/shared`: the unified notifier as Linux has it, in words of a memory: for many agents over a
 * SharedArrayBuffer, for very many subscriptions, and beside a legacy list.
 */
import { strategyOf, type IntervalStrategy } from './strategy.ts';
import { landed } from './variant.ts';

export * from './classes.ts';

/**
 * The unified notifier: one interval tree with a collision-retry sequence number.
 *
 * Linux: mm/mmu_notifier.c, v7.1, with U-7 undone. Its notifiers do not check themselves: `verify` throws `MMN_OPTION`.
 */
export const interval: IntervalStrategy = /* @__PURE__ */ strategyOf([landed]);
