/** What every entry point exports beside its strategy. */
export type { IntervalOps } from './binding.ts';
export { IntervalNotifier } from './notifier.ts';
export type { IntervalCreateOptions, IntervalStrategy } from './strategy.ts';
export { IntervalSubscription } from './subscription.ts';
