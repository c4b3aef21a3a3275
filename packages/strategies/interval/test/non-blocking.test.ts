/** The start that never waits, with the debug mode of the locks watching that it does not. */
import { enableLockdep, nonBlockEnd, nonBlockStart, type LockdepReport } from '@mmu-notifier/sync';
import { describe, expect, it, onTestFinished } from 'vitest';
import { thrownBy } from './thrown.ts';
import {
  begin,
  gate,
  isPending,
  kinds,
  places,
  now,
  publish,
  Recorder,
  variants,
  World,
} from './world.ts';

/** Collects what the debug mode finds while the test runs. */
function lockdepReports(): LockdepReport[] {
  const reports: LockdepReport[] = [];
  onTestFinished(enableLockdep({ report: (report) => void reports.push(report) }));
  return reports;
}

const range = { start: 0, end: 10 };

describe.each(places)('tryInvalidateRangeStart in %s', (kind) => {
  const inWords = kind !== 'objects';

  it('[N1] [K-S6] never waits: not for a lock, not for a callback that could', () => {
    const world = new World(kind);
    const reports = lockdepReports();
    const { calls } = world.recorder(0, 10);
    const invalidation = world.notifier.tryInvalidateRangeStart(range)!;
    expect(calls).toMatchObject([{ blockable: false }]);
    now(world.notifier.invalidateRangeEnd(invalidation));
    world.invalidate(0, 10);
    expect(reports).toEqual([]);
    world.verify();
  });

  it.each(['close', 'closeSync'] as const)(
    '[N1] the debug mode reports %s in it, though this time it does not wait',
    (name) => {
      const world = new World(kind);
      const reports = lockdepReports();
      const subscription = world.subscribe(100, 200);
      nonBlockStart();
      void subscription[name]();
      nonBlockEnd();
      expect(reports[0]?.kind).toBe('sleep-in-atomic');
    },
  );

  it('[N1] is nothing that may sleep, for a caller that must not either', () => {
    for (const variant of inWords ? variants : ['local']) {
      const world = new World(kind, { variant });
      const reports = lockdepReports();
      world.recorder(0, 10);
      nonBlockStart();
      const invalidation = world.notifier.tryInvalidateRangeStart(range)!;
      expect(reports).toEqual([]);
      now(world.notifier.invalidateRangeEnd(invalidation));
      expect(reports).toEqual([]);
      void world.notifier.invalidateRangeStart(range);
      nonBlockEnd();
      const saysSo = reports.some(({ message }) =>
        message.includes('invalidateRangeStart may sleep'),
      );
      expect(saysSo).toBe(inWords);
    }
  });

  it('[N1] the debug mode names a readBegin that waits in it', async () => {
    const world = new World(kind);
    const reports = lockdepReports();
    const { subscription } = world.recorder(0, 10);
    const end = world.start(0, 10);
    nonBlockStart();
    const read = subscription.readBegin();
    nonBlockEnd();
    expect(reports[0]?.message).toContain('readBegin may sleep in a non-blockable section');
    end();
    await read;
  });

  it('[N1] [N2] a driver’s lock that is held means that it would block', async () => {
    const world = new World(kind);
    const { calls, subscription } = world.recorder(0, 10);
    const installing = gate();
    const published = subscription.publish(begin(subscription), () => installing.promise);
    expect(world.notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    expect(calls).toEqual([]);
    installing.open();
    expect(await published).toBe(true);
    world.verify();
    now(world.notifier.invalidateRangeEnd(world.notifier.tryInvalidateRangeStart(range)!));
    expect(calls).toHaveLength(1);
  });

  it('[N2] [K-S7] would block: all is as if it had not been called', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = ({ blockable }) => blockable;
    expect(world.active).toBe(0);
    expect(world.notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    expect(world.active).toBe(0);
    expect(world.deferred).toBe(0);
    expect(world.isFull).toBe(false);
    world.verify();
    expect(publish(subscription, begin(subscription))).toBe(true);
    now(subscription.close());
    world.invalidate(0, 10);
    world.verify();
  });

  it('[N2] would block inside another section: that one stays open, and its readers wait on', async () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = ({ blockable }) => blockable;
    const end = world.start(0, 10);
    expect(world.notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    expect(world.active).toBe(1);
    const read = subscription.readBegin();
    expect(await isPending(read)).toBe(true);
    end();
    expect(publish(subscription, await read)).toBe(true);
    world.verify();
  });

  it('[N2] a reader that collided with it is woken when it turns out to block', async () => {
    const world = new World(kind);
    const reads: Promise<unknown>[] = [];
    const first = world.recorder(0, 10);
    const second = world.recorder(5, 10);
    second.ops.act = () => {
      const read = first.subscription.readBegin();
      if (read instanceof Promise) reads.push(read);
      return false;
    };
    expect(world.notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    expect(reads).toHaveLength(1);
    await reads[0];
    world.verify();
  });

  it('[N3] those before the one that would block were invalidated, and can publish again', () => {
    const world = new World(kind);
    const [before, refusing, after] = [0, 1, 2].map((start) => world.recorder(start, 10));
    refusing!.ops.act = () => false;
    const seq = begin(before!.subscription);
    const seqAfter = begin(after!.subscription);
    expect(world.notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    expect([before, refusing, after].map((one) => one!.calls.length)).toEqual([1, 1, 0]);
    expect(publish(before!.subscription, seq)).toBe(false);
    expect(publish(before!.subscription, begin(before!.subscription))).toBe(true);
    expect(publish(after!.subscription, seqAfter)).toBe(true);
    world.verify();
  });

  it('[N3] the second pass runs for those before the one that would block, and for nobody else', () => {
    const world = new World(kind);
    const order: string[] = [];
    for (const [start, name] of ['first', 'second', 'refusing', 'after'].entries()) {
      world.subscribe(start, 10, {
        invalidate: () => {
          order.push(`invalidate ${name}`);
          return name !== 'refusing';
        },
        finish: () => void order.push(`finish ${name}`),
      });
    }
    expect(world.notifier.tryInvalidateRangeStart(range)).toBe(undefined);
    expect(order).toEqual([
      'invalidate first',
      'invalidate second',
      'invalidate refusing',
      'finish first',
      'finish second',
    ]);
    expect(world.active).toBe(0);
    world.verify();
  });

  it('[E1] a callback that throws is told on, also when a later one would block', () => {
    const world = new World(kind);
    const [throwing, refusing] = [world.recorder(0, 10), world.recorder(5, 10)];
    const reason = new Error('broken');
    throwing.ops.act = () => {
      throw reason;
    };
    refusing.ops.act = () => false;
    for (const end of [3, 10]) {
      expect(
        thrownBy(() => world.notifier.tryInvalidateRangeStart({ start: 0, end })),
      ).toMatchObject({ code: 'MMN_CALLBACK_FAILED', cause: reason });
      expect(world.active).toBe(0);
    }
    world.verify();
  });

  it('a promise from a callback of it is refused, and its driver’s lock let go', () => {
    const world = new World(kind);
    const { ops, subscription } = world.recorder(0, 10);
    ops.act = () => Promise.reject(new Error('nobody hears this'));
    expect(thrownBy(() => world.notifier.tryInvalidateRangeStart(range)).code).toBe(
      'MMN_CALLBACK_ASYNC',
    );
    ops.act = () => undefined;
    expect(publish(subscription, begin(subscription))).toBe(true);
    world.verify();
  });

  it('a promise from its second pass is refused', () => {
    const world = new World(kind);
    world.subscribe(0, 10, { invalidate: () => {}, finish: () => Promise.resolve() });
    expect(thrownBy(() => world.notifier.tryInvalidateRangeStart(range)).code).toBe(
      'MMN_CALLBACK_ASYNC',
    );
    expect(world.active).toBe(0);
    world.verify();
  });

  it('[K-S6] nothing to call: a section like any other', () => {
    const world = new World(kind);
    world.subscribe(100, 200, new Recorder());
    const invalidation = world.notifier.tryInvalidateRangeStart(range)!;
    expect(world.active).toBe(1);
    now(world.notifier.invalidateRangeEnd(invalidation));
    expect(world.active).toBe(0);
    world.verify();
  });
});

describe.each(kinds)('tryInvalidateRangeStart in %s', (kind) => {
  it('[N1] a callback that sleeps in it is what the debug mode reports', () => {
    const world = new World(kind);
    const reports = lockdepReports();
    const other = world.subscribe(100, 200);
    const { ops } = world.recorder(0, 10);
    ops.act = () => void other.lock.lock();
    const invalidation = world.notifier.tryInvalidateRangeStart(range)!;
    expect(reports.map((report) => report.kind)).toEqual(['sleep-in-atomic']);
    other.lock.unlock();
    now(world.notifier.invalidateRangeEnd(invalidation));
  });

  it('[N1] a start that the debug mode refuses leaves nothing behind', () => {
    const world = new World(kind);
    onTestFinished(enableLockdep());
    // All handles of sections that an agent has, but for one.
    for (let open = 1; open < 2 ** 15; open++) world.start(20, 30);
    nonBlockStart();
    expect(thrownBy(() => world.start(0, 10)).message).toContain('may sleep');
    nonBlockEnd();
    world.invalidate(0, 10);
    world.verify();
  });
});
