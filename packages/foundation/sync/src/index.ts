export * from './clock.ts';
export {
  enableLockdep,
  mightSleep,
  nonBlockEnd,
  nonBlockStart,
  type HoldMode,
  type LockdepOptions,
  type LockdepReport,
} from './lockdep.ts';
export * from './memory.ts';
export * from './mutex.ts';
export * from './rw-semaphore.ts';
export * from './spin-lock.ts';
export * from './srcu.ts';
export * from './struct.ts';
export * from './wait-queue.ts';
export * from './waiting.ts';
