/** Orders of insertion and removal, duplicates, and the ends of the space. */
import { describe, expect, it } from 'vitest';
import { IntervalTree } from '../src/index.ts';
import { Checked, FAN_OUTS, LAST_MAX, randomFrom } from './model.ts';

const COUNT = 96;

const ORDERS: Record<string, (n: number) => number[]> = {
  ascending: (n) => Array.from({ length: n }, (_, k) => k),
  descending: (n) => Array.from({ length: n }, (_, k) => n - 1 - k),
  'from both ends': (n) =>
    Array.from({ length: n }, (_, k) => (k % 2 === 0 ? k / 2 : n - 1 - (k >> 1))),
  'from the middle': (n) =>
    Array.from({ length: n }, (_, k) => (k % 2 === 0 ? n / 2 + k / 2 : n / 2 - 1 - (k >> 1))),
  'with a stride': (n) => Array.from({ length: n }, (_, k) => (k * 37) % n),
  shuffled: (n) => {
    const random = randomFrom(1n);
    const order = Array.from({ length: n }, (_, k) => k);
    for (let k = n - 1; k > 0; k--) {
      const j = random(k + 1);
      [order[k], order[j]] = [order[j] ?? 0, order[k] ?? 0];
    }
    return order;
  },
};

describe.each(FAN_OUTS)('updates at fan-out %i', (fanOut) => {
  for (const [inserted, insertOrder] of Object.entries(ORDERS)) {
    for (const [removed, removeOrder] of Object.entries(ORDERS)) {
      it(`holds when intervals are inserted ${inserted} and removed ${removed}`, () => {
        const checked = Checked.create(COUNT, fanOut);
        for (const k of insertOrder(COUNT)) checked.insert(k, 10 * k, 10 * k + ((k * 7) % 45));
        for (const [n, k] of removeOrder(COUNT).entries()) {
          if (n % 20 === 0) checked.query(10 * k - (k > 0 ? 5 : 0), 10 * k + 60);
          checked.remove(k);
        }
        expect(checked.query(0, LAST_MAX)).toEqual([]);
      });
    }
  }

  it('keeps its table when nodes are joined whose names are handles, too', () => {
    const count = 2000;
    const memory = new ArrayBuffer(IntervalTree.byteLength(count, fanOut));
    const tree = IntervalTree.create(memory, { capacity: count, fanOut });
    const random = randomFrom(7n);
    for (let k = 0; k < count; k++) tree.insert(k, random(LAST_MAX), LAST_MAX);
    // From the left on, which takes nodes of every level away before others.
    const inOrder: number[] = [];
    for (let hit = tree.first(0, LAST_MAX); hit >= 0; hit = tree.next(hit, 0, LAST_MAX)) {
      inOrder.push(hit);
    }
    for (const [n, handle] of inOrder.entries()) {
      tree.remove(handle);
      if (n % 16 === 0) tree.verify();
    }
    expect(tree.size).toBe(0);
  });

  it('keeps the order of insertion when starts are equal', () => {
    const checked = Checked.create(COUNT, fanOut);
    const order = ORDERS['shuffled']?.(COUNT) ?? [];
    for (const handle of order) checked.insert(handle, 5, 5 + (handle % 3));
    expect(checked.query(0, 100)).toEqual(order);
    expect(checked.query(7, 7)).toEqual(order.filter((handle) => handle % 3 === 2));
    for (const handle of order.slice(0, 70)) checked.remove(handle);
    expect(checked.query(0, 100)).toEqual(order.slice(70));
  });

  it('fits its memory when ascending inserts are thinned out to the least', () => {
    const checked = Checked.create(COUNT, fanOut);
    for (let round = 0; round < 3; round++) {
      for (let k = 0; k < COUNT; k++) checked.insert(k, k, k);
      for (let k = 0; k < COUNT; k++) if (k % fanOut !== 0) checked.remove(k);
      for (let k = 0; k < COUNT; k++) {
        if (!checked.tree.has(k)) checked.insert(k, (k * 17) % COUNT, LAST_MAX);
      }
      for (const { handle } of checked.rows.slice()) checked.remove(handle);
    }
    expect(checked.tree.size).toBe(0);
  });
});

describe('ends', () => {
  it('does not hit when intervals touch without sharing an integer', () => {
    const checked = Checked.create(4, 16);
    checked.insert(0, 10, 19);
    checked.insert(1, 20, 29);
    expect(checked.query(0, 9)).toEqual([]);
    expect(checked.query(19, 19)).toEqual([0]);
    expect(checked.query(20, 20)).toEqual([1]);
    expect(checked.query(19, 20)).toEqual([0, 1]);
    expect(checked.query(30, 99)).toEqual([]);
  });

  it('tells neighbours apart when they lie at 0 and at 2^53-1', () => {
    const checked = Checked.create(8, 16);
    checked.insert(0, 0, 0);
    checked.insert(1, LAST_MAX, LAST_MAX);
    checked.insert(2, LAST_MAX - 1, LAST_MAX - 1);
    checked.insert(3, 0, LAST_MAX);
    checked.insert(4, 1, 1);
    expect(checked.query(0, 0)).toEqual([0, 3]);
    expect(checked.query(1, 1)).toEqual([3, 4]);
    expect(checked.query(LAST_MAX, LAST_MAX)).toEqual([3, 1]);
    expect(checked.query(LAST_MAX - 1, LAST_MAX - 1)).toEqual([3, 2]);
    expect(checked.query(0, LAST_MAX)).toEqual([0, 3, 4, 2, 1]);
    expect(checked.query(0, Infinity)).toEqual([0, 3, 4, 2, 1]);
  });

  it('reads back 0 when -0 was given', () => {
    const checked = Checked.create(2, 16);
    checked.insert(0, -0, 5);
    expect(Object.is(checked.tree.startOf(0), 0)).toBe(true);
    checked.insert(1, -0, -0);
    expect(Object.is(checked.tree.lastOf(1), 0)).toBe(true);
  });
});

describe('collect', () => {
  it('fills the array and goes on from its last handle when there are more hits than room', () => {
    const checked = Checked.create(100, 4);
    for (let k = 0; k < 100; k++) checked.insert(k, k, k + 50);
    const expected = checked.query(30, 70);
    for (const room of [1, 2, 7, 40, 70, 71, 100]) {
      const into = new Int32Array(room);
      const written = checked.tree.collect(30, 70, into);
      expect(written).toBe(Math.min(room, expected.length));
      expect([...into.subarray(0, written)]).toEqual(expected.slice(0, written));
      expect(checked.tree.next(into[written - 1] ?? -1, 30, 70)).toBe(expected[written] ?? -1);
    }
    expect(checked.tree.collect(30, 70, new Int32Array(0))).toBe(0);
  });
});

describe.each(FAN_OUTS)('collect at fan-out %i, in a tree of many levels', (fanOut) => {
  it('finds all that a range reaches over', () => {
    const count = 6000;
    const memory = new ArrayBuffer(IntervalTree.byteLength(count, fanOut));
    const tree = IntervalTree.create(memory, { capacity: count, fanOut });
    const handles = Int32Array.from({ length: count }, (_, k) => k);
    const starts = Float64Array.from(handles, (k) => 10 * k);
    tree.load(handles, starts, starts);
    const into = new Int32Array(count);
    for (let from = 0; from < count; from += 97) {
      for (const length of [1, 20, 300, 2500]) {
        const to = Math.min(from + length, count);
        const hits = tree.collect(10 * from - (from > 0 ? 9 : 0), 10 * to - 1, into);
        expect([hits, into[0], into[hits - 1]]).toEqual([to - from, from, to - 1]);
      }
    }
  });
});

describe('walks', () => {
  it('do not disturb one another when they are interleaved on one tree', () => {
    const checked = Checked.create(150, 5);
    const random = randomFrom(2n);
    for (let k = 0; k < 150; k++) {
      const start = random(500);
      checked.insert(k, start, start + random(60));
    }
    const queries = Array.from({ length: 12 }, (_, k) => ({
      start: 40 * k,
      last: 40 * k + 30 * (k % 5),
    }));
    const expected = queries.map(({ start, last }) => checked.query(start, last));
    const walked: number[][] = queries.map(() => []);
    const at = queries.map(({ start, last }) => checked.tree.first(start, last));
    while (at.some((handle) => handle >= 0)) {
      const k = random(queries.length);
      const [query, handle] = [queries[k], at[k]];
      if (query === undefined || handle === undefined || handle < 0) continue;
      walked[k]?.push(handle);
      at[k] = checked.tree.next(handle, query.start, query.last);
    }
    expect(walked).toEqual(expected);
  });

  it('go on when what lies before and after the handle they stand on has changed', () => {
    const checked = Checked.create(64, 4);
    for (let k = 0; k < 32; k++) checked.insert(k, 10 * k, 10 * k + 5);
    let handle = checked.tree.first(0, 1000);
    while (handle < 15) handle = checked.tree.next(handle, 0, 1000);
    for (let k = 0; k < 32; k++) if (k !== 15 && k !== 30) checked.remove(k);
    for (let k = 32; k < 64; k++) checked.insert(k, k, k);
    checked.insert(0, 200, 201);
    expect(checked.tree.next(15, 0, 1000)).toBe(0);
    expect(checked.tree.next(0, 0, 1000)).toBe(30);
    expect(checked.tree.next(30, 0, 1000)).toBe(-1);
  });
});
