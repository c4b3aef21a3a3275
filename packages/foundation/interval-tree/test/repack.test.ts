/** When nodes run out: histories that leave as many nearly empty nodes as they can. */
import { describe, expect, it } from 'vitest';
import { IntervalTree } from '../src/index.ts';
import { AVAILABLE } from '../src/layout.ts';
import { Checked, randomFrom } from './model.ts';

/** A tree that counts how often an insertion gave nodes back, which only `repack` does. */
class Watched extends Checked {
  repacked = 0;
  readonly #ints: Int32Array;

  constructor(memory: ArrayBuffer, capacity: number, fanOut: number) {
    super(IntervalTree.create(memory, { capacity, fanOut }));
    this.#ints = new Int32Array(memory);
  }

  static of(capacity: number, fanOut: number): Watched {
    return new Watched(
      new ArrayBuffer(IntervalTree.byteLength(capacity, fanOut)),
      capacity,
      fanOut,
    );
  }

  override insert(handle: number, start: number, last: number): void {
    const before = this.#ints[AVAILABLE] ?? 0;
    super.insert(handle, start, last);
    if ((this.#ints[AVAILABLE] ?? 0) > before) this.repacked++;
  }
}

/** Fills the tree where `place` says, then thins out what is new to three of every `fanOut` in order. */
function fillAndThin(watched: Watched, fanOut: number, place: (k: number) => number): void {
  const isNew = new Set<number>();
  for (let handle = 0; handle < watched.tree.capacity; handle++) {
    if (watched.tree.has(handle)) continue;
    const start = place(isNew.size);
    watched.insert(handle, start, start + ((isNew.size * 7919) % 5000));
    isNew.add(handle);
  }
  const inOrder = watched.query(0, Infinity).filter((handle) => isNew.has(handle));
  for (const [k, handle] of inOrder.entries()) if (k % fanOut >= 3) watched.remove(handle);
}

describe.each([9, 16])('a tree of fan-out %i', (fanOut) => {
  it('makes room when ascending intervals are thinned out again and again', () => {
    const watched = Watched.of(600, fanOut);
    for (let round = 0; round < 10; round++) {
      fillAndThin(watched, fanOut, (k) => 10_000 * round + 10 * k);
      watched.query(10_000 * round, 10_000 * round + 500);
    }
    expect(watched.repacked).toBeGreaterThan(0);
  });

  it('makes room when intervals then gather between the few that are left', () => {
    const random = randomFrom(5n);
    let repacked = 0;
    for (let rounds = 8; rounds < 10; rounds++) {
      const watched = Watched.of(600, fanOut);
      for (let round = 0; round < rounds; round++) {
        fillAndThin(watched, fanOut, (k) => 10_000 * round + 10 * k);
      }
      for (let handle = 0, middle = 0; handle < 600; handle++) {
        if (watched.tree.has(handle)) continue;
        if (handle % 20 === 0) middle = random(10_000 * rounds);
        const start = middle + random(100);
        watched.insert(handle, start, start + random(100_000));
      }
      watched.query(0, 5000);
      repacked += watched.repacked;
    }
    expect(repacked).toBeGreaterThan(0);
  });
});
