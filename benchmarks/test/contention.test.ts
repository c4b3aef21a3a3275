/** Observations beside a busy neighbour are made again. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Calm, measureContention } from '../src/contention.ts';
import { runSections } from '../src/runner.ts';
import type { Level, Section } from '../src/section.ts';

test('the quotient of the two loops is a number above 0', () => {
  expect(measureContention()).toBeGreaterThan(0);
});

test('what is a tenth above the least of its program was disturbed', () => {
  const calm = new Calm();
  const seen = [1.4, 1.5, 1.3, 1.5, 1.42, 1.44].map((each) => calm.isDisturbed('a', each));
  expect(seen).toEqual([false, false, false, true, false, true]);
  expect(calm.isDisturbed('b', 2)).toBe(false);
});

/** A program that prints one observation after another, `[contention, nanoseconds]`, and the section that asks it. */
function scripted(observations: readonly (readonly [number, number])[]): Section {
  const folder = mkdtempSync(join(tmpdir(), 'bench-contention-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const script = join(folder, 'script.json');
  writeFileSync(script, JSON.stringify(observations));
  const program = `
    const { readFileSync, writeFileSync } = require('node:fs');
    const [[contention, nsPerOperation], ...rest] = JSON.parse(readFileSync(process.argv[1]));
    writeFileSync(process.argv[1], JSON.stringify(rest));
    console.log(JSON.stringify({ nsPerOperation, passes: 1, hash: 'same', contention }));`;
  const command = [process.execPath, '-e', program, script];
  const one = {
    row: 'r',
    column: 'c',
    input: null,
    rounds: 2,
    contenders: [{ name: 'it', command }],
  };
  return {
    name: 'scripted',
    title: 'Scripted',
    prepare: () =>
      Promise.resolve({ cases: [one], excluded: [], notes: [], facts: {}, dispose() {} }),
    observe: () => Promise.reject(new Error('its command is run')),
  };
}

test.each<[string, Level, [number, number][], number[], object]>([
  [
    'takes what was not disturbed',
    'full',
    [
      [1, 10],
      [1.05, 11],
    ],
    [10, 11],
    { repeated: 0, disturbed: 0 },
  ],
  [
    'repeats what was',
    'full',
    [
      [1, 10],
      [1.5, 19],
      [1.6, 9],
      [1, 12],
    ],
    [10, 12],
    { repeated: 2, disturbed: 0 },
  ],
  [
    'gives up in time, with the least disturbed',
    'short',
    [
      [1, 10],
      [1.5, 19],
      [1.6, 9],
    ],
    [10, 19],
    { repeated: 1, disturbed: 1 },
  ],
  [
    'repeats nothing in a smoke run',
    'smoke',
    [
      [1, 10],
      [1.5, 19],
    ],
    [10, 19],
    { repeated: 0, disturbed: 1 },
  ],
])('%s', async (_, level, observations, samples, neighbours) => {
  const { sections } = await runSections([scripted(observations)], level, () => {});
  expect(sections[0]!.cases[0]!.contenders[0]!.samples).toEqual(samples);
  expect(sections[0]!.neighbours).toEqual({ observations: 2, ...neighbours });
});
