/** What lies between two accesses of one operation: another agent's turn is played there, step by step. */
import { Region } from '@mmu-notifier/sync';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { hlistSrcu } from '../src/index.ts';
import { Node, nodeAt } from '../src/layout.ts';
import { counting, memories, now, page, setUp } from './support.ts';

const nothing = (): void => {};

afterEach(() => {
  vi.restoreAllMocks();
});

/** Calls `between` before every access of one kind, and not for its own. */
function beforeEvery(access: 'add' | 'load', between: (index: number) => void): void {
  const original = Region.prototype[access] as (...args: number[]) => number;
  let isInside = false;
  vi.spyOn(Region.prototype, access).mockImplementation(function (this: Region, ...args: number[]) {
    if (!isInside) {
      isInside = true;
      between(args[0]!);
      isInside = false;
    }
    return original.apply(this, args);
  });
}

describe.each(memories)('ordering in an %s', (kind) => {
  it('[Q2] a reader that an end overtakes at the carry gets no seq of the future', () => {
    const { notifier, subscribe, words } = setUp(kind);
    const subscription = subscribe(counting());
    const before = 2 ** 32 - 1;
    for (const step of [1, 2]) {
      words()[nodeAt(1) + Node.seqLow] = -1;
      words()[nodeAt(1) + Node.seqHigh] = 0;
      let loads = 0;
      beforeEvery('load', (index) => {
        const isSeq = index === nodeAt(1) + Node.seqLow || index === nodeAt(1) + Node.seqHigh;
        if (!isSeq || ++loads !== step) return;
        now(notifier.invalidateRangeEnd(now(notifier.invalidateRangeStart(page))));
      });
      const seq = now(subscription.readBegin());
      vi.restoreAllMocks();
      const after = now(subscription.readBegin());
      expect(after).toBe(before + 1);
      expect(seq).toBeLessThanOrEqual(after);
      expect(now(subscription.publish(seq, nothing))).toBe(seq === after);
    }
  });

  it('[W1] a reader that an end overtakes on its way to sleep is not left there', async () => {
    const { notifier, subscribe } = setUp(kind);
    const subscription = subscribe(counting());
    const total = 12;
    for (let at = 1; at <= total; at++) {
      const section = now(notifier.invalidateRangeStart(page));
      let accesses = 0;
      const overtake = (): void => {
        if (++accesses === at) now(notifier.invalidateRangeEnd(section));
      };
      beforeEvery('load', overtake);
      const reading = subscription.readBegin();
      vi.restoreAllMocks();
      if (accesses < at) now(notifier.invalidateRangeEnd(section));
      const seq = await reading;
      now(subscription.publish(seq, nothing));
    }
    notifier.verify();
    expect(now(subscription.publish(now(subscription.readBegin()), nothing))).toBe(true);
  });
});

it('[KVM-1] a reader between the two steps of an end by another agent starts again', () => {
  const { notifier, subscribe } = setUp('SharedArrayBuffer');
  const subscription = subscribe(counting());
  const other = hlistSrcu.attach(notifier.memory);
  other.registerOps(0, counting());
  const seq = now(subscription.readBegin());
  const section = now(other.invalidateRangeStart(page));
  const outcomes: boolean[] = [];
  beforeEvery('add', () => outcomes.push(now(subscription.publish(seq, nothing))));
  now(other.invalidateRangeEnd(section));
  vi.restoreAllMocks();
  expect(outcomes.length).toBeGreaterThanOrEqual(2);
  expect(outcomes).not.toContain(true);
  expect(now(subscription.publish(seq, nothing))).toBe(false);
});
