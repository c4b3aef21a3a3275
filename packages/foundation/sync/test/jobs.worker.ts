/**
 * What a worker thread does in the shared-memory tests. Each job ends by itself, after a number of operations or when
 * the main thread raises `stop`; the worker then posts the job's result.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Mutex, Region, RwSemaphore, SpinLock, Srcu, WaitQueue } from '../src/index.ts';
import { At, poison, slots, type JobData } from './jobs.ts';

const { memory, job, worker, workers, started, operations } = workerData as JobData;
const region = Region.attach(memory, 'test');

/** Not atomic, so that two who are inside together lose counts. */
function countPlainly(): void {
  region.words[At.count] = region.words[At.count]! + 1;
}

function takeTurn(queue: WaitQueue, turn: number): void {
  queue.waitUntilSync(() => region.load(At.turn) === turn);
  region.store(At.turn, turn + 1);
  queue.wakeAll();
}

/** Until all workers are here: threads that run one after the other would show nothing. */
function meet(): void {
  region.add(At.ready, 1);
  Atomics.notify(region.words, At.ready);
  for (;;) {
    const here = region.load(At.ready);
    if (here >= started) return;
    Atomics.wait(region.words, At.ready, here);
  }
}

const jobs: Record<JobData['job'], () => number | Promise<number>> = {
  spinLock() {
    meet();
    const lock = new SpinLock(region, At.lock);
    for (let i = 0; i < operations; i++) {
      lock.lock();
      countPlainly();
      lock.unlock();
    }
    return operations;
  },

  mutex() {
    meet();
    const mutex = new Mutex(region, At.lock);
    for (let i = 0; i < operations; i++) {
      if (i % 4 !== 0 || !mutex.tryLock()) mutex.lockSync();
      countPlainly();
      mutex.unlock();
    }
    return operations;
  },

  async mutexPlain() {
    meet();
    const mutex = new Mutex(region, At.lock);
    for (let i = 0; i < operations; i++) {
      await mutex.lock();
      countPlainly();
      if (i % 16 === 0) await undefined;
      mutex.unlock();
    }
    return operations;
  },

  /** Writers keep two words equal, readers check it; returns how often they were not. */
  rwSemaphore() {
    meet();
    const semaphore = new RwSemaphore(region, At.lock);
    let torn = 0;
    for (let i = 0; i < operations; i++) {
      if ((i + worker) % 3 === 0) {
        semaphore.downWriteSync();
        countPlainly();
        region.words[At.otherCount] = region.words[At.otherCount]! + 1;
        semaphore.upWrite();
      } else {
        semaphore.downReadSync();
        if (region.words[At.count] !== region.words[At.otherCount]) torn++;
        semaphore.upRead();
      }
    }
    return torn;
  },

  /** The workers take turns, round and round. */
  pingPong() {
    meet();
    const queue = new WaitQueue(region, At.queue);
    for (let round = 0; round < operations; round++) takeTurn(queue, round * workers + worker);
    return operations;
  },

  /** Reads through a pointer in nested sections; returns how often what it read had been freed. */
  srcuReader() {
    const srcu = new Srcu(region, At.srcu);
    let freed = 0;
    for (let reads = 0; reads < operations || region.load(At.stop) === 0; reads++) {
      const outer = srcu.readLock();
      const slot = slots + region.load(At.pointer);
      const inner = srcu.readLock();
      if (region.load(slot) === poison) freed++;
      srcu.readUnlock(inner);
      if (region.load(slot) === poison) freed++;
      srcu.readUnlock(outer);
      if (reads === 0) region.add(At.ready, 1);
    }
    return freed;
  },

  /** Says that it is about to block for the lock, takes it, says that it has it. */
  lockOnce() {
    const mutex = new Mutex(region, At.lock);
    region.add(At.ready, 1);
    mutex.lockSync();
    region.store(At.turn, 1);
    Atomics.notify(region.words, At.turn);
    mutex.unlock();
    return 1;
  },

  /** Holds a read section until the main thread is about to block. */
  readUntilStop() {
    const srcu = new Srcu(region, At.srcu);
    const side = srcu.readLock();
    region.add(At.ready, 1);
    Atomics.wait(region.words, At.stop, 0);
    srcu.readUnlock(side);
    return 1;
  },
};

const result = await jobs[job]();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread's port has none
parentPort?.postMessage(result);
