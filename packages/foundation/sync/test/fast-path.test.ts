/** What need not wait allocates nothing, not even a promise. */
import { describe, expect, it } from 'vitest';
import { runChild } from './child.ts';

describe('the fast paths', { timeout: 70_000 }, () => {
  it('allocate nothing', () => {
    // A young generation so large that no collection hides what was allocated.
    const nodeArgs = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
    const { status, stdout, stderr } = runChild('./allocations.child.ts', [], nodeArgs);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const bytes = JSON.parse(stdout) as Record<string, number>;
    const { 'a promise, for comparison': promise, ...operations } = bytes;
    expect(promise).toBeGreaterThan(16);
    const allocating = Object.entries(operations).filter(([, perOperation]) => perOperation >= 1);
    expect(Object.keys(operations)).toHaveLength(12);
    expect(allocating).toEqual([]);
  });
});
