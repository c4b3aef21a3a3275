/**
 * Addresses, spans and the ranges that are invalidated.
 *
 * 1. A range is half-open, `[start, end)`, in bytes; `start < end`; both are safe integers from 0 to 2^53-1.
 * 2. Touching is not overlapping: `[a, b)` and `[b, c)` share nothing.
 */
import { NotifierError } from './errors.ts';

/** The largest address: 2^53-1, the last integer that a JavaScript number tells apart from the next. */
export const addressMax: number = Number.MAX_SAFE_INTEGER;

/** What happens to the range. Linux: `enum mmu_notifier_event`, include/linux/mmu_notifier.h, v7.1. */
export const invalidationEvents = [
  /** The mapping goes away: munmap, mremap (old side), exit. */
  'UNMAP',
  /** The page-table entries are cleared or replaced: reclaim, migration, copy-on-write, DONTNEED. */
  'CLEAR',
  /** Access rights change for a whole part of a mapping: mprotect. */
  'PROTECTION_VMA',
  /** Access rights change page by page: fork's write protection. */
  'PROTECTION_PAGE',
  /** Soft-dirty tracking write-protects. */
  'SOFT_DIRTY',
  /** The address space dies. */
  'RELEASE',
  /** Pages move to or from a device; `owner` names the device that asked. */
  'MIGRATE',
  /** A device takes exclusive access; `owner` names it. */
  'EXCLUSIVE',
] as const;

/** One of {@link invalidationEvents}. */
export type InvalidationEvent = (typeof invalidationEvents)[number];

/** A half-open range of addresses, in bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What a caller gives to start a section. */
export interface RangeToInvalidate extends Span {
  /** Default `'CLEAR'`: the entries change, nothing is said about the mapping. */
  readonly event?: InvalidationEvent;
  /** Who asked, for `MIGRATE` and `EXCLUSIVE`: a subscription with the same owner is left alone. */
  readonly owner?: unknown;
}

/** What a callback receives. Valid until the section ends; the object is used again afterwards. */
export interface InvalidationRange extends Span {
  readonly event: InvalidationEvent;
  /** `false`: the callback must not wait, and returns `false` when it would have to. */
  readonly blockable: boolean;
  readonly owner: unknown;
}

/** Whether two half-open spans share an address. */
export function overlaps(a: Span, b: Span): boolean {
  return a.start < b.end && b.start < a.end;
}

/**
 * Checks a span, in a few comparisons when it is right.
 *
 * @param what the argument's name, for the message
 * @throws NotifierError `MMN_ADDRESS`, `MMN_RANGE_EMPTY`, `MMN_RANGE_INVERTED`
 */
export function checkSpan(span: Span, what: string): void {
  if (span !== undefined && span !== null) {
    const { start, end } = span;
    if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start < end) {
      return;
    }
  }
  refuseSpan(span, what);
}

function refuseSpan(span: Span | null | undefined, what: string): never {
  if (span === null || typeof span !== 'object') {
    const came = span === null ? 'null' : typeof span;
    throw new NotifierError(
      'MMN_ADDRESS',
      `expected ${what} to be an object with start and end, got ${came}`,
    );
  }
  for (const side of ['start', 'end'] as const) {
    const address: unknown = span[side];
    if (!Number.isSafeInteger(address) || (address as number) < 0) {
      const came =
        typeof address === 'number' ? String(address) : `a value of type ${typeof address}`;
      throw new NotifierError(
        'MMN_ADDRESS',
        `expected ${what}.${side} to be an integer from 0 to 2^53-1, got ${came}`,
      );
    }
  }
  const came = `[${span.start}, ${span.end})`;
  if (span.start === span.end) {
    throw new NotifierError('MMN_RANGE_EMPTY', `expected ${what} to hold an address, got ${came}`);
  }
  throw new NotifierError(
    'MMN_RANGE_INVERTED',
    `expected ${what}.start < ${what}.end, got ${came}`,
  );
}
