export * from './callbacks.ts';
export * from './collision-retry.ts';
export * from './errors.ts';
export * from './interval-index.ts';
export * from './notifier.ts';
export * from './range.ts';
export * from './sections.ts';
