/** The tree without checks is the checked one: the same words after the same history, and the same answers. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { BareTree, setQuery } from '../src/bare.ts';
import { IntervalTree } from '../src/index.ts';

const CAPACITY = 40;
const OFFSET = 64;
const SPACE = 80;
const SEED = process.env['MMN_SEED'];

const operation = fc.record({
  handle: fc.nat(CAPACITY - 1),
  start: fc.nat(SPACE - 20),
  length: fc.nat(20),
});

type Tree = BareTree | IntervalTree;

function walk(tree: Tree, start: number, last: number): number[] {
  const hits: number[] = [];
  for (let hit = tree.first(start, last); hit >= 0; hit = tree.next(hit, start, last)) {
    hits.push(hit);
    setQuery(SPACE, SPACE); // somebody else's
  }
  return hits;
}

/** Also by the two steps of a caller who wants no doubles allocated. */
function expectSame(bare: BareTree, checked: IntervalTree): void {
  expect(bare.size).toBe(checked.size);
  for (const [start, last] of [
    [0, SPACE],
    [17, 17],
    [30, 44],
  ] as const) {
    const hits = walk(checked, start, last);
    expect(walk(bare, start, last)).toEqual(hits);
    setQuery(start, last);
    let hit = bare.firstOfQuery();
    for (const expected of [...hits, -1]) {
      expect(hit).toBe(expected);
      if (hit >= 0) hit = bare.nextOfQuery(hit);
    }
  }
  for (const handle of walk(checked, 0, SPACE)) {
    expect(bare.startOf(handle)).toBe(checked.startOf(handle));
    expect(bare.lastOf(handle)).toBe(checked.lastOf(handle));
  }
  IntervalTree.over(bare).verify();
}

it('has the words and the answers of the checked tree, also when it is attached to or moved', () => {
  const histories = fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
    const byteLength = BareTree.byteLength(CAPACITY);
    const [memory, memoryOfChecked] = [OFFSET + byteLength, byteLength].map(
      (length) => new ArrayBuffer(length),
    );
    const bare = BareTree.create(memory!, CAPACITY, OFFSET);
    const checked = IntervalTree.create(memoryOfChecked!, { capacity: CAPACITY });
    for (const { handle, start, length } of operations) {
      expect(bare.has(handle)).toBe(checked.has(handle));
      for (const tree of [bare, checked]) {
        if (tree.has(handle)) tree.remove(handle);
        else tree.insert(handle, start, start + length);
      }
    }
    expect(new Uint8Array(memory!, OFFSET)).toEqual(new Uint8Array(memoryOfChecked!));
    for (const tree of [bare, BareTree.attach(memory!, OFFSET)]) expectSame(tree, checked);
    const capacity = 3 * CAPACITY;
    const moved = bare.moveTo(new ArrayBuffer(BareTree.byteLength(capacity)), capacity);
    expectSame(moved, checked);
    for (let handle = CAPACITY; handle < capacity; handle++) moved.insert(handle, handle, handle);
    IntervalTree.over(moved).verify();
  });
  fc.assert(histories, { numRuns: 30, ...(SEED === undefined ? {} : { seed: Number(SEED) }) });
});

it('reads back 0 when -0 was given, as the checked tree does', () => {
  const tree = BareTree.create(new ArrayBuffer(BareTree.byteLength(1)), 1);
  tree.insert(0, -0, -0);
  expect([tree.startOf(0), tree.lastOf(0)]).toEqual([0, 0]); // toEqual tells 0 from -0
});
