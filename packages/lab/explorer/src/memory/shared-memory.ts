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
  /** Size of the smallest element that a view on it has. */
  finestBytes: number;
}

const memories = new WeakMap<object, Memory>();

/** Makes a shared memory that exists only as far as the explorer models it. */
export function createShared(byteLength: number): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(0);
  Object.defineProperties(shared, {
    byteLength: { value: byteLength },
    maxByteLength: { value: byteLength },
    growable: { value: false },
    grow: { value: notModelled('grow') },
    slice: { value: notModelled('slice') },
  });
  memories.set(shared, { byteLength, finestBytes: 8 });
  return shared;
}

const notModelled = (name: string) => (): never =>
  refuse(`SharedArrayBuffer.${name} is not modelled`);

/** What is known of an explored memory; undefined for anything else. */
export function memoryOf(value: unknown): Memory | undefined {
  return memories.get(value as object);
}
