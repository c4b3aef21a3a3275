/** What agents.test.ts and its agents agree on. */
import { headerWords } from '../src/index.ts';

/** Words of the region. */
export const At = {
  ready: headerWords,
  mutex: headerWords + 1,
  spin: headerWords + 2,
  queue: headerWords + 4,
  flag: headerWords + 6,
  srcu: headerWords + 8,
  semaphore: headerWords + 12,
} as const;

export type Job =
  | 'number'
  | 'parent'
  | 'fail'
  | 'exit'
  | 'wait'
  | 'listenLate'
  | 'holdMutex'
  | 'holdSpinLock'
  | 'holdSrcu'
  | 'holdWriter'
  | 'holdNothing'
  | 'takeMutex'
  | 'takeSpinLock'
  | 'takeSrcu'
  | 'takeReader'
  | 'takeFlag';

export interface Data {
  readonly job: Job;
  readonly memory: SharedArrayBuffer;
}
