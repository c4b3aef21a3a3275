/** What explored code may say to the explorer. Each needs an agent: a thread that is explored or replayed. */
import { ExplorerError } from './errors.ts';
import { agent } from './memory/agent.ts';
import { Kind, Operation, Patience, Waited } from './memory/operation.ts';
import { createPart } from './memory/shared-memory.ts';
import { viewOf } from './memory/view.ts';

/**
 * An integer from 0 up to but not including `count`; every one is explored.
 *
 * @throws ExplorerError outside a thread
 */
export function choose(count: number): number {
  if (!Number.isInteger(count) || count < 1 || count > 1 << 20) {
    throw new ExplorerError(`expected a number of choices from 1 to ${1 << 20}, got ${count}`);
  }
  return Number(agent().operate(new Operation(Kind.choose, 0, 4, count)));
}

/**
 * Says that the bytes of a view on the shared memory are given back: any later access is a use-after-free, and any access
 * that is not ordered before this is a data race.
 *
 * @throws ExplorerError when the view is not on explored memory
 */
export function free(view: ArrayBufferView): void {
  const { offset, byteLength } = viewOf(view) ?? {};
  if (offset === undefined || byteLength === undefined) {
    throw new ExplorerError('expected a view on the shared memory, got one on other memory');
  }
  agent().free(offset, byteLength);
}

/** Puts a line into the diagram. */
export function note(text: string): void {
  agent().note(text);
}

/**
 * A part of the shared memory as a buffer of its own, for code that takes a whole one: the same bytes, counted from `byteOffset`, a
 * multiple of 8. Every thread makes its own.
 */
export function part(
  shared: SharedArrayBuffer,
  byteOffset: number,
  byteLength: number,
): SharedArrayBuffer {
  return createPart(shared, byteOffset, byteLength);
}

/**
 * `Atomics.wait` in slices of time, after each of which the code looks again: what a thread does that waits for one word and serves others
 * meanwhile. The time-out is explored at every moment at which anything that the thread has looked at since its last slice (at first:
 * since it began) has changed. A slice after which it would find everything as before is not, so there is no end of them.
 *
 * @throws ExplorerError when the words are not on explored memory
 */
export function waitInSlices(
  words: Int32Array,
  index: number,
  expected: number,
): 'ok' | 'not-equal' | 'timed-out' {
  const view = viewOf(words);
  if (view?.element.name !== 'Int32Array') {
    throw new ExplorerError('expected an Int32Array on the shared memory, got another array');
  }
  const { element, offset } = view;
  const bits = element.encodeBits(expected);
  const ended = agent().operate(
    new Operation(Kind.wait, offset + index * 4, 4, 0, bits, Patience.slice, element),
  );
  if (ended === Waited.ok) return 'ok';
  return ended === Waited.notEqual ? 'not-equal' : 'timed-out';
}
