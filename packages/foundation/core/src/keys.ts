/**
 * Keys that are not numbers, as addresses.
 *
 * 1. A mapping keeps the order: whatever keys a range of them holds, its span holds their addresses. So nothing that
 *    overlaps is missed.
 * 2. Where there are more keys than addresses, neighbours share one. That costs needless invalidations and retries,
 *    never a missed one.
 *
 * Ours. What has no order, as an object or a UUID, has no ranges either: number it, in a Map, and take spans of one.
 */
import { NotifierError } from './errors.ts';
import { addressMax, type Span } from './range.ts';

/** Turns keys, and half-open ranges of keys, into spans. */
export interface KeySpans<K> {
  /** The span of one key. @throws NotifierError `MMN_ADDRESS` for a key that is not of its kind or outside its bounds */
  key(key: K): Span;
  /** The span of the keys from `start` up to, but without, `end`. @throws NotifierError also `MMN_RANGE_EMPTY`, `MMN_RANGE_INVERTED` */
  range(start: K, end: K): Span;
}

/** Options of {@link bigintSpans}. */
export interface BigintSpansOptions {
  /** The smallest key. Default 0n. */
  readonly base?: bigint;
  /** Keys that share an address: 4096n for pages. Default 1n. At most 2^53-1 addresses are there to share. */
  readonly unit?: bigint;
}

/**
 * Spans of bigint keys. 64-bit addresses need a `unit`: `bigintSpans({ unit: 4096n })` reaches up to 2^65.
 *
 * @throws NotifierError `MMN_OPTION` for a unit below 1n
 */
export function bigintSpans(options: BigintSpansOptions = {}): KeySpans<bigint> {
  const { base = 0n, unit = 1n } = options;
  if (typeof base !== 'bigint' || typeof unit !== 'bigint' || unit < 1n) {
    throw new NotifierError(
      'MMN_OPTION',
      `expected base and unit to be bigints, unit at least 1, got ${String(base)} and ${String(unit)}`,
    );
  }
  const limit = base + BigInt(addressMax) * unit;
  const check = (key: bigint, last: bigint): void => {
    if (typeof key === 'bigint' && key >= base && key <= last) return;
    const came = typeof key === 'bigint' ? `${key}` : `a value of type ${typeof key}`;
    throw new NotifierError(
      'MMN_ADDRESS',
      `expected a key from ${base} to ${last}, got ${came}: a larger unit reaches further`,
    );
  };
  const range = (start: bigint, end: bigint): Span => {
    check(start, limit);
    check(end, limit);
    checkOrder(start, end);
    // Down to the unit that holds the first key, up to the end of the one that holds the last.
    return { start: Number((start - base) / unit), end: Number((end - base + unit - 1n) / unit) };
  };
  const key = (one: bigint): Span => {
    check(one, limit - 1n);
    const address = Number((one - base) / unit);
    return { start: address, end: address + 1 };
  };
  return { key, range };
}

/** Options of {@link stringSpans}. */
export interface StringSpansOptions {
  /** What all keys begin with: it is not counted. Keys without it are refused. Default ''. */
  readonly prefix?: string;
  /**
   * How much of a key is told apart after the prefix. `'ascii'`, the default: seven characters; what follows one that is not
   * ASCII does not count. `'unicode'`: three UTF-16 code units.
   */
  readonly alphabet?: 'ascii' | 'unicode';
}

const alphabets = {
  ascii: { base: 128, length: 7 },
  unicode: { base: 0x1_0000, length: 3 },
} as const;

/**
 * Spans of string keys in the order of `<`, that of UTF-16 code units. Longer keys share the address of their first
 * few characters; a `prefix` saves those that all keys have in common.
 *
 *     const users = stringSpans({ prefix: 'user:' });
 *     notifier.subscribe(users.range('user:a', 'user:b'), ops);
 *
 * @throws NotifierError `MMN_OPTION` for an alphabet that does not exist
 */
export function stringSpans(options: StringSpansOptions = {}): KeySpans<string> {
  const { prefix = '', alphabet = 'ascii' } = options;
  const digits = alphabets[alphabet];
  if (digits === undefined) {
    throw new NotifierError(
      'MMN_OPTION',
      `expected alphabet to be one of ${Object.keys(alphabets).join(', ')}, got ${String(alphabet)}`,
    );
  }
  const { base, length } = digits;
  const addressOf = (key: string): number => {
    if (typeof key !== 'string' || !key.startsWith(prefix)) {
      const came = typeof key === 'string' ? `'${key}'` : `a value of type ${typeof key}`;
      throw new NotifierError(
        'MMN_ADDRESS',
        `expected a key that begins with '${prefix}', got ${came}`,
      );
    }
    let address = 0;
    let isClipped = false;
    for (let at = prefix.length; at < prefix.length + length; at++) {
      // Past the end: 0, so that a key comes before those that it begins. What follows a clipped character is equal.
      const unit: number = isClipped || at >= key.length ? 0 : key.charCodeAt(at);
      isClipped ||= unit >= base - 1;
      address = address * base + Math.min(unit, base - 1);
    }
    return address;
  };
  const key = (one: string): Span => {
    const address = addressOf(one);
    return { start: address, end: address + 1 };
  };
  const range = (start: string, end: string): Span => {
    const first = addressOf(start);
    const last = addressOf(end);
    checkOrder(start, end);
    // An end that is told apart from all that comes before it is left out; others share its address with it.
    const isExact = addressIsOf(end.slice(prefix.length), base, length);
    return { start: first, end: isExact && last > first ? last : last + 1 };
  };
  return { key, range };
}

/** Whether no smaller key has the address of this one. */
function addressIsOf(rest: string, base: number, length: number): boolean {
  if (rest.length > length || rest.endsWith('\0')) return false;
  for (let at = 0; at < rest.length; at++) if (rest.charCodeAt(at) >= base - 1) return false;
  return true;
}

function checkOrder(start: bigint | string, end: bigint | string): void {
  if (start < end) return;
  const came = `[${start}, ${end})`;
  if (start === end) {
    throw new NotifierError('MMN_RANGE_EMPTY', `expected the range to hold a key, got ${came}`);
  }
  throw new NotifierError('MMN_RANGE_INVERTED', `expected start < end, got ${came}`);
}
