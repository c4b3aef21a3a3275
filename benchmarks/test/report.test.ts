import { describe, expect, it } from 'vitest';
import { compareReports } from '../src/compare.ts';
import { replaceBetween } from '../src/record.ts';
import type { ContenderResult, Report } from '../src/runner.ts';
import { describeMachine } from '../src/machine.ts';
import { estimate } from '../src/method.ts';
import { markdownOf } from '../src/table.ts';

function reportOf(samples: Record<string, number[]>, hash = 'h'): Report {
  const contenders = Object.entries(samples).map(([name, samples], k): ContenderResult =>
    k === 0
      ? { name, samples, time: estimate(samples) }
      : { name, samples, time: estimate(samples), ratio: estimate([2]), verdict: 'faster' },
  );
  const cases = [{ row: '1 range', column: 'miss', hash, contenders }];
  const section = {
    name: 'tree',
    title: 'Trees',
    notes: ['a note'],
    facts: { seed: '1' },
    excluded: [],
    cases,
  };
  return {
    schema: 'mmu-notifier-bench/1',
    level: 'short',
    machine: describeMachine(),
    sections: [section],
  };
}

describe('compareReports', () => {
  const before = reportOf({ ours: [10, 11, 12, 11, 10] });

  it.each([
    [[5, 6, 5, 6, 5], 'faster'],
    [[20, 21, 20, 21, 20], 'slower'],
    [[11, 12, 13, 12, 11], 'cannot tell'],
  ])('finds %j, which is %s', (samples, verdict) => {
    expect(compareReports(before, reportOf({ ours: samples }))[0]).toMatch(
      new RegExp(`, ${verdict}$`),
    );
  });

  it('does not compare times when the work is other work', () => {
    expect(compareReports(before, reportOf({ ours: [5] }, 'other'))).toEqual([
      'tree: 1 range miss, ours: other work than before (hash h, now other)',
    ]);
  });
});

describe('markdownOf', () => {
  it('shows the baseline bare and the others with ratio and verdict', () => {
    const report = reportOf({ C: [10, 10, 10], ours: [5, 5, 5] });
    const [section] = report.sections;
    expect(section === undefined ? '' : markdownOf(report, section)).toContain(
      '| 1 range | C | 10.0 |\n|  | ours | 5.0 (2.00 +) |',
    );
  });
});

describe('replaceBetween', () => {
  it('replaces what is between the markers, twice the same way, or adds them', () => {
    const added = replaceBetween('# Title\n', 'tree', 'one');
    expect(added).toBe('# Title\n\n<!-- bench:tree -->\none\n<!-- /bench:tree -->\n');
    const replaced = replaceBetween(added, 'tree', 'two');
    expect(replaced).toBe('# Title\n\n<!-- bench:tree -->\ntwo\n<!-- /bench:tree -->\n');
    expect(replaceBetween(replaced, 'tree', 'two')).toBe(replaced);
  });
});
