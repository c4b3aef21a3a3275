/**
 * Whether something still waits, without a clock: when everything that can go on has gone on, what is pending waits.
 *
 * 1. A turn is a wake-up of our own in shared memory. Wake-ups arrive in the order in which they were sent, and with each
 *    all promise reactions run, so after a turn everybody has gone on whom somebody had woken before.
 * 2. Who waits for a strategy gives one that has timers some more time before it says that it waits for ever.
 */
import { isPromise, type MaybePromise } from '@mmu-notifier/core';
import { delay, headerWords, Region, run, wake, type Waiting } from '@mmu-notifier/sync';
import { check, fail } from './check.ts';

const turnsToSettle = 6;
const patienceTurns = 24;
const patienceDelays = 20;

let region: Region | undefined;

/** Lets everything go on that can. */
export function turn(): Promise<void> {
  region ??= Region.create({ kind: 'turns', capacity: 1, byteLength: 256 }, sharedMemory(256));
  const woken = run(sleep(region));
  wake(region, headerWords);
  return woken;
}

function* sleep(words: Region): Waiting<void> {
  yield { region: words, index: headerWords, expected: 0 };
}

/** So many turns. */
export async function turns(count: number = turnsToSettle): Promise<void> {
  for (let at = 0; at < count; at++) await turn();
}

/** Fails unless `value` is a promise that waits. */
export async function stillWaits(value: MaybePromise<unknown>, what: string): Promise<void> {
  check(isPromise(value), `${what} to wait, got it over at once`);
  check(await waits(value), `${what} to wait, got it over`);
}

/** Whether a promise is pending when everything that can go on has gone on. */
export async function waits(value: MaybePromise<unknown>): Promise<boolean> {
  return isPromise(value) && !(await settles(value, turnsToSettle, 0));
}

/** The value of what need not wait for anybody else; fails when it is still pending although nothing can go on. */
export async function over<T>(value: MaybePromise<T>, what: string): Promise<T> {
  if (!isPromise(value)) return value;
  const isOver = await settles(value, patienceTurns, patienceDelays);
  return isOver ? value : fail(`expected ${what} to end, but it waits for ever`);
}

/** Whether a promise is settled within so many turns, and then so many milliseconds. */
async function settles(
  value: Promise<unknown>,
  turnsMax: number,
  delaysMax: number,
): Promise<boolean> {
  const state = { isSettled: false };
  const settle = (): void => void (state.isSettled = true);
  void value.then(settle, settle);
  for (let at = 0; at < turnsMax && !state.isSettled; at++) await turn();
  for (let at = 0; at < delaysMax && !state.isSettled; at++) await delay(1);
  return state.isSettled;
}

/** Zeroed memory that agents can share. */
export function sharedMemory(byteLength: number): SharedArrayBuffer {
  const Memory = SharedArrayBuffer;
  return new Memory(byteLength);
}
