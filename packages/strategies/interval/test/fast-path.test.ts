/** What need not wait returns no promise, and allocates nothing. */
import { describe, expect, it } from 'vitest';
import { runChild } from './child.ts';
import { createMixed } from './fake-list.ts';
import { begin, places, World } from './world.ts';

describe('the fast paths', { timeout: 70_000 }, () => {
  it('allocate nothing', () => {
    // A young generation so large that no collection hides what was allocated.
    const nodeArgs = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
    const { status, stdout, stderr } = runChild('./allocations.child.ts', nodeArgs);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const bytes = JSON.parse(stdout) as Record<string, number>;
    const { 'a promise, for comparison': promise, ...operations } = bytes;
    expect(promise).toBeGreaterThan(16);
    expect(Object.keys(operations)).toHaveLength(48);
    const allocating = Object.entries(operations).filter(([, each]) => each >= 1);
    expect(allocating).toEqual([]);
  });

  it.each(places)(
    'return no promise, also with a second pass that does not wait, in %s',
    (kind) => {
      const world = new World(kind);
      const subscription = world.subscribe(0, 10, { invalidate: () => {}, finish: () => {} });
      const started = world.notifier.invalidateRangeStart({ start: 0, end: 10 });
      expect(typeof started).toBe('number');
      expect(world.notifier.invalidateRangeEnd(started as never)).toBe(undefined);
      expect(typeof subscription.readBegin()).toBe('number');
      expect(subscription.publish(begin(subscription), () => {})).toBe(true);
      expect(subscription.close()).toBe(undefined);
    },
  );

  it('return no promise with a legacy list that does not wait', () => {
    const { notifier, list } = createMixed();
    // The fake one is asynchronous; one that is not:
    list.invalidateRangeStart = (range) => list.invalidateRangeStartSync(range) as never;
    list.invalidateRangeEnd = (invalidation) => list.invalidateRangeEndSync(invalidation) as never;
    void list.register({});
    notifier.subscribe({ start: 0, end: 10 }, { invalidate: () => {}, finish: () => {} });
    const started = notifier.invalidateRangeStart({ start: 0, end: 10 });
    expect(typeof started).toBe('number');
    expect(notifier.invalidateRangeEnd(started as never)).toBe(undefined);
  });
});
