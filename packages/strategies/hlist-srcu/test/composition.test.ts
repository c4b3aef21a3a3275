/** The legacy list as a part of another notifier, which counts the sections. */
import type { ComposableStrategy } from '@mmu-notifier/core';
import { describe, expect, it } from 'vitest';
import { hlistSrcu } from '../src/index.ts';
import { Mm, mmAt } from '../src/layout.ts';
import { codeFrom, counting, now, page } from './support.ts';

/** Sections that a carrier counts. */
function carry() {
  const waiting: (() => void)[] = [];
  const carrier = {
    open: 0,
    whenIdle(run: () => void, signal?: AbortSignal): void | Promise<void> {
      if (carrier.open === 0) return run();
      return new Promise<void>((resolve, reject) => {
        waiting.push(() => {
          run();
          resolve();
        });
        signal?.addEventListener('abort', () => {
          waiting.length = 0;
          reject(signal.reason);
        });
      });
    },
    whenIdleSync(run: () => void): void {
      run();
    },
    close(): void {
      carrier.open--;
      if (carrier.open === 0) for (const run of waiting.splice(0)) run();
    },
  };
  return carrier;
}

describe('carried by another notifier', () => {
  it('is a composable strategy whose notifiers tell whether they need to be called', async () => {
    const strategy: ComposableStrategy = hlistSrcu;
    const exclusion = carry();
    const notifier = strategy.create({ exclusion });
    expect(notifier.hasSubscribers).toBe(false);
    const subscription = now(notifier.subscribe(page, counting()));
    expect(notifier.hasSubscribers).toBe(true);
    await subscription.close();
    expect(notifier.hasSubscribers).toBe(false);
    notifier.verify();
  });

  it('leaves it to the carrier when a subscriber may join', async () => {
    const exclusion = carry();
    const notifier = hlistSrcu.create({ exclusion });
    exclusion.open = 1;
    const ops = counting();
    const subscribing = notifier.subscribe(page, ops);
    // A section that the carrier opened before and did not pass on: its end is not passed on either.
    expect(notifier.hasSubscribers).toBe(false);
    exclusion.close();
    const subscription = await subscribing;
    now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
    expect(ops.calls).toBe(1);
    expect(now(subscription.publish(now(subscription.readBegin()), () => {}))).toBe(true);
    exclusion.open = 1;
    const controller = new AbortController();
    const aborted = notifier.register({}, { signal: controller.signal });
    controller.abort();
    await expect(aborted).rejects.toBe(controller.signal.reason);
    notifier.verify();
  });

  it('does not count what its carrier counts', () => {
    const memory = new ArrayBuffer(hlistSrcu.byteLength(2));
    const notifier = hlistSrcu.create({ memory, exclusion: carry() });
    const open = () => new Int32Array(memory)[mmAt + Mm.open];
    const section = now(notifier.invalidateRangeStart(page));
    expect(open()).toBe(0);
    now(notifier.invalidateRangeEnd(section));
    expect(open()).toBe(0);
  });

  it('needs the exclusion in every agent that registers', async () => {
    const memory = new SharedArrayBuffer(hlistSrcu.byteLength(2));
    const exclusion = carry();
    hlistSrcu.create({ memory, exclusion });
    const attached = hlistSrcu.attach(memory);
    attached.registerOps(1, counting());
    expect(await codeFrom(() => attached.subscribe(page, 1))).toBe('MMN_OPTION');
    now(attached.invalidateRangeEnd(now(attached.invalidateRangeStart(page))));
    const complete = hlistSrcu.attach(memory, { exclusion });
    complete.registerOps(1, counting());
    expect(now(complete.subscribe(page, 1)).isOpen).toBe(true);
    complete.verify();
  });
});
