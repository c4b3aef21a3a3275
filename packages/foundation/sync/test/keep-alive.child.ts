/**
 * Run by keep-alive.test.ts as a process of its own, which must live exactly as long as somebody waits.
 *
 * `wait`: waits for a worker that does not keep the process alive. `abort`: gives up waiting, and has nothing left to do.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { headerWords, Region, WaitQueue } from '../src/index.ts';

const flag = headerWords + 8;
const waitersAt = headerWords + 1;

if (isMainThread) {
  const description = { kind: 'test', capacity: 1, byteLength: 256 };
  const region = Region.create(description, new SharedArrayBuffer(256));
  const queue = new WaitQueue(region, headerWords);
  if (process.argv[2] === 'wait') {
    new Worker(new URL(import.meta.url), { workerData: region.memory }).unref();
    await queue.waitUntil(() => region.load(flag) === 1);
    console.log('woken');
  } else {
    const controller = new AbortController();
    const waited = queue.waitUntil(() => false, controller.signal);
    controller.abort(new Error('enough'));
    await waited?.catch(() => console.log('aborted'));
  }
} else {
  const region = Region.attach(workerData as SharedArrayBuffer, 'test');
  const queue = new WaitQueue(region, headerWords);
  while (region.load(waitersAt) === 0) Atomics.wait(region.words, waitersAt, 0, 1);
  region.store(flag, 1);
  queue.wakeAll();
}
