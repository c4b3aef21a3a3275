/** The three kinds of errors. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { codeOf, InvariantError, invariant, NotifierError } from '../src/index.ts';

describe('NotifierError', () => {
  it('carries its code, message and cause', () => {
    const cause = new Error('why');
    const error = new NotifierError('MMN_CALLBACK_FAILED', 'expected x, got y', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'NotifierError',
      code: 'MMN_CALLBACK_FAILED',
      message: 'expected x, got y',
      cause,
    });
  });
});

describe('codeOf', () => {
  it('knows the errors of another copy of the package', () => {
    class OtherCopy extends Error {
      override readonly name = 'NotifierError';
      readonly code = 'MMN_CLOSED';
    }
    expect(codeOf(new OtherCopy())).toBe('MMN_CLOSED');
  });

  it.each([[undefined], ['MMN_CLOSED'], [{ code: 'MMN_CLOSED' }], [new InvariantError('x')]])(
    'is undefined for %j',
    (value) => {
      expect(codeOf(value)).toBeUndefined();
    },
  );

  it('is undefined for the errors of others that have a code', () => {
    expect(codeOf(Object.assign(new Error('no file'), { code: 'ENOENT' }))).toBeUndefined();
  });
});

describe('invariant', () => {
  it('throws what is no NotifierError when the condition does not hold', () => {
    expect(() => invariant(false, 'seq is even')).toThrow(InvariantError);
    expect(() => invariant(false, 'seq is even')).toThrow('seq is even');
  });

  it('does nothing when it holds', () => {
    expect(() => invariant(true, 'seq is even')).not.toThrow();
  });
});

describe('the README', () => {
  it('lists every code, in the order of the source', () => {
    const inSource = codesOf(read('../src/errors.ts'), /^ {2}\| '(MMN_\w+)'/gm);
    expect(inSource.length).toBeGreaterThan(15);
    expect(codesOf(read('../README.md'), /^\| `(MMN_\w+)` \|/gm)).toEqual(inSource);
  });
});

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

function codesOf(text: string, code: RegExp): string[] {
  return [...text.matchAll(code)].map(([, name]) => name!);
}
