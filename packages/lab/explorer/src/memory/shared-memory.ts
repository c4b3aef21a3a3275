/**
 * The SharedArrayBuffer that explored code is given.
 *
 * It is a real one of zero bytes that says it has more, so that tags, `instanceof` and `byteLength` are as they should be,
 * and a view made behind the explorer's back (through a constructor captured before exploring) is empty or throws:
 * nothing is ever read or written unseen.
 */
import { refuse } from '../errors.ts';

interface Memory {
  readonly byteLength: number;
  /** Where it begins in the whole memory: not 0 for a part. */
  readonly byteOffset: number;
  /** Of the whole memory: size of the smallest element that a view on it has. */
  readonly grain: { finestBytes: number };
}

const memories = new WeakMap<object, Memory>();

/** Makes a shared memory that exists only as far as the explorer models it. */
export function createShared(byteLength: number): SharedArrayBuffer {
  return create({ byteLength, byteOffset: 0, grain: { finestBytes: 8 } });
}

/** Makes one that is a part of another: the same bytes, counted from `byteOffset`. @throws RangeError */
export function createPart(
  shared: SharedArrayBuffer,
  byteOffset: number,
  byteLength: number,
): SharedArrayBuffer {
  const whole =
    memoryOf(shared) ?? refuse('expected a part of the shared memory, got one of other memory');
  const isInside = byteOffset >= 0 && byteLength >= 0 && byteOffset % 8 === 0;
  if (!isInside || byteOffset + byteLength > whole.byteLength) {
    throw new RangeError(
      `expected a part within ${whole.byteLength} bytes, at a multiple of 8, got ${byteLength} bytes at ${byteOffset}`,
    );
  }
  return create({ byteLength, byteOffset: whole.byteOffset + byteOffset, grain: whole.grain });
}

function create(memory: Memory): SharedArrayBuffer {
  const { byteLength } = memory;
  const shared = new SharedArrayBuffer(0);
  Object.defineProperties(shared, {
    byteLength: { value: byteLength },
    maxByteLength: { value: byteLength },
    growable: { value: false },
    grow: { value: notModelled('grow') },
    slice: { value: notModelled('slice') },
  });
  memories.set(shared, memory);
  return shared;
}

const notModelled = (name: string) => (): never =>
  refuse(`SharedArrayBuffer.${name} is not modelled`);

/** What is known of an explored memory; undefined for anything else. */
export function memoryOf(value: unknown): Memory | undefined {
  return memories.get(value as object);
}
