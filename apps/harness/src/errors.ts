/** What the command line says when it stops early, and with which exit code. */

/** Exit codes of every command. */
export const exitCodes = {
  ok: 0,
  /** A strategy that claims to be correct was not. */
  violation: 1,
  /** Bad usage or bad input. */
  usage: 2,
  /** Stopped by Ctrl-C; what was done by then is printed. */
  interrupted: 130,
} as const;

/** Bad usage or bad input: one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Whether an error is the user's to mend: then its message is all there is to say. */
export function isUsers(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return (
    typeof code === 'string' &&
    (code.startsWith('MMN_RECORDING') || code.startsWith('MMN_WORKLOAD'))
  );
}
