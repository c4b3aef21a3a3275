/** Ten million intervals. The columns they are loaded from are the test's own and come on top. */
import { expect, it } from 'vitest';
import { IntervalTree } from '../src/index.ts';

const COUNT = 10_000_000;
const PITCH = 2 ** 20;

it('holds ten million intervals when it is given less than 600 MB', () => {
  const byteLength = IntervalTree.byteLength(COUNT);
  expect(byteLength).toBeLessThan(600_000_000);
  const tree = IntervalTree.create(new ArrayBuffer(byteLength), { capacity: COUNT });
  const columns = {
    handles: new Int32Array(COUNT),
    starts: new Float64Array(COUNT),
    lasts: new Float64Array(COUNT),
  };
  for (let k = 0; k < COUNT; k++) {
    columns.handles[k] = k;
    columns.starts[k] = k * PITCH;
    columns.lasts[k] = k * PITCH + 9;
  }
  tree.load(columns.handles, columns.starts, columns.lasts);
  expect(tree.size).toBe(COUNT);

  for (let k = 7; k < COUNT; k += 12_347) {
    const start = k * PITCH;
    expect(tree.first(start + 9, start + PITCH - 1)).toBe(k);
    expect(tree.first(start + 10, start + PITCH - 1)).toBe(-1);
    tree.remove(k);
    expect(tree.first(start, start + PITCH - 1)).toBe(-1);
    tree.insert(k, start + 20, start + PITCH);
    expect(tree.first(start + 15, start + PITCH)).toBe(k);
  }
  expect(tree.size).toBe(COUNT);
}, 120_000);
