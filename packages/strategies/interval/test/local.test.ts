/** What only the notifier of one event loop does: its tree, its lock, and waiting for nobody but one's own. What it promises is the kit's. */
import * as fc from 'fast-check';
import type { Notifier } from '@mmu-notifier/core';
import { describe, expect, it, test } from 'vitest';
import { Entry, LocalSection } from '../src/local/entry.ts';
import { LocalMutex } from '../src/local/mutex.ts';
import { insert } from '../src/local/tree.ts';
import { verifyLocal } from '../src/local/verify.ts';
import { interval, type LocalSubscription } from '../src/variants.ts';
import { seeded } from './seed.ts';
import { thrownBy } from './thrown.ts';
import { isPending, now, Recorder } from './world.ts';

const create = () => interval.create({ variant: 'local' });

function startAt(notifier: Notifier, start: number, end: number): () => void {
  const section = now(notifier.invalidateRangeStart({ start, end }));
  return () => now(notifier.invalidateRangeEnd(section));
}

describe('the tree', () => {
  const address = fc.integer({ min: 0, max: 60 });
  const span = fc
    .tuple(address, fc.integer({ min: 1, max: 20 }))
    .map(([start, length]) => ({ start, end: start + length }));
  const step = fc.oneof(
    fc.record({ what: fc.constant('subscribe' as const), span }),
    fc.record({ what: fc.constant('close' as const), which: fc.nat() }),
    fc.record({ what: fc.constant('section' as const), span }),
  );

  it('calls those that overlap, in the order of their starts, whoever came and went', () => {
    const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const notifier = create();
      const open: { start: number; end: number; id: number; subscription: LocalSubscription }[] =
        [];
      let called: number[] = [];
      let ids = 0;
      for (const each of steps) {
        if (each.what === 'subscribe') {
          const id = ids++;
          const subscription = notifier.subscribe(each.span, {
            invalidate: () => void called.push(id),
          });
          open.push({ ...each.span, id, subscription });
        } else if (each.what === 'close') {
          const [gone] = open.splice(each.which % Math.max(1, open.length), 1);
          gone?.subscription.closeSync();
        } else {
          const { start, end } = each.span;
          startAt(notifier, start, end)();
          const wanted = open
            .filter((other) => other.start < end && start < other.end)
            .sort((a, b) => a.start - b.start || a.id - b.id);
          expect(called).toEqual(wanted.map(({ id }) => id));
          called = [];
        }
        notifier.verify();
      }
    });
    fc.assert(property, seeded(300));
  });

  it('is not deep when subscriptions come in order', () => {
    const notifier = create();
    for (let at = 0; at < 20_000; at++) {
      notifier.subscribe({ start: at, end: at + 1 }, { invalidate() {} }); // a list would overflow the stack
    }
    const ops = new Recorder();
    notifier.subscribe({ start: 20_000, end: 20_001 }, ops);
    startAt(notifier, 20_000, 20_001)();
    expect(ops.calls).toHaveLength(1);
  });
});

describe('readers and closers', () => {
  it('wait for sections over them, and for no others', async () => {
    const notifier = create();
    const subscription = notifier.subscribe({ start: 0, end: 10 }, { invalidate() {} });
    const endOther = startAt(notifier, 10, 20);
    expect(subscription.readBegin()).toBeTypeOf('number');
    const end = startAt(notifier, 5, 15);
    const reading = subscription.readBegin();
    expect(await isPending(reading)).toBe(true);
    end();
    expect(await reading).toBeTypeOf('number');
    endOther();
    notifier.verify();
  });

  it('do not wait for what starts while they wait: such a read is refused', async () => {
    const notifier = create();
    const subscription = notifier.subscribe({ start: 0, end: 10 }, { invalidate() {} });
    const end = startAt(notifier, 0, 1);
    const reading = subscription.readBegin();
    const endNext = startAt(notifier, 0, 1);
    end();
    expect(subscription.publishSync(await reading, () => expect.unreachable())).toBe(false);
    endNext();
    expect(subscription.publishSync(subscription.readBeginSync(), () => {})).toBe(true);
  });

  it('close in a section of their own, whose callbacks are over', async () => {
    const notifier = create();
    const ops = new Recorder();
    const subscription = notifier.subscribe({ start: 0, end: 10 }, ops);
    const end = startAt(notifier, 0, 10);
    expect(subscription.close()).toBe(undefined);
    startAt(notifier, 0, 10)();
    end();
    expect(ops.calls).toHaveLength(1);
    notifier.verify();
  });

  it('that come in a section over them have to wait for its end', async () => {
    const notifier = create();
    const end = startAt(notifier, 0, 10);
    const subscription = notifier.subscribe({ start: 5, end: 15 }, { invalidate() {} });
    notifier.verify();
    expect(thrownBy(() => subscription.readBeginSync()).code).toBe('MMN_WOULD_BLOCK');
    const reading = subscription.readBegin();
    expect(await isPending(reading)).toBe(true);
    end();
    expect(subscription.publishSync(await reading, () => {})).toBe(true);
  });
});

describe('the driver’s lock', () => {
  it('goes to who waits, in order, and over those who gave up', async () => {
    const lock = new LocalMutex();
    expect(lock.lock()).toBe(undefined);
    expect(lock.tryLock()).toBe(false);
    const order: string[] = [];
    const impatience = new AbortController();
    const first = Promise.resolve(lock.lock()).then(() => order.push('first'));
    const second = Promise.resolve(lock.lock(impatience.signal));
    const third = Promise.resolve(lock.lock()).then(() => order.push('third'));
    impatience.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    lock.unlock();
    await first;
    expect(lock.tryLock()).toBe(false); // handed on, not let go
    lock.unlock();
    await third;
    lock.unlock();
    expect(order).toEqual(['first', 'third']);
    expect(lock.tryLock()).toBe(true);
  });

  it('refuses who has given up before it asks, and blocks nobody', async () => {
    const lock = new LocalMutex();
    lock.lockSync();
    expect(thrownBy(() => lock.lockSync()).code).toBe('MMN_WOULD_BLOCK');
    const reason = new Error('enough');
    await expect(lock.lock(AbortSignal.abort(reason))).rejects.toBe(reason);
    lock.unlock();
    expect(thrownBy(() => lock.unlock()).code).toBe('MMN_LOCK');
  });
});

describe('verify', () => {
  const mutex = new LocalMutex();
  const entryAt = (start: number): Entry => {
    const entry = new Entry({ invalidate() {} }, 0, mutex);
    entry.start = start;
    entry.last = start + 4;
    return entry;
  };

  test.each<
    [what: string, invariant: string, damage: (root: Entry, section: LocalSection) => void]
  >([
    ['a maximum that is too small', 'max is the largest', (root) => (root.max = root.last - 1)],
    [
      'a tree out of order',
      'in order',
      (root) => ([root.left, root.right] = [root.right, root.left]),
    ],
    [
      'an empty span',
      'holds an address',
      (root) => {
        root.left = root.right = undefined;
        root.max = root.last = root.start - 1;
      },
    ],
    [
      'a child above its parent',
      'priority',
      (root) => (root.left = Object.create(root.left!, { priority: { value: 2 ** 31 } }) as Entry),
    ],
    ['a wrong count', 'sections counts', (root) => root.sections++],
    ['hits of a section that is over', 'lists nobody', (root, section) => section.add(root)],
    ['more calls than hits', 'calls nobody', (_, section) => (section.toCall = 1)],
    ['a hit behind the last', 'no others', (root, section) => section.hits.push(root)],
  ])('finds %s', (_, invariant, damage) => {
    let root: Entry | undefined;
    for (const start of [10, 20, 30]) root = insert(root, entryAt(start));
    while (root!.left === undefined || root!.right === undefined) {
      root = undefined; // priorities are random: until the middle one is on top
      for (const start of [10, 20, 30]) root = insert(root, entryAt(start));
    }
    const section = new LocalSection(0, 1);
    expect(() => verifyLocal(root, [section])).not.toThrow();
    damage(root!, section);
    expect(() => verifyLocal(root, [section])).toThrow(invariant);
  });
});
