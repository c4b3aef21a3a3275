/**
 * What real worker threads are told to do, and the words by which they take turns.
 *
 * A *turn* lets one thread do the operation before which it stands and go on to the next one. Turns come from a trace, so every
 * operation's result is known, and a worker that sees anything else says so.
 */
import { Kind, type Bits } from '../memory/operation.ts';
import type { Trace } from '../report/trace.ts';

/** One turn. */
export interface Turn {
  readonly thread: number;
  /** `start`: the thread begins. `step`: it does an operation. `resume`: it has been woken, or its time is out. */
  readonly how: 'start' | 'step' | 'resume';
  readonly kind: number;
  readonly offset: number;
  readonly operand: Bits;
  readonly expected: Bits;
  readonly result: Bits | 'asleep';
  readonly repeats: number;
}

/** What a worker is given. */
export interface WorkerPlan {
  readonly module: string;
  readonly exportName: string;
  readonly thread: number;
  readonly name: string;
  readonly byteLength: number;
  readonly memory: SharedArrayBuffer;
  /** See {@link Control}. */
  readonly control: SharedArrayBuffer;
  readonly turns: readonly Turn[];
}

/** What a worker says at its end. */
export type WorkerReport =
  | { readonly how: 'returned'; readonly value: unknown }
  | { readonly how: 'threw'; readonly message: string }
  /** The turns were used up before it came to its end. */
  | { readonly how: 'stopped' }
  | { readonly how: 'freed'; readonly offset: number }
  | { readonly how: 'diverged'; readonly message: string };

/** Words of the control memory. After them, one byte for each byte of memory: 1 when freed. */
export const Control = {
  /** The number of the turn. */
  turn: 0,
  /** Set when anybody has diverged: everybody stops. */
  abort: 1,
  bytes: 8,
} as const;

/** The turns of a trace. */
export function createTurns(trace: Trace, threads: number): Turn[] {
  const turns: Turn[] = [];
  const none = { kind: -1, offset: 0, operand: 0, expected: 0, result: 0, repeats: 0 };
  const asleep = new Set<number>();
  const started = new Set<number>();
  const start = (thread: number): void => {
    if (started.has(thread)) return;
    started.add(thread);
    turns.push({ ...none, thread, how: 'start' });
  };
  for (const [i, { thread, operation, result, repeats }] of trace.steps.entries()) {
    // As in the machine: threads start in order, each attaching itself before the next one; then all begin.
    const isAttaching = i < trace.attachSteps && operation.kind !== Kind.begin;
    for (let t = 0; t <= (isAttaching ? thread : threads - 1); t++) start(t);
    const { kind, offset, operand, expected } = operation;
    const how = asleep.delete(thread) ? 'resume' : 'step';
    if (result === 'asleep') asleep.add(thread);
    turns.push({ thread, how, kind, offset, operand, expected, result, repeats });
  }
  for (let t = 0; t < threads; t++) start(t);
  return turns;
}
