/** The parts that drivers are made of: deferred work, completions, nested locks, the flat index. */
import type { Span } from '@mmu-notifier/core';
import { addressMax, InvariantError, overlaps } from '@mmu-notifier/core';
import { IntervalTree } from '@mmu-notifier/interval-tree';
import { Mutex, mutexWords, useClock, VirtualClock } from '@mmu-notifier/sync';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  CollisionSequence,
  Completion,
  createFlatIndex,
  FlatIndex,
  LockMemory,
  NestedLock,
  SequencedCallbacks,
  type SequencedRegistration,
  WorkQueue,
} from '../src/driver.ts';

const plain = { isSync: false, signal: undefined };

describe('a work queue', () => {
  it('runs items later, one after the other, in order', async () => {
    const queue = new WorkQueue();
    const log: string[] = [];
    queue.queue(async () => {
      log.push('a');
      await undefined;
      queue.queue(() => void log.push('c'));
      log.push('a ends');
    });
    queue.queue(() => void log.push('b'));
    expect(log).toEqual([]);
    expect(queue.isIdle).toBe(false);
    await queue.drain();
    expect(log).toEqual(['a', 'a ends', 'b', 'c']);
    expect(queue.isIdle).toBe(true);
    expect(queue.drain()).toBe(undefined);
  });

  it('is drained again by whoever waits again', async () => {
    const queue = new WorkQueue();
    const log: string[] = [];
    for (const name of ['a', 'b']) {
      queue.queue(async () => {
        await undefined;
        log.push(name);
      });
      await queue.drain();
      log.push('drained');
    }
    expect(log).toEqual(['a', 'drained', 'b', 'drained']);
  });

  it('lets somebody else decide when', async () => {
    const runs: (() => unknown)[] = [];
    const queue = new WorkQueue((run) => void runs.push(run));
    let done = 0;
    queue.queue(() => void done++);
    queue.queue(() => void done++);
    await undefined;
    expect([done, runs.length]).toEqual([0, 1]);
    await runs[0]!();
    expect(done).toBe(2);
    queue.queue(() => void done++);
    expect(runs).toHaveLength(2);
  });

  it('goes on behind an item that throws', async () => {
    const failures: unknown[] = [];
    const queue = new WorkQueue((run) => {
      queueMicrotask(() => void (run() as Promise<void>).catch((error) => failures.push(error)));
    });
    let done = 0;
    queue.queue(() => {
      throw new Error('oops');
    });
    queue.queue(() => void done++);
    await queue.drain();
    expect([done, failures.length]).toEqual([1, 1]);
  });
});

describe('a completion', () => {
  it('is waited for while it is not done, at most so long', async () => {
    const clock = new VirtualClock();
    onTestFinished(useClock(clock));
    const { region, fixedAt } = new LockMemory('test', Completion.words, 0);
    const completion = new Completion(region, fixedAt, true);
    expect(completion.wait(1000, plain)).toBe(true);
    completion.reinit();
    const late = completion.wait(1000, plain);
    const inTime = completion.wait(2000, plain);
    clock.advance(1000);
    expect(await late).toBe(false);
    completion.complete();
    completion.reinit();
    expect(await inTime).toBe(true);
    expect(completion.isDone).toBe(false);
  });
});

function setUpSequence() {
  const { region, fixedAt } = new LockMemory('test', CollisionSequence.words, 0);
  const sequence = new CollisionSequence(region, fixedAt);
  const create = () => ({ mark: sequence.markOfNew });
  return { sequence, create, registration: create() };
}

describe('a collision sequence', () => {
  it('[R2] [R3] refuses whoever was hit since he began, and nobody else', () => {
    const { sequence, create, registration } = setUpSequence();
    const other = create();
    const [seq, seqOfOther] = [registration, other].map((each) => sequence.begin(each, plain));
    sequence.enter();
    sequence.hit(registration);
    expect(sequence.collided(registration, seq as never)).toBe(true);
    sequence.leave();
    expect(sequence.open).toBe(0);
    expect(sequence.collided(registration, seq as never)).toBe(true);
    expect(sequence.collided(other, seqOfOther as never)).toBe(false);
    expect(sequence.collided(registration, sequence.begin(registration, plain) as never)).toBe(
      false,
    );
  });

  it('[R1] [R5] has a fault wait for the section that hit it, once', async () => {
    const { sequence, create, registration } = setUpSequence();
    sequence.enter();
    const late = create(); // an open section may have looked for it in vain
    sequence.enter();
    sequence.hit(registration);
    const begun = [registration, late].map((each) => sequence.begin(each, plain));
    let ready = 0;
    for (const each of begun) void Promise.resolve(each).then(() => ready++);
    sequence.leave();
    for (let turn = 0; turn < 9; turn++) await undefined;
    expect(ready).toBe(0);
    sequence.leave();
    sequence.enter();
    sequence.hit(late);
    const [seq, seqOfLate] = await Promise.all(begun);
    expect(sequence.collided(registration, seq!)).toBe(false);
    expect(sequence.collided(late, seqOfLate!)).toBe(true);
  });

  it('has nobody wait any more when it is abandoned', async () => {
    const { sequence, registration } = setUpSequence();
    sequence.enter();
    sequence.hit(registration);
    const begun = sequence.begin(registration, plain);
    expect(begun).toBeInstanceOf(Promise);
    sequence.abandon();
    await begun;
  });
});

describe('sequenced callbacks', () => {
  it('tell their scheme once that the address space is gone', async () => {
    let released = 0;
    class Scheme extends SequencedCallbacks<SequencedRegistration> {
      protected override released(): void {
        released++;
      }
    }
    const scheme = new Scheme(createFlatIndex, 'test');
    expect(released).toBe(0);
    await scheme.release(0, plain);
    expect(released).toBe(1);
  });
});

describe('lock memory', () => {
  it('keeps locks that are held when it grows, and gives freed records out zeroed', () => {
    const memory = new LockMemory('test', 2, 3);
    const records = Array.from({ length: 40 }, () => memory.take());
    const lock = new Mutex(memory.region, records[0]!);
    expect(lock.tryLock()).toBe(true);
    for (let more = 0; more < 100; more++) records.push(memory.take());
    expect(new Set(records).size).toBe(140);
    expect(lock.isLocked).toBe(true);
    const last = new Mutex(memory.region, records.at(-1)!);
    expect(last.tryLock()).toBe(true);
    expect(last.isLocked).toBe(true);
    memory.free(records[0]!);
    expect(memory.take()).toBe(records[0]);
    expect(lock.isLocked).toBe(false);
  });
});

function twoLocks() {
  const { region, fixedAt } = new LockMemory('test', 2 * mutexWords, 0);
  const [outer, inner] = [new Mutex(region, fixedAt), new Mutex(region, fixedAt + mutexWords)];
  return { outer, inner, nested: new NestedLock(outer, inner) };
}

describe('a nested lock', () => {
  it('takes both or none', () => {
    const { outer, inner, nested } = twoLocks();
    expect(nested.tryLock()).toBe(true);
    expect([outer.isLocked, inner.isLocked]).toEqual([true, true]);
    nested.unlock();
    expect([outer.isLocked, inner.isLocked]).toEqual([false, false]);
    inner.lockSync();
    expect(nested.tryLock()).toBe(false);
    expect(() => nested.lockSync()).toThrow();
    expect(outer.isLocked).toBe(false);
    inner.unlock();
    outer.lockSync();
    expect(nested.tryLock()).toBe(false);
    expect(inner.isLocked).toBe(false);
  });

  it('waits for either, and holds none when it gives up', async () => {
    const { outer, inner, nested } = twoLocks();
    outer.lockSync();
    inner.lockSync();
    const locked = nested.lock();
    outer.unlock();
    inner.unlock();
    await locked;
    nested.unlock();
    inner.lockSync();
    const abort = new AbortController();
    const given = nested.lock(abort.signal);
    abort.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    expect(outer.isLocked).toBe(false);
  });
});

describe('the flat index', () => {
  const coordinate = fc.oneof(
    fc.nat(40),
    fc.integer({ min: addressMax - 40, max: addressMax - 1 }),
  );
  const span = fc
    .tuple(coordinate, fc.integer({ min: 1, max: 50 }))
    .map(([start, length]): Span => ({ start, end: Math.min(start + length, addressMax) }));

  it('agrees with brute force, also when it grows and when removed items come back', () => {
    const command = fc.record({ span, pick: fc.nat(), removes: fc.boolean(), range: span });
    const histories = fc.property(fc.array(command, { maxLength: 300 }), (commands) => {
      const index = new FlatIndex<Span>();
      const items = new Map<Span, number>();
      for (const { span: item, pick, removes, range } of commands) {
        if (removes && pick % 3 === 0 && items.size > 0) {
          const [chosen, handle] = [...items][pick % items.size]!;
          index.remove(handle);
          items.delete(chosen);
        } else {
          items.set(item, index.insert(item));
        }
        const hits: Span[] = [];
        index.collect(range, hits);
        const expected = [...items.keys()].filter((each) => overlaps(each, range));
        expect(hits).toHaveLength(expected.length);
        expect(new Set(hits)).toEqual(new Set(expected));
        expect(index.first(range)).toBe(hits[0]);
        expect(index.size).toBe(items.size);
      }
      index.verify();
    });
    const seed = process.env['MMN_SEED'];
    fc.assert(histories, { numRuns: 60, ...(seed === undefined ? {} : { seed: Number(seed) }) });
  });

  it('collects every hit when it has grown and all of it is hit', () => {
    const index = new FlatIndex<Span>();
    const items = Array.from({ length: 200 }, (_, start) => ({ start, end: 300 }));
    for (const item of items) index.insert(item);
    const hits: Span[] = [];
    index.collect({ start: 199, end: 200 }, hits);
    expect(new Set(hits)).toEqual(new Set(items));
  });

  it('refuses a handle of nobody, and an item that changed its span', () => {
    const index = new FlatIndex<{ start: number; end: number }>();
    expect(() => index.remove(0)).toThrow(InvariantError);
    const item = { start: 0, end: 1 };
    index.insert(item);
    item.end = 2;
    expect(() => index.verify()).toThrow(InvariantError);
  });

  it('uses a handle again whose item was removed', () => {
    const index = new FlatIndex<Span>();
    const handle = index.insert({ start: 0, end: 1 });
    index.remove(handle);
    expect(index.insert({ start: 5, end: 6 })).toBe(handle);
  });

  it('verifies its tree, too', () => {
    const verify = vi.spyOn(IntervalTree.prototype, 'verify');
    onTestFinished(() => verify.mockRestore());
    new FlatIndex<Span>().verify();
    expect(verify).toHaveBeenCalledTimes(1);
  });
});
