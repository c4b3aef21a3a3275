/** The oracle: a list, searched from end to end. */
import assert from 'node:assert/strict';
import { IntervalTree } from '../src/index.ts';

export const LAST_MAX: number = Number.MAX_SAFE_INTEGER;

/** Fan-outs under test: the smallest, an odd one, one whose nodes may be less than half full, and the one that ships. */
export const FAN_OUTS: readonly number[] = [4, 5, 9, 16];

export interface Row {
  handle: number;
  start: number;
  last: number;
}

/** A tree and the list it must agree with. */
export class Checked {
  readonly tree: IntervalTree;
  readonly rows: Row[] = [];
  readonly #into: Int32Array;

  constructor(tree: IntervalTree) {
    this.tree = tree;
    this.#into = new Int32Array(tree.capacity);
  }

  static create(capacity: number, fanOut: number): Checked {
    const memory = new ArrayBuffer(IntervalTree.byteLength(capacity, fanOut));
    return new Checked(IntervalTree.create(memory, { capacity, fanOut }));
  }

  insert(handle: number, start: number, last: number): void {
    this.tree.insert(handle, start, last);
    this.rows.push({ handle, start, last });
    this.#afterUpdate();
  }

  remove(handle: number): void {
    this.tree.remove(handle);
    this.rows.splice(
      this.rows.findIndex((row) => row.handle === handle),
      1,
    );
    this.#afterUpdate();
  }

  /** The tree's hits by `collect`, having checked that the walk agrees, that they are in order, and that they are the list's. */
  query(start: number, last: number): number[] {
    const walked: number[] = [];
    for (let hit = this.tree.first(start, last); hit >= 0; hit = this.tree.next(hit, start, last)) {
      walked.push(hit);
    }
    const collected = [...this.#into.subarray(0, this.tree.collect(start, last, this.#into))];
    assert.deepEqual(collected, walked, 'collect and first/next disagree');
    const starts = walked.map((handle) => this.tree.startOf(handle));
    assert.deepEqual(starts, starts.toSorted(ascending), 'hits are not in order of start');
    const expected = this.rows.filter((row) => row.start <= last && row.last >= start);
    assert.deepEqual(
      walked.toSorted(ascending),
      expected.map((row) => row.handle).toSorted(ascending),
      `wrong hits for [${start}, ${last}]`,
    );
    return walked;
  }

  #afterUpdate(): void {
    this.tree.verify();
    assert.equal(this.tree.size, this.rows.length);
  }
}

export function ascending(a: number, b: number): number {
  return a - b;
}

/** A generator of 32-bit integers from a 64-bit seed (splitmix64), for scenarios whose sets are large. */
export function randomFrom(seed: bigint): (below: number) => number {
  let state = BigInt.asUintN(64, seed);
  return (below) => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return Math.floor((Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53) * below);
  };
}
