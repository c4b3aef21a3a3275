/**
 * Run by fast-path.test.ts with --expose-gc and a large young generation: prints, for each operation, how many bytes of
 * heap one costs when it need not wait. Less than one byte means none: what is measured besides is the measuring.
 */
import { interval } from '../src/variants.ts';

const operations = 100_000;
const results: Record<string, number> = {};
const install = (): void => {};

for (const [kind, base, variant] of [
  ['event-loop', 0, 'landed'],
  ['shared-memory', 0, 'landed'],
  ['event-loop', 0, 'scoped'],
  ['shared-memory', 0, 'scoped'],
  ['event-loop', 0, 'local'],
  ['event-loop', 2 ** 46, 'landed'],
  ['event-loop', 2 ** 46, 'scoped'],
  ['event-loop', 2 ** 46, 'local'],
] as const) {
  const range = { start: base, end: base + 10 };
  const elsewhere = { start: base + 1_000, end: base + 1_010 };
  const capacity = 64;
  const notifier =
    kind === 'event-loop'
      ? interval.create({ capacity, variant })
      : interval.create({
          capacity,
          variant,
          memory: new SharedArrayBuffer(interval.byteLength(capacity, variant)),
        });
  const ops = { invalidate: (): boolean => true };
  notifier.registerOps(0, ops);
  const subscriptions = Array.from({ length: 32 }, (_, i) =>
    notifier.subscribe(
      { start: base + 8 * i, end: base + 8 * i + 16 },
      kind === 'event-loop' ? ops : 0,
    ),
  );
  const subscription = subscriptions[0]!;

  const measured: Record<string, () => void> = {
    'start and end, miss': () => {
      const invalidation = notifier.invalidateRangeStart(elsewhere);
      if (typeof invalidation !== 'number') throw new Error('a promise');
      if (notifier.invalidateRangeEnd(invalidation) !== undefined) throw new Error('a promise');
    },
    'start and end, hit': () => {
      const invalidation = notifier.invalidateRangeStart(range);
      if (typeof invalidation !== 'number') throw new Error('a promise');
      if (notifier.invalidateRangeEnd(invalidation) !== undefined) throw new Error('a promise');
    },
    'start and end, hit, Sync': () => {
      notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(range));
    },
    'try and end, hit': () => {
      notifier.invalidateRangeEndSync(notifier.tryInvalidateRangeStart(range)!);
    },
    'readBegin and publish': () => {
      const seq = subscription.readBegin();
      if (typeof seq !== 'number') throw new Error('a promise');
      if (subscription.checkRetry(seq)) throw new Error('a collision');
      if (subscription.publish(seq, install) !== true) throw new Error('a promise, or refused');
    },
    'readBegin and publish, Sync': () => {
      if (!subscription.publishSync(subscription.readBeginSync(), install))
        throw new Error('refused');
    },
  };
  const where = `${variant}, ${base === 0 ? kind : 'far addresses'}`;
  for (const [name, act] of Object.entries(measured)) results[`${name}, ${where}`] = bytesOf(act);
  notifier.verify();
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
