/** docs/choosing.md says of the strategies what they say of themselves, and what the benchmark has measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { costs, withTables, type Recorded } from '../scripts/choosing-table.ts';

const text = readFileSync(join(import.meta.dirname, '../docs/choosing.md'), 'utf8');

test('the tables are those that `npm run docs:choosing` writes', () => {
  expect(withTables(text)).toBe(text);
});

test('a table that somebody has edited is not', () => {
  const edited = text.replace(/\| yes \|/, '| no |');
  expect(withTables(edited)).not.toBe(edited);
  expect(withTables(edited)).toBe(text);
});

test('a document without the markers is refused', () => {
  expect(() => withTables('# Which one')).toThrow('expected <!-- traits --> and <!-- /traits -->');
});

const contenders = (times: Record<string, number>): { name: string; time: { median: number } }[] =>
  Object.entries(times).map(([name, median]) => ({ name, time: { median } }));

test('costs are sorted where all were measured, and empty where they were not', () => {
  const recorded: Recorded = {
    machine: { cpu: 'a CPU', node: 'v24.0.0', date: '2026-01-01' },
    sections: [
      {
        cases: [
          { row: 'no hit', column: '1', contenders: contenders({ list: 9, tree: 52.2 }) },
          { row: 'no hit', column: '10', contenders: contenders({ list: 1234, tree: 60 }) },
          { row: 'no hit', column: '100', contenders: contenders({ tree: 77 }) },
          { row: 'one hit', column: '10', contenders: contenders({ list: 5_000_000, tree: 99.9 }) },
        ],
      },
    ],
  };
  expect(costs(recorded).split('\n')).toEqual([
    '|  | 1 | 10 | 100 | one hit, 10 |',
    '| --- | --: | --: | --: | --: |',
    '| `tree` | 52 ns | 60 ns | 77 ns | 100 ns |',
    '| `list` | 9 ns | 1.2 µs |  | 5 ms |',
    '',
    'Medians; a CPU, Node.js 24.0.0, 2026-01-01.',
  ]);
});
