/** What explored code may say to the explorer. Each needs an agent: a thread that is explored or replayed. */
import { ExplorerError } from './errors.ts';
import { agent } from './memory/agent.ts';
import { Kind, Operation } from './memory/operation.ts';
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
