/* oxlint-disable vitest/expect-expect -- the helpers assert */
/** Every code, what the message says, and that the tree is as it was. */
import { describe, expect, it } from 'vitest';
import { IntervalTree, IntervalTreeError, type IntervalTreeErrorCode } from '../src/index.ts';
import { Checked, LAST_MAX } from './model.ts';

function expectError(act: () => unknown, code: IntervalTreeErrorCode, message: RegExp): void {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(IntervalTreeError);
  expect(thrown).toBeInstanceOf(RangeError);
  expect(thrown).toMatchObject({ code, name: 'IntervalTreeError' });
  expect((thrown as IntervalTreeError).message).toMatch(message);
}

function filled(): Checked {
  const checked = Checked.create(40, 4);
  for (let k = 0; k < 30; k++) checked.insert(k, 10 * k, 10 * k + 15);
  return checked;
}

/** Runs the wrong call on a tree, and checks that it changed nothing. */
function refuses(
  act: (tree: IntervalTree) => unknown,
  code: IntervalTreeErrorCode,
  message: RegExp,
): void {
  const checked = filled();
  const before = checked.query(0, LAST_MAX);
  expectError(() => act(checked.tree), code, message);
  checked.tree.verify();
  expect(checked.query(0, LAST_MAX)).toEqual(before);
}

describe('MMN_TREE_HANDLE', () => {
  it.each([-1, 40, 1.5, NaN, Infinity, 2 ** 32, -(2 ** 32)])(
    'is thrown when the handle is %d',
    (handle) => {
      const message = new RegExp(`expected a handle from 0 to 39, got ${handle}`);
      refuses((tree) => tree.insert(handle, 0, 1), 'MMN_TREE_HANDLE', message);
      refuses((tree) => tree.remove(handle), 'MMN_TREE_HANDLE', message);
      refuses((tree) => tree.has(handle), 'MMN_TREE_HANDLE', message);
      refuses((tree) => tree.startOf(handle), 'MMN_TREE_HANDLE', message);
      refuses((tree) => tree.lastOf(handle), 'MMN_TREE_HANDLE', message);
      refuses((tree) => tree.next(handle, 0, 1), 'MMN_TREE_HANDLE', message);
    },
  );
});

describe('MMN_TREE_PRESENT', () => {
  it('is thrown when the handle is in the tree already', () => {
    refuses(
      (tree) => tree.insert(3, 0, 1),
      'MMN_TREE_PRESENT',
      /got handle 3, which is in the tree already/,
    );
  });
});

describe('MMN_TREE_ABSENT', () => {
  it('is thrown when the handle is not in the tree', () => {
    const message = /got handle 35, which is not in the tree/;
    refuses((tree) => tree.remove(35), 'MMN_TREE_ABSENT', message);
    refuses((tree) => tree.startOf(35), 'MMN_TREE_ABSENT', message);
    refuses((tree) => tree.lastOf(35), 'MMN_TREE_ABSENT', message);
    refuses((tree) => tree.next(35, 0, 1), 'MMN_TREE_ABSENT', message);
  });
});

describe('MMN_TREE_INTERVAL', () => {
  it.each([
    [5, 4],
    [0.5, 4],
    [0, 4.5],
    [-1, 4],
    [0, LAST_MAX + 1],
    [0, Infinity],
    [NaN, 4],
    [0, NaN],
  ])('is thrown when [%d, %d] is inserted', (start, last) => {
    refuses(
      (tree) => tree.insert(35, start, last),
      'MMN_TREE_INTERVAL',
      /expected integers 0 <= start <= last <= 2\^53-1, got \[/,
    );
  });

  it.each([
    [5, 4],
    [-1, 4],
    [NaN, 4],
    [0, NaN],
  ])('is thrown when [%d, %d] is searched for', (start, last) => {
    const message = /expected a query with 0 <= start <= last, got \[/;
    refuses((tree) => tree.first(start, last), 'MMN_TREE_INTERVAL', message);
    refuses((tree) => tree.next(3, start, last), 'MMN_TREE_INTERVAL', message);
    refuses((tree) => tree.collect(start, last, new Int32Array(1)), 'MMN_TREE_INTERVAL', message);
  });
});

describe('MMN_TREE_FULL', () => {
  it.each([1, 3])(
    'is thrown when all of %d handles are in use and one more is inserted',
    (count) => {
      const checked = Checked.create(count, 16);
      for (let k = 0; k < count; k++) checked.insert(k, k, k);
      expectError(
        () => checked.tree.insert(count, 0, 1),
        'MMN_TREE_FULL',
        new RegExp(`at most ${count} intervals, which the tree holds, got handle ${count}`),
      );
      checked.query(0, LAST_MAX);
    },
  );
});

describe('MMN_TREE_CAPACITY', () => {
  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 31])('is thrown when the capacity is %d', (capacity) => {
    const message = /expected a capacity from 1 to/;
    expectError(() => IntervalTree.byteLength(capacity), 'MMN_TREE_CAPACITY', message);
    expectError(
      () => IntervalTree.create(new ArrayBuffer(1024), { capacity }),
      'MMN_TREE_CAPACITY',
      message,
    );
  });

  it.each([3, 17, 4.5, NaN])('is thrown when the fan-out is %d', (fanOut) => {
    expectError(
      () => IntervalTree.byteLength(1, fanOut),
      'MMN_TREE_CAPACITY',
      /expected a fan-out from 4 to 16/,
    );
  });

  it('is thrown when a tree is moved to less capacity or to another fan-out', () => {
    const memory = new ArrayBuffer(10_000);
    refuses(
      (tree) => tree.moveTo(memory, { capacity: 39 }),
      'MMN_TREE_CAPACITY',
      /at least 40, as now, got 39/,
    );
    refuses(
      (tree) => tree.moveTo(memory, { capacity: 50, fanOut: 8 }),
      'MMN_TREE_CAPACITY',
      /fan-out 4, which the tree has/,
    );
  });
});

describe('MMN_TREE_MEMORY', () => {
  const need = IntervalTree.byteLength(10);

  it('is thrown when the memory is one byte too small', () => {
    const memory = new ArrayBuffer(need + 7);
    const message = new RegExp(
      `expected ${need} bytes from byte 8 on, which 10 intervals need, got memory that ends at byte ${need + 7}`,
    );
    expectError(
      () => IntervalTree.create(memory, { capacity: 10, byteOffset: 8 }),
      'MMN_TREE_MEMORY',
      message,
    );
  });

  it.each([4, -8, 1.5, NaN])('is thrown when byteOffset is %d', (byteOffset) => {
    const memory = new ArrayBuffer(2 * need);
    const message = /expected a byteOffset that is a multiple of 8/;
    expectError(
      () => IntervalTree.create(memory, { capacity: 10, byteOffset }),
      'MMN_TREE_MEMORY',
      message,
    );
    expectError(() => IntervalTree.attach(memory, byteOffset), 'MMN_TREE_MEMORY', message);
  });

  it('is thrown when there is nothing, something else, or another version to attach to', () => {
    const memory = new ArrayBuffer(need);
    expectError(
      () => IntervalTree.attach(new ArrayBuffer(8)),
      'MMN_TREE_MEMORY',
      /the header of an interval tree need/,
    );
    expectError(
      () => IntervalTree.attach(memory),
      'MMN_TREE_MEMORY',
      /expected an interval tree at byte 0 .* got magic 0/,
    );
    IntervalTree.create(memory, { capacity: 10 });
    new Int32Array(memory)[1] = 2;
    expectError(
      () => IntervalTree.attach(memory),
      'MMN_TREE_MEMORY',
      /expected version 1 .* got version 2/,
    );
  });

  it('is thrown when the memory holds only a part of the tree it says it holds', () => {
    const memory = new ArrayBuffer(need);
    IntervalTree.create(memory, { capacity: 10 });
    expectError(
      () => IntervalTree.attach(memory.slice(0, need - 8)),
      'MMN_TREE_MEMORY',
      /10 intervals need/,
    );
  });

  it('is thrown when a tree is moved onto itself', () => {
    const memory = new ArrayBuffer(4 * need);
    const tree = IntervalTree.create(memory, { capacity: 10 });
    tree.insert(0, 1, 2);
    expectError(
      () => tree.moveTo(memory, { capacity: 20, byteOffset: 64 }),
      'MMN_TREE_MEMORY',
      /overlap the tree's own/,
    );
    expect(tree.first(0, 9)).toBe(0);
    tree.verify();
  });
});

describe('MMN_TREE_MOVED', () => {
  it('is thrown when the old tree is used after a move, through any object', () => {
    const memory = new ArrayBuffer(IntervalTree.byteLength(10));
    const old = IntervalTree.create(memory, { capacity: 10 });
    const other = IntervalTree.attach(memory);
    old.insert(0, 1, 2);
    const target = { capacity: 10 };
    old.moveTo(new ArrayBuffer(memory.byteLength), target);
    const uses: ((tree: IntervalTree) => unknown)[] = [
      (tree) => tree.insert(1, 1, 2),
      (tree) => tree.remove(0),
      (tree) => tree.has(0),
      (tree) => tree.startOf(0),
      (tree) => tree.lastOf(0),
      (tree) => tree.first(0, 9),
      (tree) => tree.next(0, 0, 9),
      (tree) => tree.collect(0, 9, new Int32Array(4)),
      (tree) => tree.load(new Int32Array(0), new Float64Array(0), new Float64Array(0)),
      (tree) => tree.verify(),
      (tree) => tree.moveTo(new ArrayBuffer(memory.byteLength), target),
      () => IntervalTree.attach(memory),
    ];
    for (const use of uses) {
      expectError(() => use(old), 'MMN_TREE_MOVED', /was moved to other memory/);
      expectError(() => use(other), 'MMN_TREE_MOVED', /was moved to other memory/);
    }
  });
});

function load(tree: IntervalTree, handles: number[], starts: number[], lasts: number[]): void {
  tree.load(Int32Array.from(handles), Float64Array.from(starts), Float64Array.from(lasts));
}

describe('MMN_TREE_LOAD', () => {
  it('is thrown when the tree is not empty', () => {
    refuses(
      (tree) => load(tree, [35], [1], [2]),
      'MMN_TREE_LOAD',
      /expected an empty tree, got one that holds 30/,
    );
  });

  it.each<[string, number[], number[], number[], IntervalTreeErrorCode, RegExp]>([
    [
      'columns differ in length',
      [0, 1],
      [1, 2],
      [3],
      'MMN_TREE_LOAD',
      /2 handles, 2 starts and 1 lasts/,
    ],
    ['starts descend', [0, 1], [2, 1], [3, 3], 'MMN_TREE_LOAD', /got 1 after 2 in row 1/],
    ['a handle comes twice', [0, 1, 0], [1, 2, 3], [4, 4, 4], 'MMN_TREE_PRESENT', /handle 0/],
    ['a handle is too large', [0, 8], [1, 2], [4, 4], 'MMN_TREE_HANDLE', /from 0 to 7, got 8/],
    ['an interval is inverted', [0, 1], [1, 5], [4, 4], 'MMN_TREE_INTERVAL', /got \[5, 4\]/],
    ['an interval is fractional', [0, 1], [1, 1.5], [4, 4], 'MMN_TREE_INTERVAL', /got \[1.5, 4\]/],
  ])('leaves the tree empty and usable when %s', (_, handles, starts, lasts, code, message) => {
    const checked = Checked.create(8, 4);
    expectError(() => load(checked.tree, handles, starts, lasts), code, message);
    checked.tree.verify();
    for (let k = 0; k < 8; k++) checked.insert(k, k, k);
    checked.query(0, LAST_MAX);
  });
});
