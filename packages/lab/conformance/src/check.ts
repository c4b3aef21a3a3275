/**
 * Assertions, without a runner's and without Node's: the kit runs wherever a strategy does.
 *
 * A failed one is an `AssertionError` with `actual` and `expected`, which every runner prints side by side.
 */
import { codeOf } from '@mmu-notifier/core';

/** See the file's head. */
export class CheckFailed extends Error {
  override readonly name = 'AssertionError';
  readonly actual: unknown;
  readonly expected: unknown;
  readonly showDiff: boolean;

  constructor(message: string, sides?: { readonly actual: unknown; readonly expected: unknown }) {
    super(message);
    this.actual = sides?.actual;
    this.expected = sides?.expected;
    this.showDiff = sides !== undefined;
  }
}

/** Fails, saying what should not have happened. */
export function fail(message: string): never {
  throw new CheckFailed(message);
}

/** @param what what is claimed, read after "expected" */
export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new CheckFailed(`expected ${what}`);
}

/** Compares as JSON does: for what tests record, which is numbers, strings, and lists and records of them. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const [came, wanted] = [print(actual), print(expected)];
  if (came === wanted) return;
  throw new CheckFailed(`${what}: expected ${wanted}, got ${came}`, { actual, expected });
}

/** The code of what a call throws or rejects with; fails when it does neither. */
export async function codeFrom(act: () => unknown): Promise<string> {
  return (await errorFrom(act)).code;
}

/** The error that a call throws or rejects with: its code, or its name if it has none. */
export async function errorFrom(act: () => unknown): Promise<{ code: string; cause: unknown }> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Error)) return fail(`expected an Error, got ${String(error)}`);
    return { code: codeOf(error) ?? error.name, cause: error.cause };
  }
  return fail('expected an error, got none');
}

/** The code of what a call throws at once, or `undefined`. */
export function codeOfCall(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    return codeOf(error) ?? String(error);
  }
  return undefined;
}

function print(value: unknown): string {
  return JSON.stringify(value, printable) ?? 'undefined';
}

function printable(_key: string, part: unknown): unknown {
  if (part === undefined) return 'undefined';
  return typeof part === 'bigint' || typeof part === 'symbol' ? String(part) : part;
}
