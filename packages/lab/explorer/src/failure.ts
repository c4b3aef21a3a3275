/** What an exploration reports. */
import type { TraceEvent } from './report/trace.ts';
import type { Counts } from './scenario.ts';

/** What is wrong with the code under exploration. */
export type Verdict =
  /** Nothing was found. Whether that means anything is in the status. */
  | 'ok'
  /** Two accesses of one byte, one a write, neither ordered before the other, and not both atomic. */
  | 'data-race'
  /** An access of bytes given to `free`. */
  | 'use-after-free'
  /** Nobody can go on: all who have not ended sleep or spin. */
  | 'deadlock'
  /** The same, and a sleeper missed its wake-up: a notify came just before it slept, or its word has changed since. */
  | 'lost-wakeup'
  /** A thread does not come to an end, nor to a visible operation. */
  | 'livelock'
  /** A thread threw. */
  | 'assertion'
  /** The check threw. */
  | 'check'
  /** A thread did different things in the same situation. */
  | 'nondeterminism';

/** How far the exploration went. */
export type Status =
  /** Every interleaving was covered. */
  | 'complete'
  /** Every interleaving with at most so many preemptions was covered. */
  | 'complete-to-bound'
  /** Neither: a failure, a budget, the strategy or `isStopped` ended it. */
  | 'stopped';

/** One failing execution. */
export interface Failure {
  readonly verdict: Exclude<Verdict, 'ok'>;
  /** One sentence. */
  readonly message: string;
  /** What the code threw, when it did. */
  readonly error: unknown;
  /** Replays it: see `replay`. */
  readonly schedule: string;
  readonly preemptions: number;
  /** Visible operations. */
  readonly steps: number;
  /** Whether no failure of this verdict has fewer preemptions, or as many and fewer steps. */
  readonly isMinimal: boolean;
  readonly events: readonly TraceEvent[];
  /** The execution as a table, one column for each thread. */
  readonly diagram: string;
}

/** The result of an exploration. */
export interface Exploration {
  readonly verdict: Verdict;
  readonly status: Status;
  /** Of a search that goes nearest first and was stopped: every interleaving with at most so many preemptions was covered. */
  readonly completeTo: number | undefined;
  /** What was done and how far it went, in a sentence. */
  readonly summary: string;
  readonly counts: Counts;
  readonly failure: Failure | undefined;
}
