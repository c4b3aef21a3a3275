import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareReports, linesOf } from '../src/compare.ts';
import { ratiosOf } from '../src/excerpt.ts';
import { PAGES, replaceBetween } from '../src/record.ts';
import type { ContenderResult, Report } from '../src/runner.ts';
import { describeMachine } from '../src/machine.ts';
import { estimate, verdictOf } from '../src/method.ts';
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
    [[20], 'cannot tell'],
  ])('finds %j, which is %s', (samples, verdict) => {
    expect(compareReports(before, reportOf({ ours: samples })).times[0]).toMatch(
      new RegExp(`, ${verdict}$`),
    );
  });

  it('does not compare times when the work is other work', () => {
    expect(compareReports(before, reportOf({ ours: [5] }, 'other')).times).toEqual([
      'tree: 1 range miss, ours: other work than before (hash h, now other)',
    ]);
  });
});

describe('verdicts of two runs', () => {
  const faster = [1.5, 1.6, 1.7];
  const barely = [1.02, 1.3, 1.6];
  const even = [0.99, 1, 1.01];
  const slower = [0.5, 0.6, 0.7];
  const hardlyFaster = [1.06, 1.07, 1.08];
  const hardly = [1.0, 1.02, 1.03];

  it.each([
    { was: faster, is: faster, changed: 0, undecided: 0 },
    { was: faster, is: barely, changed: 0, undecided: 1 },
    { was: barely, is: faster, changed: 0, undecided: 1 },
    { was: hardlyFaster, is: hardly, changed: 0, undecided: 1 },
    { was: hardly, is: hardlyFaster, changed: 0, undecided: 1 },
    { was: faster, is: even, changed: 1, undecided: 0 },
    { was: even, is: slower, changed: 1, undecided: 0 },
    { was: faster, is: slower, changed: 1, undecided: 0 },
  ])('of ratios $was and $is: $changed changed, $undecided told in one only', (expected) => {
    const comparison = compareReports(withRatios(expected.was), withRatios(expected.is));
    expect(comparison.verdicts).toBe(1);
    expect(comparison.changed).toHaveLength(expected.changed);
    expect(comparison.undecided).toHaveLength(expected.undecided);
    expect(linesOf(comparison).at(-1)).toContain(`${1 - expected.changed} of 1 verdicts`);
  });
});

/** One contender beside a baseline, with these ratios to it. */
function withRatios(ratios: number[]): Report {
  const report = reportOf({ C: [10, 10, 10], ours: [5, 5, 5] });
  const ratio = estimate(ratios);
  Object.assign(report.sections[0]!.cases[0]!.contenders[1]!, {
    ratio,
    verdict: verdictOf(ratio),
  });
  return report;
}

describe('markdownOf', () => {
  it('shows the baseline bare and the others with ratio and verdict', () => {
    const report = reportOf({ C: [10, 10, 10], ours: [5, 5, 5] });
    const [section] = report.sections;
    expect(section === undefined ? '' : markdownOf(report, section)).toContain(
      '| 1 range | C | 10.0 |\n|  | ours | 5.0 (2.00 +) |',
    );
  });
});

describe('ratiosOf', () => {
  it('quotes ours against C, and times the fastest peer', () => {
    const report = reportOf({ C: [10, 10, 10], 'ArrayBuffer, collect': [5, 5, 5] });
    const [section] = report.sections;
    const against = reportOf({ 'ArrayBuffer, collect': [1], slow: [20], slower: [50] });
    const [peers] = against.sections[0]!.cases;
    Object.assign(peers!, { row: '10 ranges, peers' });
    Object.assign(peers!.contenders[1]!, { ratio: estimate([1 / 20]) });
    Object.assign(peers!.contenders[2]!, { ratio: estimate([1 / 50]) });
    section!.cases.push(peers!);
    const text = ratiosOf(report, section!);
    expect(text).toContain('|  | miss |\n| --- | --: |\n| 1 range | 2.00 |\n');
    expect(text).toContain('10 ranges, peers: 20 times faster');
  });
});

describe('pages', () => {
  it.each(PAGES)('$file has the markers of $section, once', ({ section, file }) => {
    const text = readFileSync(join(import.meta.dirname, '..', file), 'utf8');
    expect(text.split(`<!-- bench:${section} -->`)).toHaveLength(2);
    expect(text.split(`<!-- /bench:${section} -->`)).toHaveLength(2);
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
