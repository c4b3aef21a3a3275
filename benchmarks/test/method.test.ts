import { describe, expect, it } from 'vitest';
import { estimate, rotated, verdictOf } from '../src/method.ts';

describe('estimate', () => {
  it.each([
    [[7], { median: 7, low: 7, high: 7, coverage: 0 }],
    [[3, 1, 2], { median: 2, low: 1, high: 3, coverage: 0.75 }],
    [[1, 4, 3, 2], { median: 2.5, low: 1, high: 4, coverage: 0.875 }],
    [[5, 1, 4, 2, 3], { median: 3, low: 1, high: 5, coverage: 0.9375 }],
  ])('takes the whole range when %j is too few for less', (samples, expected) => {
    expect(estimate(samples)).toEqual(expected);
  });

  it('drops two at each end when there are eleven', () => {
    const { median, low, high, coverage } = estimate([11, 1, 10, 2, 9, 3, 8, 4, 7, 5, 6]);
    expect([median, low, high]).toEqual([6, 3, 9]);
    expect(coverage).toBeCloseTo(1 - (2 * (1 + 11 + 55)) / 2048);
  });
});

describe('verdictOf', () => {
  it.each([
    [[1.2, 1.3, 1.4, 1.3, 1.25], 'faster'],
    [[0.7, 0.8, 0.9, 0.8, 0.85], 'slower'],
    [[0.9, 1.3, 1.4, 1.3, 1.25], 'cannot tell'],
    [[1.01, 1.02, 1.03, 1.04, 1.02], 'cannot tell'],
    [[3], 'cannot tell'],
    [[3, 3], 'cannot tell'],
  ])('of %j is what the whole interval says', (samples, expected) => {
    expect(verdictOf(estimate(samples))).toBe(expected);
  });
});

describe('rotated', () => {
  it('begins one further on each round', () => {
    expect([0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))).toEqual([
      'abc',
      'bca',
      'cab',
      'abc',
    ]);
  });
});
