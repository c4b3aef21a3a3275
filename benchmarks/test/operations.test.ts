/** The operations file keeps what its own file says of it. */
import { describe, expect, it } from 'vitest';
import {
  HEADER_BYTES,
  INSERT,
  makeOperations,
  QUERY,
  REMOVE,
  ROW_BYTES,
  WORKLOADS,
  type OperationsSize,
  type Workload,
} from '../src/tree/operations.ts';
import { OURS } from '../src/tree/contenders.ts';
import { observeTree } from '../src/tree/run.ts';

function bytesOf(size: OperationsSize): Uint8Array {
  return new Uint8Array(makeOperations(size));
}

function rowsOf(bytes: ArrayBuffer): { initial: Row[]; operations: Row[] } {
  const view = new DataView(bytes);
  const rows: Row[] = [];
  for (let at = HEADER_BYTES; at < bytes.byteLength; at += ROW_BYTES) {
    rows.push({
      kind: view.getInt32(at, true),
      handle: view.getInt32(at + 4, true),
      start: view.getFloat64(at + 8, true),
      last: view.getFloat64(at + 16, true),
    });
  }
  const initial = view.getInt32(12, true);
  expect(rows).toHaveLength(initial + view.getInt32(16, true));
  return { initial: rows.slice(0, initial), operations: rows.slice(initial) };
}

interface Row {
  kind: number;
  handle: number;
  start: number;
  last: number;
}

describe.each(Object.keys(WORKLOADS) as Workload[])('operations of %s', (workload) => {
  const size = { workload, ranges: 150, operations: 3000, seed: 5 };

  it('are the same bytes when the seed is the same', () => {
    expect(bytesOf({ ...size, seed: 5 })).toEqual(bytesOf({ ...size, seed: 5 }));
    expect(bytesOf({ ...size, seed: 6 })).not.toEqual(bytesOf({ ...size, seed: 5 }));
  });

  it('leave the set as they found it', () => {
    const { initial, operations } = rowsOf(makeOperations(size));
    const held = new Map(initial.map(({ handle, start }) => [handle, start]));
    const before = new Map(held);
    const starts = new Map<number, number>();
    for (const { kind, handle, start, last } of [...initial, ...operations]) {
      expect(start).toBeLessThanOrEqual(last);
      if (kind !== QUERY) starts.set(handle, start);
    }
    expect(new Set(starts.values()).size).toBe(starts.size);
    for (const { kind, handle, start } of operations) {
      if (kind === QUERY) continue;
      expect(held.has(handle)).toBe(kind === REMOVE);
      if (kind === INSERT) held.set(handle, start);
      else held.delete(handle);
    }
    expect(held).toEqual(before);
  });

  it('have one result, whichever tree runs them', async () => {
    const bytes = makeOperations(size);
    const { hash } = await observeTree('brute force', bytes, 0);
    for (const name of OURS) expect((await observeTree(name, bytes, 0)).hash).toBe(hash);
  });
});

it('means by ten-hit about ten hits a query', () => {
  const { initial, operations } = rowsOf(
    makeOperations({ workload: 'ten-hit', ranges: 1000, operations: 500, seed: 5 }),
  );
  const hits = operations.map(
    (query) =>
      initial.filter(({ start, last }) => start <= query.last && last >= query.start).length,
  );
  const mean = hits.reduce((a, b) => a + b) / hits.length;
  expect(mean).toBeGreaterThan(9);
  expect(mean).toBeLessThan(11);
});

it('leaves a large set as it found it: more rows than fit the stack as arguments', () => {
  const size = { workload: 'updates', ranges: 250_000, operations: 300_000, seed: 5 } as const;
  const rows = new DataView(makeOperations(size)).getInt32(16, true);
  expect(rows).toBeGreaterThan(size.operations + 130_000);
});
