/**
 * Who runs at the moment. The fake memory turns every access into a call of the current agent; what becomes of it
 * depends on the agent: a virtual thread that is being re-executed, setup code that acts at once, or a real worker thread.
 */
import { ExplorerError } from '../errors.ts';
import type { Element } from './elements.ts';
import type { Bits, Operation } from './operation.ts';

/** The side of the memory that runs code. */
export interface Agent {
  /** A plain read of 1, 2 or 4 bytes; returns zero-extended bits. */
  read(offset: number, bytes: 1 | 2 | 4): number;
  write(offset: number, bytes: 1 | 2 | 4, bits: number): void;
  /** A visible operation; returns what it found, or how a wait ended, or how many a notify woke. */
  operate(operation: Operation): Bits;
  /** Atomics.pause: no effect, but it marks a spin loop. */
  pause(): void;
  /** Marks bytes as given back: nobody may access them any more. */
  free(offset: number, byteLength: number): void;
  note(text: string): void;
}

let current: Agent | undefined;

/** The element of the plain access that is being made: for words in a report. */
export const access: { element: Element | undefined } = { element: undefined };

/** Whether anybody runs. */
export function isRunning(): boolean {
  return current !== undefined;
}

/** Who runs. */
export function agent(): Agent {
  if (current === undefined) {
    throw new ExplorerError(
      'expected explored memory to be used in setup, threads and check only, got an access outside of them: it exists only while exploring',
    );
  }
  return current;
}

/** Runs code as an agent. */
export function runAs<T>(who: Agent, code: () => T): T {
  const before = current;
  current = who;
  try {
    return code();
  } finally {
    current = before;
  }
}
