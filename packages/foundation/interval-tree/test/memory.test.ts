/* oxlint-disable vitest/expect-expect, vitest/no-conditional-expect -- the helpers assert; the condition is a loop's step */
/** Where a tree may live: any offset, both kinds of memory, several objects, another thread, larger memory. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { IntervalTree } from '../src/index.ts';
import { Checked, FAN_OUTS, LAST_MAX, randomFrom } from './model.ts';

const MEMORIES: Record<string, (byteLength: number) => ArrayBufferLike> = {
  ArrayBuffer: (byteLength) => new ArrayBuffer(byteLength),
  SharedArrayBuffer: (byteLength) => new SharedArrayBuffer(byteLength),
  'resizable ArrayBuffer': (byteLength) =>
    new ArrayBuffer(byteLength, { maxByteLength: 2 * byteLength }),
  'growable SharedArrayBuffer': (byteLength) =>
    new SharedArrayBuffer(byteLength, { maxByteLength: 2 * byteLength }),
};

describe.each(Object.entries(MEMORIES))('%s', (_, allocate) => {
  it('stays within its bytes when it lies between other data', () => {
    const capacity = 100;
    const byteLength = IntervalTree.byteLength(capacity);
    const memory = allocate(byteLength + 128);
    const bytes = new Uint8Array(memory).fill(0xa5);
    bytes.fill(0, 64, 64 + byteLength);
    const checked = new Checked(IntervalTree.create(memory, { capacity, byteOffset: 64 }));
    const random = randomFrom(3n);
    for (let round = 0; round < 2; round++) {
      for (let k = 0; k < capacity; k++) {
        const start = random(1000);
        checked.insert(k, start, start + random(50));
      }
      checked.query(100, 300);
      for (let k = 0; k < capacity; k++) checked.remove(k);
    }
    expect(bytes.subarray(0, 64).every((byte) => byte === 0xa5)).toBe(true);
    expect(bytes.subarray(64 + byteLength).every((byte) => byte === 0xa5)).toBe(true);
  });

  it.each([-1, 1])('is an empty tree when it is laid out over memory full of %d', (word) => {
    const memory = allocate(IntervalTree.byteLength(20));
    new Int32Array(memory).fill(word);
    const checked = new Checked(IntervalTree.create(memory, { capacity: 20 }));
    for (let k = 0; k < 20; k++) checked.insert(k, k, 2 * k);
    checked.query(5, 6);
  });

  it('is the same tree when it is attached to', () => {
    const memory = allocate(IntervalTree.byteLength(50, 4) + 8);
    const one = IntervalTree.create(memory, { capacity: 50, byteOffset: 8, fanOut: 4 });
    const other = IntervalTree.attach(memory, 8);
    for (let k = 0; k < 50; k++) (k % 2 === 0 ? one : other).insert(k, k, k + 2);
    expect(other.capacity).toBe(50);
    expect(other.size).toBe(50);
    for (let k = 0; k < 50; k += 3) (k % 2 === 0 ? other : one).remove(k);
    one.verify();
    other.verify();
    for (let hit = one.first(0, LAST_MAX); hit >= 0; hit = one.next(hit, 0, LAST_MAX)) {
      expect(other.lastOf(hit)).toBe(hit + 2);
    }
  });
});

describe('the layout', () => {
  it.each([
    [1, 16, 1288],
    [17, 16, 2888],
    [65, 16, 6536],
    [1000, 16, 61_344],
    [10_000_000, 16, 588_576_384],
    [1000, 4, 392_736],
  ])('takes for %d intervals at fan-out %d as many bytes as version 1 always has', (...row) => {
    const [capacity, fanOut, byteLength] = row; // the table of handles is behind the nodes, at their number
    expect(IntervalTree.byteLength(capacity, fanOut)).toBe(byteLength);
  });
});

describe('a worker thread', () => {
  it('reads and changes the tree when it attaches to the same SharedArrayBuffer', async () => {
    const memory = new SharedArrayBuffer(IntervalTree.byteLength(100) + 64);
    const tree = IntervalTree.create(memory, { capacity: 100, byteOffset: 64 });
    for (let k = 0; k < 50; k++) tree.insert(k, 100 * k, 100 * k + 149);
    const worker = new Worker(new URL('attach-worker.ts', import.meta.url), {
      workerData: { memory, byteOffset: 64 },
    });
    const [seen] = (await once(worker, 'message')) as [{ hits: number[]; size: number }];
    await worker.terminate();
    expect(seen).toEqual({ hits: [9, 10, 11, 12], size: 50 });
    expect(tree.size).toBe(75);
    tree.verify();
    expect(tree.has(0)).toBe(false);
    expect(tree.startOf(99)).toBe(9900);
  });
});

describe('moveTo', () => {
  it.each(FAN_OUTS)(
    'keeps the tree when it grows again and again at its edge, at fan-out %i',
    (fanOut) => {
      const random = randomFrom(4n);
      let capacity = 1;
      let checked = Checked.create(capacity, fanOut);
      for (let k = 0; k < 300; k++) {
        if (k === capacity) {
          const before = checked.query(0, LAST_MAX);
          capacity = Math.ceil(capacity * 1.5);
          const memory = new SharedArrayBuffer(IntervalTree.byteLength(capacity, fanOut) + 16);
          const grown = new Checked(checked.tree.moveTo(memory, { capacity, byteOffset: 16 }));
          grown.rows.push(...checked.rows);
          checked = grown;
          checked.tree.verify();
          expect(checked.tree.capacity).toBe(capacity);
          expect(checked.query(0, LAST_MAX)).toEqual(before);
        }
        const start = random(LAST_MAX);
        checked.insert(k, start, start + random(LAST_MAX - start + 1));
        if (k % 7 === 6) checked.remove(k - 3);
        if (k % 7 === 6) checked.insert(k - 3, k, k);
      }
      while (checked.rows[0] !== undefined) checked.remove(checked.rows[0].handle);
    },
  );

  it('moves within one memory when old and new lie side by side', () => {
    const byteLength = IntervalTree.byteLength(4);
    const memory = new ArrayBuffer(byteLength + IntervalTree.byteLength(8));
    const tree = IntervalTree.create(memory, { capacity: 4 });
    tree.insert(2, 5, 6);
    const moved = tree.moveTo(memory, { capacity: 8, byteOffset: byteLength });
    moved.verify();
    expect(moved.first(0, 9)).toBe(2);
  });
});
