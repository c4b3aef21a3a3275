/** The sleeping lock and the spin lock among tasks of one event loop, in both kinds of memory. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerWords, Mutex, SpinLock } from '../src/index.ts';
import { createRegion, memories } from './memories.ts';
import { seeded } from './seed.ts';
import { finished, isSettledSoon, patiently, runTasks, taskMix, turns } from './tasks.ts';
import { thrownBy } from './thrown.ts';

const index = headerWords;

describe.each(memories)('Mutex in $memory', (memory) => {
  it('excludes tasks, loses no wake-up and is free in the end, whoever gives up waiting', async () => {
    await fc.assert(
      fc.asyncProperty(taskMix, async (tasks) => {
        const region = createRegion(memory);
        // Two objects over one word are one lock.
        const mutexes = [new Mutex(region, index), new Mutex(region, index)];
        let inside = 0;
        let visits = 0;
        let gaveUp = 0;
        await runTasks(tasks, async (visit, task) => {
          const mutex = mutexes[task % 2]!;
          if (visit.how === 0) {
            if (!mutex.tryLock()) return;
          } else if (!(await patiently(visit, (signal) => mutex.lock(signal)))) {
            gaveUp++;
            return;
          }
          if (++inside !== 1) throw new Error('two tasks are inside');
          if (!mutex.isLocked) throw new Error('it says that it is free');
          await turns(visit.hold);
          inside--;
          visits++;
          mutex.unlock();
        });
        expect(region.load(index)).toBe(0);
        expect(visits + gaveUp).toBeLessThanOrEqual(tasks.flat().length);
      }),
      { ...seeded, numRuns: memory.shared ? 50 : 200 },
    );
  });

  it('returns no promise when it is free', () => {
    const mutex = new Mutex(createRegion(memory), index);
    expect(mutex.lock()).toBeUndefined();
    expect(mutex.tryLock()).toBe(false);
    mutex.unlock();
    expect(mutex.isLocked).toBe(false);
  });

  it('does not hold the lock when its wait was aborted, and hands the wake on', async () => {
    const mutex = new Mutex(createRegion(memory), index);
    await mutex.lock();
    const controller = new AbortController();
    const reason = new Error('enough');
    const first = mutex.lock(controller.signal);
    const second = mutex.lock();
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(await isSettledSoon(second)).toBe(false);
    mutex.unlock();
    await finished(Promise.resolve(second));
    mutex.unlock();
    expect(mutex.isLocked).toBe(false);
  });

  it('hands on a wake that comes in the same turn as the abort', async () => {
    const mutex = new Mutex(createRegion(memory), index);
    await mutex.lock();
    const controller = new AbortController();
    const first = mutex.lock(controller.signal);
    const second = mutex.lock();
    mutex.unlock();
    controller.abort(new Error('enough'));
    const outcome = await Promise.resolve(first).then(
      () => mutex.unlock(),
      () => {},
    );
    expect(outcome).toBeUndefined();
    await finished(Promise.resolve(second));
    mutex.unlock();
    expect(mutex.isLocked).toBe(false);
  });

  it('rejects at once when the signal was aborted before, but takes what is free', async () => {
    const mutex = new Mutex(createRegion(memory), index);
    const signal = AbortSignal.abort(new Error('enough'));
    expect(mutex.lock(signal)).toBeUndefined();
    await expect(mutex.lock(signal)).rejects.toThrow('enough');
    mutex.unlock();
  });

  it('refuses an unlock when it is free, and stays usable', () => {
    const mutex = new Mutex(createRegion(memory), index, 'page table');
    expect(thrownBy(() => mutex.unlock())).toEqual({
      code: 'MMN_LOCK',
      message: "expected 'page table' to be held, got it free",
    });
    expect(mutex.tryLock()).toBe(true);
  });
});

describe('Mutex in one event loop', () => {
  it('takes what is free in its Sync form, and refuses to wait for ever otherwise', async () => {
    const mutex = new Mutex(createRegion(memories[0]!), index);
    mutex.lockSync();
    expect(thrownBy(() => mutex.lockSync()).code).toBe('MMN_WOULD_BLOCK');
    const waited = mutex.lock();
    mutex.unlock();
    await finished(Promise.resolve(waited));
    mutex.unlock();
    expect(mutex.isLocked).toBe(false);
  });

  it('lets waiters in by the order in which they came', async () => {
    const mutex = new Mutex(createRegion(memories[0]!), index);
    mutex.lockSync();
    const order: number[] = [];
    const waiters = [1, 2, 3, 4].map(async (name) => {
      await mutex.lock();
      order.push(name);
      mutex.unlock();
    });
    mutex.unlock();
    await finished(Promise.all(waiters));
    expect(order).toEqual([1, 2, 3, 4]);
  });
});

describe.each(memories)('SpinLock in $memory', (memory) => {
  it('is held from lock to unlock, with the number of its agent in the word', () => {
    const region = createRegion(memory);
    const lock = new SpinLock(region, index);
    lock.lock();
    expect(region.load(index)).toBe(region.agent);
    expect(lock.tryLock()).toBe(false);
    lock.unlock();
    expect(region.load(index)).toBe(0);
    expect(lock.tryLock()).toBe(true);
    lock.unlock();
    lock.lockSync();
    expect(lock.tryLock()).toBe(false);
  });
});

describe('SpinLock in one event loop', () => {
  it('refuses to spin for ever, and an unlock when it is free', () => {
    const lock = new SpinLock(createRegion(memories[0]!), index, 'tree');
    expect(thrownBy(() => lock.unlock())).toEqual({
      code: 'MMN_LOCK',
      message: "expected 'tree' to be held, got it free",
    });
    lock.lock();
    expect(thrownBy(() => lock.lock())).toEqual({
      code: 'MMN_LOCK',
      message: "expected 'tree' to be free, got it held: in one event loop it would spin for ever",
    });
    lock.unlock();
    expect(lock.tryLock()).toBe(true);
  });
});
