/** Observations beside a busy neighbour are made again. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Calm, LEAST_VARIABLE, measureContention, timePasses } from '../src/contention.ts';
import { runSections } from '../src/runner.ts';
import type { Level, Section } from '../src/section.ts';

test('the quotient of the two loops is a number above 0', () => {
  expect(measureContention()).toBeGreaterThan(0);
});

test('what is 4 % above the least of its program was disturbed', () => {
  const calm = new Calm();
  const seen = [1.4, 1.45, 1.3, 1.5, 1.35, 1.36].map((each) => calm.isDisturbed('a', each));
  expect(seen).toEqual([false, false, false, true, false, true]);
  expect(calm.leastOf('a')).toBe(1.3);
  expect(calm.isDisturbed('b', 2)).toBe(false);
});

test('one quotient in ten may be too small', () => {
  const calm = new Calm();
  calm.isDisturbed('a', 0.5);
  const isDisturbed = Array.from({ length: 12 }, () => calm.isDisturbed('a', 1.4));
  expect(isDisturbed).toEqual([...Array(8).fill(true), ...Array(4).fill(false)]);
});

/** Two runs that count themselves, where the program's least quotient is known. */
function counting(least: string): { counts: number[]; passes: number; fastestMs: number[] } {
  vi.stubEnv(LEAST_VARIABLE, least);
  onTestFinished(() => void vi.unstubAllEnvs());
  const counts = [0, 0];
  const runs = counts.map((_, k) => () => void counts[k]!++);
  return { counts, ...timePasses(runs, 5) };
}

describe('passes', () => {
  test('are made in turns, and each is timed', () => {
    const { counts, passes, fastestMs } = counting('Infinity');
    expect(passes).toBeGreaterThan(0);
    expect(counts).toEqual([passes, passes]);
    for (const ms of fastestMs) expect(ms).toBeLessThan(5);
  });

  test('go on past the budget, twice as long, while no pass is as calm as one before has been', () => {
    const begin = performance.now();
    counting('0.001');
    expect(performance.now() - begin).toBeGreaterThanOrEqual(10);
  });
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
      [1.03, 11],
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
    'full',
    [
      [1, 10],
      [1.5, 19],
      [1.6, 9],
      [1.7, 8],
    ],
    [10, 19],
    { repeated: 2, disturbed: 1 },
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
