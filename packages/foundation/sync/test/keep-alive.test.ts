/** How long a wait in shared memory keeps Node running. */
import { describe, expect, it } from 'vitest';
import { runChild } from './child.ts';

describe('a pending plain wait in shared memory', { timeout: 70_000 }, () => {
  it('keeps Node running until it is woken', () => {
    expect(runChild('./keep-alive.child.ts', ['wait'])).toEqual({
      status: 0,
      stdout: 'woken\n',
      stderr: '',
    });
  });

  it('keeps it running no longer when it was aborted', () => {
    expect(runChild('./keep-alive.child.ts', ['abort'])).toEqual({
      status: 0,
      stdout: 'aborted\n',
      stderr: '',
    });
  });
});
