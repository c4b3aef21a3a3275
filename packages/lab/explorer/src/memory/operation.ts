/**
 * Operations: what a thread asks of the shared memory, one at a time.
 *
 * A *visible* operation is a scheduling point: every Atomics call, and `choose`. Plain reads and writes are not:
 * a race detector watches them instead (and `visiblePlain` makes them visible, for tests of the explorer itself).
 */
import type { Element, ElementBytes } from './elements.ts';

/** Kinds of visible operations. */
export const Kind = {
  load: 0,
  store: 1,
  add: 2,
  sub: 3,
  and: 4,
  or: 5,
  xor: 6,
  exchange: 7,
  compareExchange: 8,
  wait: 9,
  notify: 10,
  choose: 11,
  read: 12,
  write: 13,
  /** The thread has attached itself and begins: not a step, see `Machine.start`. */
  begin: 14,
} as const;

/** One of {@link Kind}. */
export type Kind = (typeof Kind)[keyof typeof Kind];

/** Names of the kinds, in their order. */
export const kindNames: readonly string[] = Object.keys(Kind);

/** Bits of an element: an integer of 32 bits, or a bigint for elements of 8 bytes. */
export type Bits = number | bigint;

/** How `Atomics.wait` ended, as a result. */
export const Waited = { ok: 0, notEqual: 1, timedOut: 2 } as const;

/** How long a wait may last. A slice ends when there is something new to see: see engine/slices.ts. */
export const Patience = { none: 0, some: 1, endless: 2, slice: 3 } as const;

/** A visible operation, not yet performed. */
export class Operation {
  readonly kind: Kind;
  readonly offset: number;
  readonly bytes: ElementBytes;
  /** What is stored, added, …; the replacement of a compareExchange; the count of a notify (-1: all) or a choose. */
  readonly operand: Bits;
  /** What a compareExchange or a wait expects. */
  readonly expected: Bits;
  /** Of a wait: one of {@link Patience}. */
  readonly patience: number;
  /** For words in a report. */
  readonly element: Element | undefined;
  /** Whether it may leave its word as it was and be tried again: what spin loops are made of. */
  readonly mayRepeat: boolean;
  /** Kept here for the search: what the operation touches, and what its time-out touches. */
  accesses: readonly [readonly number[], readonly number[]] | undefined = undefined;

  constructor(
    kind: Kind,
    offset: number,
    bytes: ElementBytes,
    operand: Bits = 0,
    expected: Bits = 0,
    patience = 0,
    element?: Element,
  ) {
    this.kind = kind;
    this.offset = offset;
    this.bytes = bytes;
    this.operand = operand;
    this.expected = expected;
    this.patience = patience;
    this.element = element;
    this.mayRepeat = kind <= Kind.compareExchange && kind !== Kind.store;
  }

  equals(other: Operation): boolean {
    return (
      this.kind === other.kind &&
      this.offset === other.offset &&
      this.bytes === other.bytes &&
      this.operand === other.operand &&
      this.expected === other.expected &&
      this.patience === other.patience
    );
  }

  /** For messages of the explorer about itself; reports for people are made in report/. */
  toString(): string {
    if (this.kind === Kind.begin) return 'the end of attach';
    const at = this.kind === Kind.choose ? '' : `byte ${this.offset}`;
    return `${kindNames[this.kind]}(${[at, this.operand, this.expected].filter((x) => x !== '').join(', ')})`;
  }
}

/** What an operation leaves in its word, given what it found there. The same for failed exchanges. */
export function outcome(operation: Operation, found: Bits): Bits {
  const { kind, operand } = operation;
  if (kind === Kind.store || kind === Kind.exchange || kind === Kind.write) return operand;
  if (kind === Kind.compareExchange) return found === operation.expected ? operand : found;
  if (kind < Kind.add || kind > Kind.xor) return found;
  return operation.bytes === 8
    ? combine64(kind, BigInt(found), BigInt(operand))
    : truncate(combine32(kind, Number(found), Number(operand)), operation.bytes);
}

function combine32(kind: Kind, found: number, operand: number): number {
  if (kind === Kind.add) return (found + operand) | 0;
  if (kind === Kind.sub) return (found - operand) | 0;
  if (kind === Kind.and) return found & operand;
  if (kind === Kind.or) return found | operand;
  return found ^ operand;
}

function combine64(kind: Kind, found: bigint, operand: bigint): bigint {
  if (kind === Kind.add) return BigInt.asIntN(64, found + operand);
  if (kind === Kind.sub) return BigInt.asIntN(64, found - operand);
  if (kind === Kind.and) return found & operand;
  if (kind === Kind.or) return found | operand;
  return found ^ operand;
}

function truncate(bits: number, bytes: ElementBytes): number {
  if (bytes === 4) return bits;
  return bits & (bytes === 2 ? 0xffff : 0xff);
}
