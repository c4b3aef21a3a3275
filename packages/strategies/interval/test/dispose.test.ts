/** Subscriptions and scopes: `await using` waits, `using` blocks or says that it would have to. */
import { codeOf } from '@mmu-notifier/core';
import { expect, test } from 'vitest';
import { interval } from '../src/variants.ts';

const span = { start: 0, end: 10 };
const quiet = { invalidate: () => {} };

test('[await using] closes at the end of the scope', async () => {
  const notifier = interval.create();
  let calls = 0;
  {
    await using subscription = notifier.subscribe(span, { invalidate: () => void calls++ });
    expect(subscription.isOpen).toBe(true);
  }
  await notifier.invalidateRangeStart(span);
  expect(calls).toBe(0);
});

test('[await using] waits for the open section that hit it', async () => {
  const notifier = interval.create();
  const order: string[] = [];
  const scope = async (): Promise<void> => {
    await using subscription = notifier.subscribe(span, quiet);
    const section = await notifier.invalidateRangeStart(span);
    queueMicrotask(() => {
      order.push('ended');
      void notifier.invalidateRangeEnd(section);
    });
    expect(subscription.isOpen).toBe(true);
  };
  await scope();
  order.push('left');
  expect(order).toEqual(['ended', 'left']);
});

test('[using] closes where nothing has to be waited for, once more after a close of one’s own', () => {
  const notifier = interval.create();
  const leave = (closesItself: boolean): void => {
    using subscription = notifier.subscribe(span, quiet);
    if (closesItself) subscription.closeSync();
  };
  leave(false);
  leave(true);
  notifier.verify();
  expect(() => notifier.invalidateRangeStartSync(span)).not.toThrow();
});

test('[using] says so when it would have to wait in one event loop, and closes all the same', async () => {
  const notifier = interval.create();
  const kept = notifier.subscribe(span, quiet);
  const section = notifier.invalidateRangeStartSync(span);
  const leave = (): void => {
    using subscription = kept;
    expect(subscription.isOpen).toBe(true);
  };
  let thrown: unknown;
  try {
    leave();
  } catch (error) {
    thrown = error;
  }
  expect(codeOf(thrown)).toBe('MMN_WOULD_BLOCK');
  expect((thrown as Error).message).toContain('expected');
  expect(kept.isOpen).toBe(false);
  await notifier.invalidateRangeEnd(section);
  await kept[Symbol.asyncDispose]();
  await kept[Symbol.asyncDispose]();
  notifier.verify();
});

test('[using] in a callback is refused, as close is', () => {
  const notifier = interval.create();
  const other = notifier.subscribe({ start: 20, end: 30 }, quiet);
  notifier.subscribe(span, { invalidate: () => other[Symbol.dispose]() });
  let thrown: unknown;
  try {
    notifier.invalidateRangeStartSync(span);
  } catch (error) {
    thrown = (error as Error).cause;
  }
  expect(codeOf(thrown)).toBe('MMN_IN_CALLBACK');
});
