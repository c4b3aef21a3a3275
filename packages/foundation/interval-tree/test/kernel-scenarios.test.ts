/* oxlint-disable vitest/expect-expect -- the helpers assert */
/**
 * What lib/interval_tree_test.c does (Linux v6.19): 100 intervals, 100 searches, cycles of inserting and removing all, and the
 * check that iteration finds the set that brute force finds. The kernel's default seed, a generator of our own.
 */
import { describe, expect, it } from 'vitest';
import { Checked, FAN_OUTS, LAST_MAX, randomFrom } from './model.ts';

const SEED = 3_141_592_653_589_793_238n;
const NODES = 100;
const SEARCHES = 100;

function randomRows(
  random: (below: number) => number,
  endMax: number,
): { start: number; last: number }[] {
  return Array.from({ length: NODES }, () => {
    const last = random(endMax);
    return { start: random(last + 1), last };
  });
}

describe.each(FAN_OUTS)('interval_tree_test.c at fan-out %i', (fanOut) => {
  it('ends empty when all intervals are inserted and removed, again and again', () => {
    const random = randomFrom(SEED);
    const checked = Checked.create(NODES, fanOut);
    for (let cycle = 0; cycle < 20; cycle++) {
      const rows = randomRows(random, LAST_MAX);
      for (const [handle, { start, last }] of rows.entries()) checked.insert(handle, start, last);
      for (let handle = 0; handle < NODES; handle++) checked.remove(handle);
      expect(checked.tree.first(0, LAST_MAX)).toBe(-1);
    }
  });

  it('finds what brute force finds when single points and the whole space are searched', () => {
    const random = randomFrom(SEED);
    for (const endMax of [50, 10_000, LAST_MAX]) {
      const checked = Checked.create(NODES, fanOut);
      const rows = randomRows(random, endMax);
      for (const [handle, { start, last }] of rows.entries()) checked.insert(handle, start, last);
      for (let search = 0; search < SEARCHES; search++) {
        const point = random(endMax);
        checked.query(point, point);
      }
      expect(checked.query(0, LAST_MAX)).toHaveLength(NODES);
    }
  });

  it('finds what brute force finds when random sets are searched for random ranges', () => {
    const random = randomFrom(SEED);
    for (let set = 0; set < 20; set++) {
      const checked = Checked.create(NODES, fanOut);
      for (const [handle, { start, last }] of randomRows(random, 2 ** 32).entries()) {
        checked.insert(handle, start, last);
      }
      for (let search = 0; search < SEARCHES; search++) {
        const last = random(2 ** 32);
        checked.query(random(last + 1), last);
      }
      checked.query(0, 2 ** 32 - 1);
      checked.query(0, LAST_MAX);
    }
  });
});
