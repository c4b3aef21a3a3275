/**
 * When two operations depend on each other: when swapping them, next to each other, could matter.
 *
 * 1. Operations touch *places*: a word of memory, or the wait queue of a word. Two depend when they touch a common place and
 *    one of them writes it.
 * 2. That must not look at outcomes: a compareExchange that fails counts as a write, and a wait that returns at once
 *    counts as one that enters the queue. Distinguishing them looks right and loses executions.
 * 3. Elements smaller than a word count as their word: too much dependence costs time only.
 */
import { Kind, type Operation } from '../memory/operation.ts';

/** A place, and whether it is written: `place << 1 | writes`. */
export type Access = number;

/** A word, or its wait queue: `word << 1 | isQueue`. */
export type Place = number;

export const placeOf = (access: Access): Place => access >> 1;
export const writes = (access: Access): boolean => (access & 1) !== 0;
export const isQueue = (place: Place): boolean => (place & 1) !== 0;
export const wordOf = (place: Place): number => place >> 1;

/** Number of places in a memory of so many words. */
export const placeCount = (words: number): number => words * 2;

/** What a step of a thread that stands before this operation touches. Asleep, the step is its time-out. */
export function accesses(operation: Operation, asleep: boolean): readonly Access[] {
  const known = (operation.accesses ??= [compute(operation), [queue(operation)]]);
  return known[asleep ? 1 : 0];
}

function queue(operation: Operation): Access {
  return ((operation.offset >> 2) << 2) | 3;
}

function compute(operation: Operation): readonly Access[] {
  const { kind, offset, bytes } = operation;
  if (kind === Kind.choose) return [];
  if (kind === Kind.notify) return [queue(operation)];
  const isRead = kind === Kind.load || kind === Kind.read || kind === Kind.wait;
  const word = ((offset >> 2) << 2) | (isRead ? 0 : 1);
  const own = bytes === 8 ? [word, word + 4] : [word];
  return kind === Kind.wait ? [...own, queue(operation)] : own;
}

/** Whether operations with these accesses depend on each other. */
export function dependent(a: readonly Access[], b: readonly Access[]): boolean {
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++) {
      const difference = a[i]! ^ b[j]!;
      if (difference === 1 || (difference === 0 && (a[i]! & 1) === 1)) return true;
    }
  }
  return false;
}
