/**
 * The element types of typed arrays, and how their values lie in 32-bit words.
 *
 * 1. Memory is words of 32 bits, little-endian. An element of 1 or 2 bytes is part of a word and travels as
 *    zero-extended bits; one of 4 bytes is a word; one of 8 bytes is two words, low then high.
 * 2. Conversions are the engine's own: each element writes into and reads from a real typed array of its type.
 */

type RealView = { [index: number]: number | bigint };
type RealConstructor = {
  new (buffer: ArrayBuffer, byteOffset: number, length: number): RealView;
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
};

/** Size of an access in bytes. */
export type ElementBytes = 1 | 2 | 4 | 8;

/** One element type: `Int32Array`'s, say. */
export class Element {
  readonly name: string;
  readonly bytes: ElementBytes;
  /** Whether Atomics accepts it. */
  readonly atomic: boolean;
  /** Whether `Atomics.wait` accepts it. */
  readonly waitable: boolean;
  readonly big: boolean;
  /** Low and high word of the value last encoded. */
  low = 0;
  high = 0;
  readonly #words: Int32Array;
  readonly #value: RealView;

  constructor(construct: RealConstructor) {
    const buffer = new ArrayBuffer(8);
    this.name = construct.name;
    this.bytes = construct.BYTES_PER_ELEMENT as ElementBytes;
    this.big = this.name.startsWith('Big');
    this.atomic = !/Float|Clamped/.test(this.name);
    this.waitable = this.name === 'Int32Array' || this.name === 'BigInt64Array';
    this.#words = new Int32Array(buffer);
    this.#value = new construct(buffer, 0, 1);
  }

  /** Converts a value as storing it would; the bits are then in `low` and `high`. */
  encode(value: unknown): this {
    this.#value[0] = value as number;
    this.low = this.#words[0]!;
    this.high = this.#words[1]!;
    return this;
  }

  /** The value that these bits are. */
  decode(low: number, high = 0): number | bigint {
    this.#words[0] = low;
    this.#words[1] = high;
    return this.#value[0]!;
  }

  /** The value whose bits are `bits`: an integer of 32 bits, or for 8-byte elements a bigint. */
  decodeBits(bits: number | bigint): number | bigint {
    if (typeof bits === 'number') return this.decode(bits);
    return this.decode(Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n)));
  }

  /** The bits of a value, as {@link decodeBits} takes them. */
  encodeBits(value: unknown): number | bigint {
    const { low, high } = this.encode(value);
    return this.bytes === 8 ? toBits64(low, high) : low;
  }
}

/** Two words as one signed integer of 64 bits. */
export function toBits64(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

/** The typed arrays that are modelled, by name. */
export const elements: ReadonlyMap<string, Element> = new Map(
  (
    [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
    ] as unknown as RealConstructor[]
  ).map((construct) => [construct.name, new Element(construct)] as const),
);
