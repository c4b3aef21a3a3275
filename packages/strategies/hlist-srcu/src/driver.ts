/**
 * What the ad-hoc schemes share: each is a driver that registers legacy callbacks for an address space, keeps its
 * registrations in a container of its own, and decides for itself how a fault notices that it collided.
 *
 *     DriverNotifier       the contract's Notifier: the mm's side is the list's, `subscribe` is the driver's
 *     Driver               what a scheme supplies for an address space: registering, dereg
 *     DriverCallbacks      its legacy ops: start, end and release, with the loops that they have in common
 *     DriverSubscription   its registration (umem, memslot, bo …): the fault's side, and calling the subscriber
 *
 * One event loop only: a driver's objects are objects here, not words, and its locks are words of their own.
 */
export { DriverCallbacks } from './driver-callbacks.ts';
export { CollisionSequence, type Collidable } from './driver-collision-sequence.ts';
export { Completion, NestedLock, LockMemory, lockIn, runIn } from './driver-locks.ts';
export { FlatIndex, createFlatIndex } from './driver-flat-index.ts';
export {
  HmmFaults,
  HmmRange,
  HmmRanges,
  type Faults,
  type HmmFaultOptions,
} from './driver-hmm-ranges.ts';
export { MarkedFaults } from './driver-marked-faults.ts';
export { DriverNotifier, type Driver, type DriverMm } from './driver-notifier.ts';
export { SequencedCallbacks, type SequencedRegistration } from './driver-sequenced-callbacks.ts';
export {
  defineDriverStrategy,
  driverTraits,
  type DriverCreateOptions,
  type DriverScheme,
  type DriverSettings,
  type DriverStrategy,
} from './driver-strategy.ts';
export { DriverSubscription, type SubscriptionInit } from './driver-subscription.ts';
export { WorkQueue, type Defer } from './driver-work-queue.ts';
export type { CallContext, LegacyOps } from './ops.ts';
