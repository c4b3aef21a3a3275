/** `@mmu-notifier/interval/scoped`: readers and closers wait only for the sections that overlap them. */
import { scoped } from './scoped.ts';
import { strategyOf, type IntervalStrategy } from './strategy.ts';

export * from './classes.ts';

/** The variant `scoped` alone, which is the default here. What it trades is in the README. Ours. */
export const interval: IntervalStrategy = /* @__PURE__ */ strategyOf([scoped]);
