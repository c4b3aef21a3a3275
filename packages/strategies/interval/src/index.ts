/** The unified notifier of one event loop: what nearly everybody wants, and nothing else. */
import { localStrategy, type LocalStrategy } from './local/strategy.ts';

export type { IntervalOps } from './binding.ts';
export { LocalNotifier } from './local/notifier.ts';
export type { LocalStrategy } from './local/strategy.ts';
export { LocalSubscription } from './local/subscription.ts';

/**
 * The unified notifier in one event loop: an interval tree, and a collision-retry sequence number for each subscription.
 *
 * After Linux, mm/mmu_notifier.c, v7.1; on objects, ours. Its notifiers do not check themselves: `verify` throws `MMN_OPTION`.
 */
export const interval: LocalStrategy = /* @__PURE__ */ localStrategy();
