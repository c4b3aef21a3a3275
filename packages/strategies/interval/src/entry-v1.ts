/** `@mmu-notifier/interval/v1`: the patch as first posted, for whoever studies its defects. */
import { strategyOf, type IntervalStrategy } from './strategy.ts';
import { v1 } from './v1.ts';

export * from './classes.ts';

/** The variant `v1` alone, which is the default here. Linux: the patch of 15 October 2019. */
export const interval: IntervalStrategy = /* @__PURE__ */ strategyOf([v1]);
