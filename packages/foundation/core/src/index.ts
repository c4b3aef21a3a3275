// For its effect: an error in one line, in a Node.js that is too old.
// oxlint-disable-next-line import/no-unassigned-import
import './node-version.ts';

export { checkFunction, checkMethod } from './arguments.ts';
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
