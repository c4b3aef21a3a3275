/** Ctrl-C: what was measured by then is reported, and what was recorded stays. */
import { expect, test } from 'vitest';
import { runSections } from '../src/runner.ts';
import type { Case, Section } from '../src/section.ts';

const command = [
  process.execPath,
  '-p',
  `JSON.stringify({ nsPerOperation: 1, passes: 1, hash: 'same' })`,
];

function section(name: string): Section {
  const cases = ['first', 'second', 'third'].map((row): Case => ({
    row,
    column: 'c',
    input: null,
    rounds: 2,
    contenders: [{ name: 'this', command }],
  }));
  return {
    name,
    title: name,
    prepare: () => Promise.resolve({ cases, excluded: [], notes: [], facts: {}, dispose() {} }),
    conclude: () => ['concluded'],
    observe: () => ({ nsPerOperation: 1, passes: 1, hash: 'same' }),
  };
}

test('a run that is interrupted reports the cases that are whole, and says that others are missing', async () => {
  const interrupt = new AbortController();
  const report = await runSections(
    [section('a'), section('b'), section('c')],
    'smoke',
    ({ what }) => {
      if (what === 'b: second c, this') interrupt.abort();
    },
    interrupt.signal,
  );
  expect(report.interrupted).toBe(true);
  const [a, b, ...others] = report.sections;
  expect(others).toEqual([]);
  expect(a).toMatchObject({ name: 'a', notes: ['concluded'] });
  expect(a).not.toHaveProperty('cut');
  expect(b).toMatchObject({ name: 'b', cut: true, notes: [] });
  expect(b!.cases.map(({ row }) => row)).toEqual(['first']);
});
