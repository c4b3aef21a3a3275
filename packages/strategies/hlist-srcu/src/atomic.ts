/**
 * The operations under a page-table lock: no callback may wait, so there is one form, and the walk is a plain loop.
 */
import { callbackAsync, callbackFailed, isPromise, NotifierError } from '@mmu-notifier/core';
import { nonBlockEnd, nonBlockStart } from '@mmu-notifier/sync';
import type { LegacyOps } from './ops.ts';
import type { WalkHost } from './walk.ts';

/** One of the operations, with its two arguments. */
export type AtomicVisit = (ops: LegacyOps, a: number, b: number, cookie: number) => boolean | void;

export const clearFlushYoung: AtomicVisit = (ops, a, b, cookie) =>
  ops.clearFlushYoung?.(a, b, cookie);
export const clearYoung: AtomicVisit = (ops, a, b, cookie) => ops.clearYoung?.(a, b, cookie);
export const testYoung: AtomicVisit = (ops, address, _, cookie) => ops.testYoung?.(address, cookie);
export const changePte: AtomicVisit = (ops, at, pte, cookie) => ops.changePte?.(at, pte, cookie);
export const invalidateRange: AtomicVisit = (ops, a, b, cookie) =>
  ops.invalidateRange?.(a, b, cookie);

/** Calls everybody, or up to the first `true`; returns whether anybody said `true`. Throws the first failure then. */
export function callAtomically(
  host: WalkHost,
  visit: AtomicVisit,
  a: number,
  b: number,
  stopsAtTrue = false,
): boolean {
  const { state, domain } = host;
  if (state.first === 0) return false;
  let isAny = false;
  let failure: NotifierError | undefined;
  const side = domain.srcu.readLock();
  domain.callbackDepth++;
  nonBlockStart();
  for (let node = state.first; node !== 0; node = state.next(node)) {
    try {
      const { ops, cookie } = host.entryOf(node);
      const result: unknown = visit(ops, a, b, cookie);
      if (isPromise(result)) throw callbackAsync(result);
      if (result === true) isAny = true;
    } catch (error) {
      failure ??= callbackFailed(error);
    }
    if (isAny && stopsAtTrue) break;
  }
  nonBlockEnd();
  domain.callbackDepth--;
  domain.srcu.readUnlock(side);
  if (failure !== undefined) throw failure;
  return isAny;
}

/** @throws NotifierError `MMN_ADDRESS` */
export function checkAddress(address: number): void {
  if (Number.isSafeInteger(address) && address >= 0) return;
  throw new NotifierError(
    'MMN_ADDRESS',
    `expected address to be an integer from 0 to 2^53-1, got ${String(address)}`,
  );
}
