/** Sections allocate nothing, once as many as are ever open at once have been. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

describe('SectionTable', { timeout: 70_000 }, () => {
  it('allocates nothing to open, find and close a section', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        '--expose-gc',
        // A young generation so large that no collection hides what was allocated.
        '--min-semi-space-size=64',
        '--max-semi-space-size=64',
        fileURLToPath(new URL('./allocations.child.ts', import.meta.url)),
      ],
      { encoding: 'utf8', timeout: 60_000 },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const bytes = JSON.parse(stdout) as { section: number; object: number };
    expect(bytes.object).toBeGreaterThan(8);
    expect(bytes.section).toBeLessThan(1);
  });
});
