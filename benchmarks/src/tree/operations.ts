/**
 * The work that every tree is given, as a file, so that a program in any language can be given the same.
 *
 * ```text
 * header   8 × int32    magic 0x4d4d4e4f, version 1, capacity, rows of the initial set, operations, 0, 0, 0
 * row      int32 kind (0 query, 1 insert, 2 remove), int32 handle, float64 start, float64 last      little-endian
 * ```
 *
 * 1. A handle always has the same interval, and no two handles have the same start, so the order of hits is one.
 * 2. The operations leave the set as they found it, so that they can be run over and over.
 * 3. The rows of the initial set, which are inserts, come first, in random order.
 */
import { seededRandom, type Random } from '../random.ts';

const MAGIC = 0x4d4d4e4f;
export const HEADER_BYTES = 32;
export const ROW_BYTES = 24;
/** 64-bit words of a row. */
export const ROW_WORDS: number = ROW_BYTES / 8;
export const QUERY = 0;
export const INSERT = 1;
export const REMOVE = 2;

/** Room for one interval of a sparse set. */
export const PITCH = 2 ** 20;

export type Workload = 'sparse' | 'miss' | 'ten-hit' | 'mixed' | 'updates';

/** Share of queries among the operations; the rest is half inserts, half removes. */
const QUERY_SHARE: Record<Workload, number> = {
  sparse: 1,
  miss: 1,
  'ten-hit': 1,
  mixed: 0.9,
  updates: 0,
};

export const WORKLOADS: Record<Workload, string> = {
  sparse: 'queries with no hit or one',
  miss: 'queries that fall between intervals',
  'ten-hit': 'overlapping intervals, about ten hits a query',
  mixed: 'sparse; 90 % queries, 5 % inserts, 5 % removes',
  updates: 'half inserts, half removes; every 64th operation a query, to have something to check',
};

/** Updates alone leave no result to hash, so one in so many operations is a query of the interval before it. */
const PROBE_EVERY = 64;

export interface OperationsSize {
  workload: Workload;
  /** Intervals in the set, on average. */
  ranges: number;
  operations: number;
  seed: number;
}

/** One operation, or one interval of the initial set. */
export interface Row {
  kind: number;
  handle: number;
  start: number;
  last: number;
}

/** Makes the file's bytes. The same arguments give the same bytes. */
export function makeOperations({
  workload,
  ranges,
  operations,
  seed,
}: OperationsSize): ArrayBuffer {
  const random = seededRandom(seed);
  const updates = QUERY_SHARE[workload] < 1;
  const capacity = updates ? 2 * ranges : ranges;
  const intervals = makeIntervals(workload, capacity, random);
  const present = shuffled(capacity, random);
  const absent = present.splice(ranges);
  const initial = present.map((handle) => row(INSERT, handle, intervals));

  const rows: Row[] = [];
  let isInsertNext = true;
  while (rows.length < operations) {
    const before = rows.at(-1);
    if (updates && before !== undefined && rows.length % PROBE_EVERY === 0) {
      rows.push({ ...before, kind: QUERY });
    } else if (random(1_000_000) < QUERY_SHARE[workload] * 1_000_000) {
      rows.push(makeQuery(workload, capacity, random));
    } else {
      rows.push(
        isInsertNext
          ? row(INSERT, moveOne(absent, present, random), intervals)
          : row(REMOVE, moveOne(present, absent, random), intervals),
      );
      isInsertNext = !isInsertNext;
    }
  }
  // As arguments of `push` so many would overflow the stack.
  for (const one of restoringRows(initial, present, intervals)) rows.push(one);
  return encode(capacity, initial, rows);
}

/** Intervals by handle: one in each pitch, in random order, or ten deep. */
function makeIntervals(workload: Workload, capacity: number, random: Random): Row[] {
  return shuffled(capacity, random).map((slot, handle) => {
    const start = slot * PITCH + random(PITCH / 2);
    const length = workload === 'ten-hit' ? random(20 * PITCH) : random(PITCH / 4);
    return { kind: INSERT, handle, start, last: start + length };
  });
}

function makeQuery(workload: Workload, capacity: number, random: Random): Row {
  const within = workload === 'miss' ? (3 * PITCH) / 4 + random(PITCH / 8) : random(PITCH);
  const start = random(capacity) * PITCH + within;
  return { kind: QUERY, handle: 0, start, last: start + random(PITCH / 8) };
}

function row(kind: number, handle: number, intervals: readonly Row[]): Row {
  const { start, last } = intervals[handle] ?? { start: NaN, last: NaN };
  return { kind, handle, start, last };
}

/** Takes a random handle out of one list and puts it in the other. */
function moveOne(from: number[], to: number[], random: Random): number {
  const k = random(from.length);
  const handle = from[k];
  if (handle === undefined) throw new Error('nothing to move');
  from[k] = from.at(-1) ?? -1;
  from.pop();
  to.push(handle);
  return handle;
}

/** What turns the set `present` into the initial one, inserts and removes by turns as far as possible. */
function restoringRows(
  initial: readonly Row[],
  present: readonly number[],
  intervals: readonly Row[],
): Row[] {
  const before = new Set(initial.map(({ handle }) => handle));
  const after = new Set(present);
  const missing = [...before].filter((handle) => !after.has(handle));
  const extra = present.filter((handle) => !before.has(handle));
  const rows: Row[] = [];
  for (let k = 0; k < Math.max(missing.length, extra.length); k++) {
    const [insert, remove] = [missing[k], extra[k]];
    if (insert !== undefined) rows.push(row(INSERT, insert, intervals));
    if (remove !== undefined) rows.push(row(REMOVE, remove, intervals));
  }
  return rows;
}

/** The file of an initial set and operations on it. */
export function encode(
  capacity: number,
  initial: readonly Row[],
  operations: readonly Row[],
): ArrayBuffer {
  const bytes = new ArrayBuffer(HEADER_BYTES + ROW_BYTES * (initial.length + operations.length));
  const ints = new Int32Array(bytes);
  const doubles = new Float64Array(bytes);
  ints.set([MAGIC, 1, capacity, initial.length, operations.length]);
  let word = HEADER_BYTES / 8;
  for (const rows of [initial, operations]) {
    for (const { kind, handle, start, last } of rows) {
      ints[2 * word] = kind;
      ints[2 * word + 1] = handle;
      doubles[word + 1] = start;
      doubles[word + 2] = last;
      word += ROW_BYTES / 8;
    }
  }
  return bytes;
}

/** An operations file, viewed. */
export interface Operations {
  ints: Int32Array;
  doubles: Float64Array;
  capacity: number;
  /** Index in `doubles` of the first row, of the initial set. */
  firstWord: number;
  /** Rows of the initial set, and operations after them. */
  initial: number;
  count: number;
}

/** Throws when the bytes are not such a file. */
export function viewOperations(bytes: ArrayBuffer): Operations {
  const ints = new Int32Array(bytes);
  const [magic, version, capacity = 0, initial = 0, count = 0] = ints;
  if (magic !== MAGIC || version !== 1) throw new Error('not an operations file of version 1');
  const doubles = new Float64Array(bytes);
  return { ints, doubles, capacity, firstWord: HEADER_BYTES / 8, initial, count };
}

/** 0 … count - 1 in random order. */
export function shuffled(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, k) => k);
  for (let k = count - 1; k > 0; k--) {
    const j = random(k + 1);
    [order[k], order[j]] = [order[j] ?? 0, order[k] ?? 0];
  }
  return order;
}
