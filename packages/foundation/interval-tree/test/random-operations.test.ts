/**
 * Random histories against the oracle, `verify()` after every update.
 *
 * MMN_TREE_RUNS sets how many histories each fan-out gets (default 60: 120,000 operations in all), MMN_SEED the seed.
 */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Checked, FAN_OUTS, LAST_MAX } from './model.ts';

const RUNS = Number(process.env['MMN_TREE_RUNS'] ?? 60);
const SEED = process.env['MMN_SEED'];
const CAPACITY = 64;
const OPERATIONS = 500;

/** Starts that collide, touch and lie at both ends of the space. */
const start = fc.oneof(
  { weight: 6, arbitrary: fc.nat(40) },
  { weight: 2, arbitrary: fc.maxSafeNat() },
  { weight: 1, arbitrary: fc.constantFrom(0, LAST_MAX, LAST_MAX - 1) },
);
const length = fc.oneof(
  { weight: 4, arbitrary: fc.nat(3) },
  { weight: 2, arbitrary: fc.nat(30) },
  { weight: 1, arbitrary: fc.maxSafeNat() },
);
const interval = fc
  .tuple(start, length)
  .map(([start, length]) => ({ start, last: Math.min(start + length, LAST_MAX) }));

/** Toggling a handle inserts or removes it, so histories fill the tree about half and keep it changing. */
const operation = fc.record({
  kind: fc.constantFrom('toggle', 'toggle', 'toggle', 'query'),
  handle: fc.nat(CAPACITY - 1),
  interval,
});
const history = fc.array(operation, {
  minLength: OPERATIONS,
  maxLength: OPERATIONS,
  size: 'max',
});

describe('random histories', () => {
  it.each(FAN_OUTS)('agree with the oracle at fan-out %i', (fanOut) => {
    let operations = 0;
    const seed = SEED === undefined ? Date.now() % 2 ** 31 : Number(SEED);
    fc.assert(
      fc.property(history, (history) => {
        const checked = Checked.create(CAPACITY, fanOut);
        for (const { kind, handle, interval } of history) {
          if (kind === 'query') checked.query(interval.start, interval.last);
          else if (checked.tree.has(handle)) checked.remove(handle);
          else checked.insert(handle, interval.start, interval.last);
          operations++;
        }
        for (const row of checked.rows) {
          assert.equal(checked.tree.startOf(row.handle), row.start);
          assert.equal(checked.tree.lastOf(row.handle), row.last);
        }
        while (checked.rows[0] !== undefined) checked.remove(checked.rows[0].handle);
      }),
      { numRuns: RUNS, seed },
    );
    expect(operations).toBeGreaterThanOrEqual(RUNS * OPERATIONS);
  });
});
