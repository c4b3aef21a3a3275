/** Callbacks that wait, and the driver's lock around them. */
import type { DriverLock } from '@mmu-notifier/core';

/**
 * Waits for the lock of a callback. If the section was given up meanwhile it is over, and not to be called for: the lock came with the
 * abort, or took no notice of it.
 *
 * @throws the signal's reason
 */
export async function untilLocked(
  waited: Promise<void>,
  lock: DriverLock,
  signal: AbortSignal | undefined,
): Promise<void> {
  await waited;
  if (signal?.aborted !== true) return;
  lock.unlock();
  throw signal.reason;
}

/** Holds the lock, if any, until the callback is over, whether or not its section still waits for it. */
export async function unlockAfter(
  result: Promise<boolean | void>,
  lock: DriverLock | undefined,
): Promise<boolean> {
  try {
    return (await result) !== false;
  } finally {
    lock?.unlock();
  }
}
