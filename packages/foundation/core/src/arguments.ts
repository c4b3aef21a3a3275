/** Functions and objects that callers pass: who has no types is told at once, and not by a TypeError somewhere inside. */
import { NotifierError } from './errors.ts';

/** @throws NotifierError `MMN_OPTION` unless `value` is a function. @param what its name, for the message */
export function checkFunction(value: unknown, what: string): void {
  if (typeof value !== 'function') refuse(what, value === null ? 'null' : typeof value);
}

/** The same of a method; the usual mistake is a promise of its owner. */
export function checkMethod(owner: unknown, method: string, what: string): void {
  const value = (owner as Record<string, unknown> | null | undefined)?.[method];
  if (typeof value === 'function') return;
  const isPromise = owner instanceof Promise;
  refuse(`${what}.${method}`, isPromise ? `${what} as a promise: await it` : typeof value);
}

function refuse(what: string, came: string): never {
  throw new NotifierError('MMN_OPTION', `expected ${what} to be a function, got ${came}`);
}
