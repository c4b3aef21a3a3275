import './node-version.ts';

export * from './callbacks.ts';
export * from './change-range.ts';
export * from './collision-retry.ts';
export * from './derive.ts';
export * from './errors.ts';
export * from './interval-index.ts';
export * from './keys.ts';
export * from './notifier.ts';
export * from './range.ts';
export { collisionCounters, type CollisionCounters } from './retry.ts';
export * from './sections.ts';
