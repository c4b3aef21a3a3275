/* oxlint-disable vitest/expect-expect -- the helpers assert */
/** Bulk load: the same tree as by inserts, at every size near a node's. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ascending, Checked, FAN_OUTS, LAST_MAX } from './model.ts';

describe.each(FAN_OUTS)('load at fan-out %i', (fanOut) => {
  it('builds a whole tree when the input has any size from 0 to 300', () => {
    for (let size = 0; size <= 300; size++) {
      const checked = Checked.create(300, fanOut);
      const handles = Int32Array.from({ length: size }, (_, k) => size - 1 - k);
      const starts = Float64Array.from({ length: size }, (_, k) => 3 * (k >> 1));
      const lasts = starts.map((start, k) => start + (k % 5));
      checked.tree.load(handles, starts, lasts);
      checked.tree.verify();
      expect(checked.tree.size).toBe(size);
      for (let k = 0; k < size; k++) {
        checked.rows.push({
          handle: handles[k] ?? -1,
          start: starts[k] ?? -1,
          last: lasts[k] ?? -1,
        });
      }
      expect(checked.query(0, LAST_MAX)).toEqual([...handles]);
      checked.query(20, 30);
    }
  });

  it('can be updated and emptied and loaded again when it was loaded', () => {
    const column = fc.array(fc.nat(500), { maxLength: 80 });
    fc.assert(
      fc.property(column, column, (unsorted, more) => {
        const checked = Checked.create(200, fanOut);
        const starts = Float64Array.from(unsorted.toSorted(ascending));
        const handles = Int32Array.from(starts.keys());
        for (let round = 0; round < 2; round++) {
          checked.tree.load(handles, starts, starts);
          for (const [handle, start] of starts.entries()) {
            checked.rows.push({ handle, start, last: start });
          }
          for (const [k, start] of more.entries()) checked.insert(100 + k, start, start + k);
          checked.query(100, 200);
          for (const { handle } of checked.rows.slice()) checked.remove(handle);
        }
      }),
      { numRuns: 10 },
    );
  });
});
