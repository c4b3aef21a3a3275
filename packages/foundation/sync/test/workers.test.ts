/** The primitives among real worker threads, which block, and the main thread, which does not. */
import { describe, expect, it } from 'vitest';
import { Mutex, Region, RwSemaphore, Srcu, WaitQueue } from '../src/index.ts';
import { At, createShared, poison, slotCount, slots, startJobs, untilReady } from './jobs.ts';

/** For all of a test; nothing in the tests looks at a clock. */
const timeoutMs = 60_000;

describe('worker threads', { timeout: timeoutMs }, () => {
  it.each([
    ['spinLock', 2, 200_000],
    ['spinLock', 4, 20_000],
    ['mutex', 2, 100_000],
    ['mutex', 4, 20_000],
    ['mutexPlain', 3, 10_000],
  ] as const)('lose no count under %s (%i workers)', async (job, workers, operations) => {
    const region = createShared();
    await startJobs(region, job, { workers, operations });
    expect(region.words[At.count]).toBe(workers * operations);
    expect(region.load(At.lock)).toBe(0);
  });

  it.each([2, 4])('never see a write half done under RwSemaphore (%i workers)', async (workers) => {
    const region = createShared();
    const torn = await startJobs(region, 'rwSemaphore', { workers, operations: 3_000 });
    expect(torn).toEqual(Array.from({ length: workers }, () => 0));
    expect(region.words[At.count]).toBe(workers * 1_000);
    expect(region.words[At.otherCount]).toBe(workers * 1_000);
  });

  it.each([2, 3])('lose no wake-up in a wait queue (%i workers in turn)', async (workers) => {
    const region = createShared();
    const operations = 1_000;
    await startJobs(region, 'pingPong', { workers, operations });
    expect(region.load(At.turn)).toBe(workers * operations);
    expect(region.load(At.queue + 1)).toBe(0);
  });

  it('[SRCU-1] never read what a grace period has freed', async () => {
    const region = createShared();
    const srcu = new Srcu(region, At.srcu);
    const readers = startJobs(region, 'srcuReader', { workers: 2, operations: 1_000 });
    await untilReady(region, 2);
    for (let i = 0; i < 3_000; i++) {
      const former = region.load(At.pointer);
      const next = (former + 1) % slotCount;
      region.store(slots + next, i);
      region.store(At.pointer, next);
      if (i % 3 === 0) srcu.synchronizeSync();
      else await srcu.synchronize();
      region.store(slots + former, poison);
    }
    region.store(At.stop, 1);
    expect(await readers).toEqual([0, 0]);
    expect(srcu.synchronize()).toBeUndefined();
  });

  it('have agents of their own', async () => {
    const region = createShared();
    await startJobs(region, 'mutex', { workers: 2, operations: 1 });
    expect(Region.attach(region.memory, 'test').agent).toBe(4);
  });
});

describe('plain forms beside workers that block', { timeout: timeoutMs }, () => {
  it('take a mutex in turn with them', async () => {
    const region = createShared();
    const mutex = new Mutex(region, At.lock);
    const operations = 3_000;
    const others = startJobs(region, 'mutex', { workers: 2, operations });
    await untilReady(region, 2);
    for (let i = 0; i < operations; i++) {
      await mutex.lock();
      region.words[At.count] = region.words[At.count]! + 1;
      if (i % 8 === 0) await new Promise<void>((resolve) => void setImmediate(resolve));
      mutex.unlock();
    }
    await others;
    expect(region.words[At.count]).toBe(3 * operations);
    expect(region.load(At.lock)).toBe(0);
  });

  it('take a rw semaphore in turn with them', async () => {
    const region = createShared();
    const semaphore = new RwSemaphore(region, At.lock);
    const others = startJobs(region, 'rwSemaphore', { workers: 2, operations: 1_500 });
    await untilReady(region, 2);
    let torn = 0;
    for (let i = 0; i < 500; i++) {
      await semaphore.downWrite();
      region.words[At.count] = region.words[At.count]! + 1;
      await undefined;
      region.words[At.otherCount] = region.words[At.otherCount]! + 1;
      semaphore.upWrite();
      await semaphore.downRead();
      if (region.words[At.count] !== region.words[At.otherCount]) torn++;
      semaphore.upRead();
    }
    expect(await others).toEqual([0, 0]);
    expect(torn).toBe(0);
    expect(region.words[At.count]).toBe(500 + 2 * 500);
  });

  it('take turns with them in a wait queue', async () => {
    const region = createShared();
    const queue = new WaitQueue(region, At.queue);
    const operations = 500;
    const other = startJobs(region, 'pingPong', { workers: 1, others: 1, operations });
    for (let round = 0; round < operations; round++) {
      const turn = round * 2 + 1;
      await queue.waitUntil(() => region.load(At.turn) === turn);
      region.store(At.turn, turn + 1);
      queue.wakeAll();
    }
    await other;
    expect(region.load(At.turn)).toBe(2 * operations);
  });

  it('swallow no wake when their wait was aborted and their thread blocks', async () => {
    const region = createShared();
    const mutex = new Mutex(region, At.lock);
    mutex.lockSync();
    const controller = new AbortController();
    const aborted = mutex.lock(controller.signal); // first in the engine's queue
    const other = startJobs(region, 'lockOnce', { workers: 1, operations: 1 });
    await untilReady(region, 1);
    for (let i = 0; i < 50; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    mutex.unlock();
    // From here on this thread's event loop stands still until the worker has had the lock.
    expect(Atomics.wait(region.words, At.turn, 0, timeoutMs)).not.toBe('timed-out');
    await other;
    expect(mutex.isLocked).toBe(false);
  });

  it('do not keep a blocking grace period from its end', async () => {
    const region = createShared();
    const srcu = new Srcu(region, At.srcu);
    const reader = startJobs(region, 'readUntilStop', { workers: 1, operations: 1 });
    await untilReady(region, 1);
    let called = false;
    srcu.call(() => (called = true));
    const plain = srcu.synchronize();
    for (let i = 0; i < 5; i++) await undefined;
    region.store(At.stop, 1);
    Atomics.notify(region.words, At.stop);
    srcu.synchronizeSync();
    expect(called).toBe(false);
    await plain;
    await srcu.barrier();
    expect(called).toBe(true);
    await reader;
  });
});
