/**
 * Litmus tests by their names in the literature, with the outcomes that the memory model of ECMA-262 allows: for Atomics the
 * sequentially consistent ones; for plain accesses more, which is why each of those is reported as a data race.
 */
import { describe, expect, it } from 'vitest';
import { explore, type Exploration, type Scenario } from '../src/index.ts';

const x = 0;
const y = 1;

type Access = {
  load(m: Int32Array, i: number): number;
  store(m: Int32Array, i: number, v: number): void;
};
const atomic: Access = {
  load: (m, i) => Atomics.load(m, i),
  store: (m, i, v) => void Atomics.store(m, i, v),
};
const plain: Access = { load: (m, i) => m[i]!, store: (m, i, v) => void (m[i] = v) };

/** What the threads of each test return, in order. */
const tests: Record<string, (a: Access) => ((m: Int32Array) => string | void)[]> = {
  'store buffering': (a) => [
    (m) => (a.store(m, x, 1), `${a.load(m, y)}`),
    (m) => (a.store(m, y, 1), `${a.load(m, x)}`),
  ],
  'load buffering': (a) => [
    (m) => {
      const r = a.load(m, x);
      a.store(m, y, 1);
      return `${r}`;
    },
    (m) => {
      const r = a.load(m, y);
      a.store(m, x, 1);
      return `${r}`;
    },
  ],
  'message passing': (a) => [
    (m) => (a.store(m, x, 1), a.store(m, y, 1)),
    (m) => `${a.load(m, y)}${a.load(m, x)}`,
  ],
  'IRIW (independent reads of independent writes)': (a) => [
    (m) => a.store(m, x, 1),
    (m) => a.store(m, y, 1),
    (m) => `${a.load(m, x)}${a.load(m, y)}`,
    (m) => `${a.load(m, y)}${a.load(m, x)}`,
  ],
  'WRC (write to read causality)': (a) => [
    (m) => a.store(m, x, 1),
    (m) => {
      const r = a.load(m, x);
      a.store(m, y, 1);
      return `${r}`;
    },
    (m) => `${a.load(m, y)}${a.load(m, x)}`,
  ],
  'CoRR (coherence of read-read)': (a) => [
    (m) => a.store(m, x, 1),
    (m) => `${a.load(m, x)}${a.load(m, x)}`,
  ],
  'CoWW (coherence of write-write)': (a) => [
    (m) => (a.store(m, x, 1), a.store(m, x, 2)),
    (m) => `${a.load(m, x)}${a.load(m, x)}`,
  ],
  '2+2W (two writes each)': (a) => [
    (m) => (a.store(m, x, 1), a.store(m, y, 2)),
    (m) => (a.store(m, y, 1), a.store(m, x, 2)),
  ],
  R: (a) => [
    (m) => (a.store(m, x, 1), a.store(m, y, 1)),
    (m) => (a.store(m, y, 2), `${a.load(m, x)}`),
  ],
  S: (a) => [
    (m) => (a.store(m, x, 2), a.store(m, y, 1)),
    (m) => {
      const r = a.load(m, y);
      a.store(m, x, 1);
      return `${r}`;
    },
  ],
};

/** Outputs and, after a slash, final x and y. */
const allowed: Record<string, readonly string[]> = {
  'store buffering': ['01/11', '10/11', '11/11'],
  'load buffering': ['00/11', '01/11', '10/11'],
  'message passing': ['-00/11', '-01/11', '-11/11'],
  'IRIW (independent reads of independent writes)': [
    '--0000/11',
    '--0001/11',
    '--0010/11',
    '--0011/11',
    '--0100/11',
    '--0101/11',
    '--0110/11',
    '--0111/11',
    '--1000/11',
    '--1001/11',
    '--1011/11',
    '--1100/11',
    '--1101/11',
    '--1110/11',
    '--1111/11',
  ],
  'WRC (write to read causality)': [
    '-000/11',
    '-001/11',
    '-010/11',
    '-011/11',
    '-100/11',
    '-101/11',
    '-111/11',
  ],
  'CoRR (coherence of read-read)': ['-00/10', '-01/10', '-11/10'],
  'CoWW (coherence of write-write)': ['-00/20', '-01/20', '-02/20', '-11/20', '-12/20', '-22/20'],
  '2+2W (two writes each)': ['--/12', '--/21', '--/22'],
  R: ['-0/11', '-1/11', '-1/12'],
  S: ['-0/11', '-0/21', '-1/11'],
};

function run(name: string, access: Access): { outcomes: string[]; result: Exploration } {
  const outcomes = new Set<string>();
  const threads: Record<string, (shared: SharedArrayBuffer) => unknown> = {};
  tests[name]!(access).forEach((body, t) => {
    threads[`t${t}`] = (shared) => body(new Int32Array(shared)) ?? '-';
  });
  const scenario: Scenario = {
    memory: 8,
    threads,
    check(shared, returned) {
      const m = new Int32Array(shared);
      outcomes.add(`${Object.values(returned).join('')}/${m[x]}${m[y]}`);
    },
  };
  const result = explore(scenario);
  return { outcomes: [...outcomes].sort(), result };
}

describe.each(Object.keys(tests))('%s', (name) => {
  it('has with Atomics the outcomes that are sequentially consistent, and no others', () => {
    const { outcomes, result } = run(name, atomic);
    expect(result.status).toBe('complete');
    expect(outcomes).toEqual([...allowed[name]!].sort());
  });

  it('is a data race with plain accesses', () => {
    expect(run(name, plain).result.verdict).toBe('data-race');
  });
});

it('message passing is no race when only the flag is atomic and the reader looks at it first', () => {
  const result = explore({
    threads: {
      writer(shared) {
        const m = new Int32Array(shared);
        m[x] = 42;
        Atomics.store(m, y, 1);
      },
      reader(shared) {
        const m = new Int32Array(shared);
        if (Atomics.load(m, y) === 1 && m[x] !== 42) throw new Error('stale');
      },
    },
  });
  expect(result).toMatchObject({ verdict: 'ok', status: 'complete' });
});

it('what a thread wrote before a notify is ordered before what the woken one does', () => {
  const result = explore({
    threads: {
      sleeper(shared) {
        const m = new Int32Array(shared);
        return Atomics.wait(m, y, 0, 10) === 'ok' ? m[x] : undefined;
      },
      waker(shared) {
        const m = new Int32Array(shared);
        m[x] = 42;
        Atomics.notify(m, y);
      },
    },
    check: (_, { sleeper }) => expect([42, undefined]).toContain(sleeper),
  });
  expect(result).toMatchObject({ verdict: 'ok', status: 'complete' });
});

it('an element of 64 bits and its halves race, both being atomic', () => {
  const result = explore({
    threads: {
      whole: (shared) => void Atomics.store(new BigInt64Array(shared), 0, 1n),
      half: (shared) => void Atomics.load(new Int32Array(shared), 1),
    },
  });
  expect(result.verdict).toBe('data-race');
});

it('elements of 64 bits do not race with each other because somebody once looked at a half', () => {
  const result = explore({
    threads: {
      a(shared) {
        Atomics.load(new Int32Array(shared), 0);
        Atomics.store(new BigInt64Array(shared), 0, 1n);
      },
      b: (shared) => void Atomics.load(new BigInt64Array(shared), 0),
    },
  });
  expect(result).toMatchObject({ verdict: 'ok', status: 'complete' });
});

it('bytes of one word do not race', () => {
  const result = explore({
    threads: {
      first: (shared) => void (new Uint8Array(shared)[0] = 1),
      second: (shared) => void (new Uint8Array(shared)[1] = 2),
    },
    check(shared) {
      expect([...new Uint8Array(shared, 0, 3)]).toEqual([1, 2, 0]);
    },
  });
  expect(result).toMatchObject({ verdict: 'ok', status: 'complete' });
});
