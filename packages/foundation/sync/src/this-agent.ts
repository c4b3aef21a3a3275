/**
 * The number of this thread as an agent, the same in every region: 0 until somebody gives it one.
 *
 * Threads that nobody numbers get numbers from each region, counted from 1. Numbers that are given out start above
 * those, so that the two never meet; and they are never given out again, since what the dead held keeps their number.
 */
import { NotifierError } from '@mmu-notifier/core';

/** The first number that is given out. A region counts its other agents below it. */
export const firstAgent = 1 << 12;

let agent = 0;

/** This thread's number, or 0. */
export function thisAgent(): number {
  return agent;
}

/** Gives this thread its number, before it attaches to any region. `spawnAgent` does that for its workers. @throws NotifierError `MMN_OPTION` */
export function becomeAgent(number: number): void {
  if (!Number.isInteger(number) || number < firstAgent || number >= 2 ** 30) {
    throw new NotifierError(
      'MMN_OPTION',
      `expected an agent's number from ${firstAgent} to 2^30-1, got ${String(number)}`,
    );
  }
  agent = number;
}
