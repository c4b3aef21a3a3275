/** What a call throws, as a code and a message. */
import { codeOf, type NotifierErrorCode } from '@mmu-notifier/core';

export interface Thrown {
  code: NotifierErrorCode | undefined;
  message: string;
}

/** The error that `act` throws; fails when it throws none. */
export function thrownBy(act: () => unknown): Thrown {
  try {
    act();
  } catch (error) {
    return describeError(error);
  }
  throw new Error('expected the call to throw, but it returned');
}

/** The error that a promise rejects with; fails when it does not. */
export async function rejectionOf(promise: PromiseLike<unknown>): Promise<Thrown> {
  try {
    await promise;
  } catch (error) {
    return describeError(error);
  }
  throw new Error('expected the promise to reject, but it resolved');
}

function describeError(error: unknown): Thrown {
  return { code: codeOf(error), message: error instanceof Error ? error.message : String(error) };
}
