/**
 * Run by fast-path.test.ts with --expose-gc and a large young generation: prints, for each operation, how many bytes of heap one costs when it need
 * not wait. Less than one byte means none: what is measured besides is the measuring.
 */
import {
  headerWords,
  Mutex,
  Region,
  RwSemaphore,
  SpinLock,
  Srcu,
  WaitQueue,
} from '../src/index.ts';

const operations = 100_000;
const always = (): boolean => true;
const results: Record<string, number> = {};

for (const Memory of [ArrayBuffer, SharedArrayBuffer]) {
  const region = Region.create({ kind: 'test', capacity: 1, byteLength: 256 }, new Memory(256));
  const spin = new SpinLock(region, headerWords);
  const mutex = new Mutex(region, headerWords + 1);
  const semaphore = new RwSemaphore(region, headerWords + 2);
  const srcu = new Srcu(region, headerWords + 6);
  const queue = new WaitQueue(region, headerWords + 10);

  const measured: Record<string, () => void> = {
    'spin lock': () => {
      spin.lock();
      spin.unlock();
    },
    mutex: () => {
      if (mutex.lock() !== undefined) throw new Error('a promise');
      mutex.unlock();
    },
    'mutex, Sync': () => {
      mutex.lockSync();
      mutex.unlock();
    },
    'rw semaphore': () => {
      if (semaphore.downRead() !== undefined) throw new Error('a promise');
      semaphore.upRead();
      if (semaphore.downWrite() !== undefined) throw new Error('a promise');
      semaphore.upWrite();
    },
    srcu: () => {
      srcu.readUnlock(srcu.readLock());
      if (srcu.synchronize() !== undefined) throw new Error('a promise');
    },
    'wait queue': () => {
      if (queue.waitUntil(always) !== undefined) throw new Error('a promise');
      queue.wakeAll();
    },
  };
  for (const [name, act] of Object.entries(measured)) {
    results[`${name} in ${Memory.name}`] = bytesOf(act);
  }
}
results['a promise, for comparison'] = bytesOf(() => void Promise.resolve());
console.log(JSON.stringify(results));

function bytesOf(act: () => void): number {
  let least = Infinity;
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < operations; i++) act();
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / operations);
  }
  return least;
}
