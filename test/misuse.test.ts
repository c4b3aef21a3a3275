/**
 * Every mistake that a caller can make with what is published is answered by a code and by what was expected and what came.
 * What is exported without a line in the tables of test/misuse fails.
 */
import { describe, expect, test } from 'vitest';
import { callable, entryPoints } from './misuse/misuse.ts';
import { tables } from './misuse/tables.ts';

const entries = entryPoints();

test('there is a table for each entry point, and no other', () => {
  expect(Object.keys(tables).sort()).toEqual(entries.map(({ specifier }) => specifier).sort());
});

test('functions, classes, their methods, and the methods of objects are what can be called', () => {
  class Lock {
    static create = (): Lock => new Lock();
    get isHeld(): boolean {
      return false;
    }
    take(): void {}
  }
  const strategy = { name: 'none', attach: () => {} };
  const found = callable({ retry: () => {}, Lock, strategy, list: [() => {}], bound: 1 });
  expect(found).toEqual(['retry', 'Lock', 'Lock.take', 'Lock.create', 'strategy.attach']);
});

describe.each(entries)('$specifier', ({ specifier, file }) => {
  const table = tables[specifier] ?? {};

  test('has a mistake, or a reason, for everything that it exports', async () => {
    const names = callable((await import(file)) as Readonly<Record<string, unknown>>);
    const known = (name: string): boolean => name in table || `${name.split('.')[0]}.*` in table;
    expect(names.filter((name) => !known(name))).toEqual([]);
    const wildcards = names.map((name) => `${name.split('.')[0]}.*`);
    const gone = Object.keys(table).filter((name) => ![...names, ...wildcards].includes(name));
    expect(gone).toEqual([]);
  });

  test('gives its reasons in words', () => {
    const reasons = Object.values(table).filter((entry) => typeof entry === 'string');
    expect(reasons.filter((reason) => reason.length < 10)).toEqual([]);
    expect(Object.values(table).filter((entry) => entry.length === 0)).toEqual([]);
  });

  const mistakes = Object.entries(table).flatMap(([name, entry]) =>
    typeof entry === 'string' ? [] : entry.map((each) => ({ name, ...each })),
  );
  test.each(mistakes)('[$code] $name: $what', async ({ make, code, says }) => {
    const thrown = await thrownBy(make);
    expect(thrown).toBeInstanceOf(Error);
    const { message } = thrown as Error;
    expect({ code: (thrown as { code?: string }).code ?? (thrown as Error).name, message }).toEqual(
      {
        code,
        message: expect.stringContaining(says) as string,
      },
    );
    expect(message).toMatch(/^(?:line \d+: )?expected .*, (?:got|but) /);
    expect(message).not.toContain('\n');
  });
});

async function thrownBy(make: () => unknown): Promise<unknown> {
  try {
    await make();
  } catch (error) {
    return error;
  }
  throw new Error('expected it to throw or to reject, but it did not');
}
