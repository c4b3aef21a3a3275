/**
 * Run by fast-path.test.ts with --expose-gc and a large young generation: prints, for each operation, how many bytes
 * of heap one costs when nobody has to wait. Less than one byte means none: the rest is the measuring.
 */
import { hlistSrcu, type HlistNotifier } from '../src/index.ts';

const operations = 50_000;
const range = { start: 0, end: 4096 };
const install = (): void => {};
const results: Record<string, number> = {};

function create(Memory: ArrayBufferConstructor | SharedArrayBufferConstructor): HlistNotifier {
  return Memory === ArrayBuffer
    ? hlistSrcu.create()
    : hlistSrcu.create({ memory: new SharedArrayBuffer(hlistSrcu.byteLength(8)) });
}

function section(notifier: HlistNotifier): void {
  const invalidation = notifier.invalidateRangeStart(range);
  if (typeof invalidation !== 'number') throw new Error('a promise');
  if (notifier.invalidateRangeEnd(invalidation) !== undefined) throw new Error('a promise');
}

for (const Memory of [ArrayBuffer, SharedArrayBuffer]) {
  const notifier = create(Memory);
  notifier.registerOps(1, { invalidate: () => {} });
  results[`section without subscribers in ${Memory.name}`] = bytesOf(() => section(notifier));
  const subscriptions = [1, 2, 3].map((cookie) => notifier.subscribeSync(range, 1, { cookie }));
  results[`section with three in ${Memory.name}`] = bytesOf(() => section(notifier));
  results[`section in …Sync in ${Memory.name}`] = bytesOf(() => {
    notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(range));
  });
  results[`non-blockable section in ${Memory.name}`] = bytesOf(() => {
    void notifier.invalidateRangeEnd(notifier.tryInvalidateRangeStart(range)!);
  });
  results[`fault in ${Memory.name}`] = bytesOf(() => {
    const seq = subscriptions[0]!.readBegin();
    if (typeof seq !== 'number') throw new Error('a promise');
    if (subscriptions[0]!.publish(seq, install) !== true) throw new Error('a promise');
  });
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
