export * from './clock.ts';
export {
  deadAgents,
  declareDead,
  hasDeaths,
  isDead,
  refuseDeadHolder,
  watchDeaths,
  type WatchOptions,
} from './deaths.ts';
export {
  enableLockdep,
  mightSleep,
  nonBlockEnd,
  nonBlockStart,
  type HoldMode,
  type LockdepOptions,
  type LockdepReport,
} from './lockdep.ts';
export { Mailbox, mailboxWords, nameOfMailboxWord, type MailboxOptions } from './mailbox.ts';
export { headerWords, isShared, Region, type RegionDescription } from './memory.ts';
export * from './mutex.ts';
export * from './rw-semaphore.ts';
export * from './spin-lock.ts';
export * from './srcu.ts';
export * from './struct.ts';
export { becomeAgent, firstAgent, thisAgent } from './this-agent.ts';
export * from './wait-queue.ts';
export * from './waiting.ts';
