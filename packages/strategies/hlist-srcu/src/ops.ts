/**
 * What a subscriber of the legacy list supplies: the ops table, with the contract of each operation.
 *
 * "Never waits" means that a page-table lock is held: a promise is `MMN_CALLBACK_ASYNC`. The others may return
 * a promise when the range is blockable and the caller's form is the plain one; in a `…Sync` form they block.
 * No operation may call close, unregister or release: it would wait for itself (`MMN_IN_CALLBACK`).
 *
 * Source: Linux include/linux/mmu_notifier.h, v5.3; get and put v5.4.
 */
import type { InvalidationRange, MaybePromise } from '@mmu-notifier/core';

/** How the caller of an operation waits. */
export interface CallContext {
  /** A `…Sync` form: block the thread instead of returning a promise. */
  readonly isSync: boolean;
  /** The caller's; pass it on to whatever you wait for. */
  readonly signal: AbortSignal | undefined;
}

/** @internal the context of a plain form */
export function plain(signal?: AbortSignal): CallContext {
  return signal === undefined ? plainWithoutSignal : { isSync: false, signal };
}
const plainWithoutSignal: CallContext = Object.freeze({ isSync: false, signal: undefined });
/** @internal the context of a `…Sync` form */
export const blocking: CallContext = Object.freeze({ isSync: true, signal: undefined });

/** The operations of a subscriber. All are optional. `cookie` is the integer it registered with. */
export interface LegacyOps {
  /**
   * The address space dies, or `unregister` was called: drop every secondary mapping for good. May run twice, even
   * at the same time, when an exit meets an unregister. (L-1)
   */
  release?(cookie: number, context: CallContext): MaybePromise<void>;

  /** Clears the accessed bits in `[start, end)` and flushes; returns whether any was set. Never waits. */
  clearFlushYoung?(start: number, end: number, cookie: number): boolean;
  /** The same, without the promise to flush. Never waits. */
  clearYoung?(start: number, end: number, cookie: number): boolean;
  /** Whether the page at `address` was accessed. Never waits. */
  testYoung?(address: number, cookie: number): boolean;
  /** The page-table entry at `address` becomes `pte`; always within an open section. Never waits. */
  changePte?(address: number, pte: number, cookie: number): void;

  /**
   * Before the page-table entries of the range change: drop the secondary ones, and let none be made until the
   * end. `false`: it would have to wait, which only a range that is not blockable permits.
   */
  invalidateRangeStart?(
    range: InvalidationRange,
    cookie: number,
    context: CallContext,
  ): MaybePromise<boolean | void>;
  /**
   * Second pass: after every start of the section has run, for those that succeeded. Also after every `release`
   * of an exit. Ours, after the interval notifier of v7.1, which runs its finishes before the list.
   */
  invalidateRangeFinish?(
    range: InvalidationRange,
    cookie: number,
    context: CallContext,
  ): MaybePromise<void>;
  /** After the entries changed. Also for a start that succeeded when another's failed. (L-2) */
  invalidateRangeEnd?(
    range: InvalidationRange,
    cookie: number,
    context: CallContext,
  ): MaybePromise<void>;
  /**
   * The entries of `[start, end)` are cleared: flush the secondary TLB, which walks the same page table. Called
   * where they change, and again before `invalidateRangeEnd`, unless the raiser ends by `…OnlyEnd`. Never waits.
   */
  invalidateRange?(start: number, end: number, cookie: number): void;

  /** For `get`: makes a subscriber, returns its cookie. May wait. */
  alloc?(): MaybePromise<number>;
  /** For `put`: the last reference is gone and a grace period is over. What it throws is an uncaught exception. */
  free?(cookie: number): void;
}
