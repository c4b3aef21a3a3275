/** Views and Atomics on explored memory behave as the engine's own, for every element type. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explore } from '../src/index.ts';
import { seeded } from './seed.ts';

type View = Int32Array;
type ViewConstructor = new (buffer: SharedArrayBuffer, offset?: number, length?: number) => View;

const names = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
] as const;

const isBig = (name: string): boolean => name.startsWith('Big');
const numbers = [0, 1, -1, 127, 255, 300, -40_000, 2 ** 31, 2 ** 53, 1.5, -0.25, NaN];

/** The same program on explored and on real memory: what it returns, and the bytes that it leaves. */
function runOnBoth(
  name: string,
  program: (view: View, values: unknown[]) => unknown,
): { explored: unknown; real: unknown } {
  const values = isBig(name) ? [0n, 1n, -1n, 2n ** 40n, 2n ** 63n] : numbers;
  const run = (shared: SharedArrayBuffer): unknown => {
    const construct = (globalThis as unknown as Record<string, ViewConstructor>)[name]!;
    const result = program(new construct(shared, 8, 6), values);
    return [result, [...new Uint8Array(shared)]];
  };
  const bytes = 64;
  let explored: unknown;
  const scenario = {
    memory: bytes,
    threads: { only: (s: SharedArrayBuffer) => (explored = run(s)) },
  };
  expect(explore(scenario)).toMatchObject({ verdict: 'ok', status: 'complete' });
  return { explored, real: run(new SharedArrayBuffer(bytes)) };
}

const plain: Record<string, (view: View, values: never[]) => unknown> = {
  'index access': (v, values) => {
    values.forEach((value, i) => (v[i] = value));
    return [v[0], v[1], v[5], v[6], v[-1]];
  },
  'fill and join': (v, [, one]) => v.fill(one!, 1, 4).join('/'),
  'set from an array': (v, values) => (v.set(values.slice(0, 3), 2), [...v]),
  'set from an overlapping view': (v, values) => {
    v.set(values.slice(0, 4));
    v.set(v.subarray(0, 4), 1);
    return Array.from(v);
  },
  subarray: (v, values) => {
    v.set(values.slice(0, 5));
    const part = v.subarray(-4, -1);
    return [part.length, part.byteOffset, ...part, v.subarray(4, 2).length];
  },
  'slice is a copy': (v, values) => {
    v.set(values.slice(0, 5));
    const copy = v.slice(1, -1);
    v.fill(values[0]!);
    return [...copy, copy.constructor.name];
  },
  copyWithin: (v, values) => (v.set(values.slice(0, 5)), v.copyWithin(2, 0, 3), [...v]),
  iteration: (v, values) => {
    v.set(values.slice(0, 5));
    return [[...v.entries()], [...v.keys()], [...v.values()], v.at(-2), v.length];
  },
  search: (v, values) => {
    v.set(values.slice(0, 5));
    return [
      v.indexOf(values[1]!),
      v.includes(values[2]!),
      v.find((x) => x === values[1]),
      v.lastIndexOf(values[0]!),
    ];
  },
  'map, filter and reduce': (v, values) => {
    v.set(values.slice(0, 5));
    return [
      v.map((x) => x),
      v.filter((x) => x > 0),
      v.reduce((sum, x) => sum + x),
      v.some((x) => x > 0),
    ];
  },
  'sort and reverse': (v, values) => {
    v.set(values.slice(0, 5));
    const sorted = [...v.sort()];
    return [sorted, [...v.reverse()], v.toSorted(), v.toReversed(), v.with(0, values[1]!)];
  },
  tags: (v) => [
    Object.prototype.toString.call(v),
    v instanceof Object.getPrototypeOf(Int32Array),
    v.BYTES_PER_ELEMENT,
    v.byteLength,
    Object.prototype.toString.call(v.buffer),
    v.buffer.byteLength,
  ],
};

describe.each(names)('%s', (name) => {
  it.each(Object.entries(plain))('%s', (_, program) => {
    const { explored, real } = runOnBoth(
      name,
      program as (view: View, values: unknown[]) => unknown,
    );
    expect(explored).toEqual(real);
  });

  it('every operation of Atomics', () => {
    const { explored, real } = runOnBoth(name, (v, values) => {
      const found: unknown[] = [];
      for (const operation of ['store', 'add', 'sub', 'and', 'or', 'xor', 'exchange'] as const) {
        for (const value of values) {
          try {
            found.push(Atomics[operation](v, 1, value as number), Atomics.load(v, 1));
          } catch (error) {
            found.push((error as Error).constructor.name);
          }
        }
      }
      try {
        found.push(Atomics.compareExchange(v, 1, v[1]!, values[1] as number), Atomics.load(v, 1));
        found.push(Atomics.compareExchange(v, 1, values[0] as number, values[0] as number));
        found.push(Atomics.notify(v, 0));
        found.push(Atomics.wait(v, 1, values[0] as number, 0));
      } catch (error) {
        found.push((error as Error).constructor.name);
      }
      return found;
    });
    expect(explored).toEqual(real);
  });
});

it.each([
  ['a view that is not aligned', (s: SharedArrayBuffer) => new Int32Array(s, 2)],
  ['a view that is too long', (s: SharedArrayBuffer) => new Int32Array(s, 0, 1000)],
  ['an index behind the end', (s: SharedArrayBuffer) => Atomics.load(new Int32Array(s, 0, 2), 2)],
  ['set behind the end', (s: SharedArrayBuffer) => new Int32Array(s, 0, 2).set([1, 2, 3])],
])('%s is a RangeError, as in the engine', (_, body) => {
  const { failure } = explore({ threads: { a: body } });
  expect(failure).toMatchObject({ verdict: 'assertion', error: expect.any(RangeError) });
  expect(() => body(new SharedArrayBuffer(1024))).toThrow(RangeError);
});

it('leaves other arrays to the engine', () => {
  const result = explore({
    threads: {
      a() {
        const own = new Int32Array(new SharedArrayBuffer(8));
        Atomics.store(own, 0, 7);
        expect(Atomics.add(own, 0, 1)).toBe(7);
        expect([...Int32Array.from([1, 2]), own[0]]).toEqual([1, 2, 8]);
      },
    },
  });
  expect(result.verdict).toBe('ok');
});

interface Write {
  readonly name: string;
  readonly at: number;
  readonly value: number;
}

const write: fc.Arbitrary<Write> = fc.record({
  name: fc.constantFrom(...names.filter((name) => !isBig(name))),
  at: fc.nat(3),
  value: fc.oneof(fc.integer(), fc.double()),
});

function writeAll(shared: SharedArrayBuffer, writes: readonly Write[]): unknown {
  for (const { name, at, value } of writes) {
    const construct = (globalThis as unknown as Record<string, ViewConstructor>)[name]!;
    new construct(shared)[at] = value;
  }
  return [...new Uint8Array(shared)];
}

it('views of all sizes share their bytes as in the engine', () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 20 }), (writes) => {
      let explored: unknown;
      explore({ memory: 32, threads: { a: (shared) => (explored = writeAll(shared, writes)) } });
      expect(explored).toEqual(writeAll(new SharedArrayBuffer(32), writes));
    }),
    seeded,
  );
});
