/** What a call throws, as a code and a message. */
import { codeOf, type NotifierErrorCode } from '@mmu-notifier/core';

export interface Thrown {
  code: NotifierErrorCode | undefined;
  message: string;
  cause: unknown;
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

/** The error that `act` throws or that its promise rejects with; fails when there is none. */
export async function rejectionOf(act: () => unknown): Promise<Thrown> {
  try {
    await act();
  } catch (error) {
    return describeError(error);
  }
  throw new Error('expected the promise to reject, but it resolved');
}

function describeError(error: unknown): Thrown {
  if (!(error instanceof Error))
    return { code: undefined, message: String(error), cause: undefined };
  return { code: codeOf(error), message: error.message, cause: error.cause };
}
