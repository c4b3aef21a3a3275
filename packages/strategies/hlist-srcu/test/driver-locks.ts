/** What the tests of every driver's locks have in common: sync's lockdep looks on, and subscribers bring their own. */
import { enableLockdep, Mutex, type LockdepReport } from '@mmu-notifier/sync';
import { onTestFinished } from 'vitest';
import { LockMemory } from '../src/driver.ts';
import type { Recorder } from './driver-world.ts';

/** Collects what lockdep says until the test is over. */
export function watchLocks(): LockdepReport[] {
  const reports: LockdepReport[] = [];
  onTestFinished(enableLockdep({ report: (report) => void reports.push(report) }));
  return reports;
}

/** Gives a subscriber a lock of its own. */
export function withLock<R extends Recorder>(recorder: R): R & { lock: Mutex } {
  const { region, fixedAt } = new LockMemory('test', 2, 0);
  return Object.assign(recorder, { lock: new Mutex(region, fixedAt, "subscriber's") });
}
