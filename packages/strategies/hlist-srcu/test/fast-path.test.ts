/** What nobody has to wait for allocates nothing, not even a promise. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

describe('the fast paths', { timeout: 70_000 }, () => {
  it('allocate nothing', () => {
    const path = fileURLToPath(new URL('./allocations.child.ts', import.meta.url));
    // A young generation so large that no collection hides what was allocated.
    const nodeArgs = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions=@mmu-notifier/source', ...nodeArgs, path],
      { encoding: 'utf8', timeout: 60_000 },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const bytes = JSON.parse(stdout) as Record<string, number>;
    const { 'a promise, for comparison': promise, ...operations } = bytes;
    expect(promise).toBeGreaterThan(16);
    const allocating = Object.entries(operations).filter(([, perOperation]) => perOperation >= 1);
    expect(Object.keys(operations)).toHaveLength(10);
    expect(allocating).toEqual([]);
  });
});
