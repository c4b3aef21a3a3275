/** What callers get wrong, in one event loop and in words. */
import { NotifierError } from '@mmu-notifier/core';

/** @throws NotifierError `MMN_RELEASED` */
export function refuseReleased(): never {
  throw new NotifierError('MMN_RELEASED', 'expected an address space in use, got a released one');
}

/** @throws NotifierError `MMN_INSERTED` */
export function refuseInserted(): never {
  throw new NotifierError(
    'MMN_INSERTED',
    'expected a subscription that is not inserted, got one that is',
  );
}

/** @throws NotifierError `MMN_NOT_OPEN` */
export function refuseIdle(): never {
  throw new NotifierError(
    'MMN_NOT_OPEN',
    'expected setSeq to be called in invalidate, got no section open',
  );
}

/** @throws NotifierError `MMN_OPTION` unless it is a 32-bit integer */
export function checkCookie(cookie: unknown): asserts cookie is number {
  if (typeof cookie === 'number' && (cookie | 0) === cookie) return;
  throw new NotifierError(
    'MMN_OPTION',
    `expected cookie to be a 32-bit integer, got ${String(cookie)}`,
  );
}

/** @throws NotifierError `MMN_OPTION` */
export function refuseVariant(variants: readonly string[], came: string): never {
  throw new NotifierError(
    'MMN_OPTION',
    `expected a variant of this entry point (${variants.join(', ')}), got '${came}': @mmu-notifier/interval/variants has all`,
  );
}

/** @throws NotifierError `MMN_IN_CALLBACK` */
export function refuseCallback(what: string): never {
  throw new NotifierError(
    'MMN_IN_CALLBACK',
    `expected ${what} to be called outside of callbacks, got called in one`,
  );
}

/** @throws NotifierError `MMN_OPTION` */
export function refuseToVerify(): never {
  throw new NotifierError(
    'MMN_OPTION',
    'expected a notifier from @mmu-notifier/interval/variants, which has the checks, got one without',
  );
}
