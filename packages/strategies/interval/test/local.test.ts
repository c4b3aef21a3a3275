/** What only the notifier of one event loop does: its tree, its lock, and waiting for nobody but one's own. What it promises is the kit's. */
import * as fc from 'fast-check';
import type { Notifier } from '@mmu-notifier/core';
import { enableLockdep } from '@mmu-notifier/sync';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { Entries } from '../src/local/entries.ts';
import { Entry } from '../src/local/entry.ts';
import { LocalMutex } from '../src/local/mutex.ts';
import { LocalSection } from '../src/local/section.ts';
import { localStrategy } from '../src/local/strategy.ts';
import { verifyLocal } from '../src/local/verify.ts';
import { interval, type LocalSubscription } from '../src/variants.ts';
import { seeded } from './seed.ts';
import { thrownBy } from './thrown.ts';
import { gate, isPending, now, Recorder } from './world.ts';

const create = () => interval.create({ variant: 'local' });

function startAt(notifier: Notifier, start: number, end: number): () => void {
  const section = now(notifier.invalidateRangeStart({ start, end }));
  return () => now(notifier.invalidateRangeEnd(section));
}

describe('the tree', () => {
  const address = fc.integer({ min: 0, max: 60 });
  const span = fc
    .tuple(
      address,
      fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 20 }) }, fc.constant(100)),
    )
    .map(([start, length]) => ({ start, end: start + length }));
  /** So many subscribe for so many that close. */
  const steps = (subscribe: number, close: number) =>
    fc.array(
      fc.oneof(
        {
          weight: subscribe,
          arbitrary: fc.record({ what: fc.constant('subscribe' as const), span }),
        },
        {
          weight: close,
          arbitrary: fc.record({ what: fc.constant('close' as const), which: fc.nat() }),
        },
        { weight: 2, arbitrary: fc.record({ what: fc.constant('section' as const), span }) },
      ),
      { maxLength: 300, size: 'max' },
    );
  /** Leaves are split, and joined again. */
  const growthAndDecline = fc
    .tuple(steps(8, 1), steps(1, 8))
    .map(([growth, decline]) => [...growth, ...decline]);

  it('calls those that overlap, in the order of their starts, whoever came and went', () => {
    const property = fc.property(growthAndDecline, (allSteps) => {
      const notifier = create();
      const open: { start: number; end: number; id: number; subscription: LocalSubscription }[] =
        [];
      let called: number[] = [];
      const wrong: { readonly called: number[]; readonly wanted: number[] }[] = [];
      let ids = 0;
      for (const each of allSteps) {
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
            .sort((a, b) => a.start - b.start || a.id - b.id)
            .map(({ id }) => id);
          if (String(called) !== String(wanted)) wrong.push({ called, wanted });
          called = [];
        }
        notifier.verify();
      }
      expect(wrong).toEqual([]);
    });
    fc.assert(property, seeded(100));
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

describe('a callback', () => {
  const span = { start: 0, end: 10 };

  it('knows from a …Sync start that it may block', () => {
    const notifier = create();
    const ops = new Recorder();
    notifier.subscribe(span, ops);
    notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(span));
    expect(ops.calls).toMatchObject([{ blockable: true }]);
  });

  it('whose lock is held fails a …Sync start', () => {
    const notifier = create();
    const lock = new LocalMutex();
    notifier.subscribe(span, { lock, invalidate: () => {} });
    lock.lockSync();
    const error = thrownBy(() => notifier.invalidateRangeStartSync(span));
    expect(error).toMatchObject({
      code: 'MMN_CALLBACK_FAILED',
      cause: { code: 'MMN_WOULD_BLOCK' },
    });
    lock.unlock();
    notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(span));
    notifier.verify();
  });

  it('that locks for itself may sleep, and ignore an event: what was read before is published', async () => {
    const notifier = create();
    const subscription = notifier.subscribe(span, {
      locking: 'driver',
      invalidate: () => Promise.resolve(),
    });
    const seq = subscription.readBeginSync();
    now(notifier.invalidateRangeEnd(await notifier.invalidateRangeStart(span)));
    expect(subscription.publishSync(seq, () => {})).toBe(true);
  });

  it('that is still to come keeps its subscription from being closed without waiting', async () => {
    const notifier = create();
    const sleeping = gate();
    notifier.subscribe(span, { invalidate: () => sleeping.promise });
    const ops = new Recorder();
    const next = notifier.subscribe(span, ops);
    const starting = notifier.invalidateRangeStart(span);
    expect(thrownBy(() => next.closeSync()).code).toBe('MMN_WOULD_BLOCK');
    sleeping.open();
    now(notifier.invalidateRangeEnd(await starting));
    await next.close();
    expect(ops.calls).toHaveLength(1);
    notifier.verify();
  });

  it('with a second pass keeps nobody who closes longer than that', async () => {
    const notifier = create();
    const sleeping = gate();
    const subscription = notifier.subscribe(span, { invalidate: () => {}, finish: () => {} });
    notifier.subscribe(span, { invalidate: () => sleeping.promise });
    const starting = notifier.invalidateRangeStart(span);
    const closed = Promise.resolve(subscription.close());
    expect(await isPending(closed)).toBe(true);
    sleeping.open();
    const section = await starting;
    expect(await isPending(closed)).toBe(false);
    now(notifier.invalidateRangeEnd(section));
    notifier.verify();
  });

  it('in a callback’s own section, in its second pass too, may not close', () => {
    const notifier = create();
    const other = notifier.subscribe({ start: 100, end: 110 }, { invalidate: () => {} });
    const codes: unknown[] = [];
    const tryToClose = (): void => void codes.push(thrownBy(() => other.closeSync()).code);
    notifier.subscribe({ start: 20, end: 30 }, { invalidate: () => {}, finish: tryToClose });
    notifier.subscribe(span, {
      invalidate() {
        startAt(notifier, 20, 30)();
        tryToClose();
      },
    });
    startAt(notifier, 0, 10)();
    expect(codes).toEqual(['MMN_IN_CALLBACK', 'MMN_IN_CALLBACK']);
    other.closeSync();
  });
});

describe('the debug mode', () => {
  const span = { start: 0, end: 10 };

  it('reports a read that would wait in a section that must not, and nothing after it', async () => {
    const reports: string[] = [];
    onTestFinished(enableLockdep({ report: ({ kind }) => void reports.push(kind) }));
    const notifier = create();
    const busy = notifier.subscribe({ start: 20, end: 30 }, { invalidate: () => {} });
    const end = startAt(notifier, 20, 30);
    const reads: unknown[] = [];
    notifier.subscribe(span, { invalidate: () => void reads.push(busy.readBegin()) });
    now(notifier.invalidateRangeEnd(notifier.tryInvalidateRangeStart(span)!));
    expect(reports).toEqual(['sleep-in-atomic']);
    reads.push(busy.readBegin());
    end();
    await Promise.all(reads);
    expect(reports).toHaveLength(1);
  });
});

describe('the strategy', () => {
  it('has one variant', () => {
    const strategy = localStrategy();
    expect(strategy.create({ variant: 'local' }).traits).toBe(strategy.traits());
    expect(thrownBy(() => strategy.create({ variant: 'scoped' })).code).toBe('MMN_OPTION');
    expect(thrownBy(() => strategy.traits('scoped')).code).toBe('MMN_OPTION');
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

  type Damage = (entries: Entries, section: LocalSection) => void;

  test.each<[what: string, invariant: string, damage: Damage]>([
    ['a maximum that is too small', 'max is the largest', ({ leaves }) => leaves[0]!.max--],
    ['a reach that is too small', 'so far', ({ reaches }) => reaches[1]!--],
    ['a reach of all that is too small', 'last of all', (entries) => entries.reach--],
    ['a start that is not the first', 'first entry does', ({ starts }) => starts[1]!--],
    ['leaves out of order', 'in order', ({ leaves }) => leaves.reverse()],
    ['a span that has moved', 'knows the spans', ({ leaves }) => leaves[0]!.entries[0]!.last++],
    ['a span without an entry', 'no other spans', ({ leaves }) => leaves[0]!.starts.push(99)],
    [
      'an entry in a strange leaf',
      'knows its leaf',
      ({ leaves }) => (leaves[0]!.entries[0]!.leaf = leaves[1]),
    ],
    ['a leaf too many', 'a start and a reach', ({ starts }) => starts.push(0)],
    ['an empty leaf', '1 to 32', ({ leaves }) => (leaves[0]!.entries.length = 0)],
    [
      'a leaf with one too many',
      '1 to 32',
      ({ leaves }) => {
        const { entries } = leaves[1]!;
        while (entries.length <= 32) entries.push(entryAt(1000));
      },
    ],
    ['a wrong count', 'sections counts', ({ leaves }) => leaves[0]!.entries[0]!.sections++],
    [
      'hits of a section that is over',
      'lists nobody',
      ({ leaves }, section) => section.add(leaves[0]!.entries[0]!),
    ],
    ['more calls than hits', 'calls nobody', (_, section) => (section.toCall = 1)],
    [
      'a hit behind the last',
      'no others',
      ({ leaves }, section) => section.hits.push(leaves[0]!.entries[0]!),
    ],
  ])('finds %s', (_, invariant, damage) => {
    const entries = new Entries();
    for (let at = 0; at < 40; at++) entries.insert(entryAt(10 * at));
    expect(entries.leaves).toHaveLength(2);
    const section = new LocalSection(0, 1);
    expect(() => verifyLocal(entries, [section])).not.toThrow();
    damage(entries, section);
    expect(() => verifyLocal(entries, [section])).toThrow(invariant);
  });

  it('finds small leaves that were not joined', () => {
    const entries = new Entries();
    for (let at = 0; at < 40; at++) entries.insert(entryAt(10 * at));
    const all = entries.leaves.flatMap((leaf) => leaf.entries);
    for (const entry of all.slice(5, 36)) entries.remove(entry);
    expect(entries.leaves).toHaveLength(1);
    verifyLocal(entries, []);
    for (const entry of all.slice(5, 36)) entries.insert(entry);
    for (const leaf of entries.leaves) {
      for (const list of [leaf.entries, leaf.starts, leaf.lasts]) list.length = 8;
      leaf.max = leaf.lasts.at(-1)!;
    }
    expect(() => verifyLocal(entries, [])).toThrow('small neighbours are joined');
  });
});
