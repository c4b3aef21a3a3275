/** Subscriptions and scopes: `await using` waits, `using` blocks or says that it would have to. */
import { codeOf, type SubscriptionOps } from '@mmu-notifier/core';
import { expect, test } from 'vitest';
import { reference } from '../src/index.ts';

const span = { start: 0, end: 10 };

function setUp(ops: SubscriptionOps) {
  const notifier = reference.create();
  return { notifier, subscription: notifier.subscribeSync(span, ops) };
}

/** Leaves a scope with `using`; what that throws. */
function leave(disposable: Disposable): unknown {
  try {
    using kept = disposable;
    expect(kept).toBe(disposable);
  } catch (error) {
    return error;
  }
  return undefined;
}

test('[await using] closes at the end of the scope, once more harmlessly', async () => {
  let calls = 0;
  const { notifier, subscription } = setUp({ invalidate: () => void calls++ });
  for (let time = 0; time < 2; time++) {
    await using kept = subscription;
    expect(kept.isOpen).toBe(time === 0);
  }
  expect(subscription.isOpen).toBe(false);
  expect(leave(subscription)).toBe(undefined);
  await notifier.invalidateRangeStart(span);
  expect(calls).toBe(0);
});

test('[using] closes where nothing has to be waited for', () => {
  const { notifier, subscription } = setUp({ invalidate: () => expect.unreachable() });
  expect(leave(subscription)).toBe(undefined);
  expect(subscription.isOpen).toBe(false);
  notifier.invalidateRangeStartSync(span);
});

test('[using] says so when it would have to wait in one event loop, and closes all the same', async () => {
  const callback = Promise.withResolvers<void>();
  const { notifier, subscription } = setUp({ invalidate: () => callback.promise });
  const section = notifier.invalidateRangeStart(span);
  await Promise.resolve();
  const thrown = leave(subscription);
  expect(codeOf(thrown)).toBe('MMN_WOULD_BLOCK');
  expect((thrown as Error).message).toContain('expected');
  expect(subscription.isOpen).toBe(false);
  callback.resolve();
  await notifier.invalidateRangeEnd(await section);
  await subscription[Symbol.asyncDispose]();
  notifier.verify();
});
