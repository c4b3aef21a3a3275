/** Programs that fail, one for each verdict, and the same programs put right. */
import { describe, expect, it } from 'vitest';
import { explore, ExplorerError, free, replay, type Scenario, type Verdict } from '../src/index.ts';
import { lock, pause, unlock, words } from './primitives.ts';

interface Case {
  readonly verdict: Exclude<Verdict, 'ok'>;
  readonly wrong: Scenario;
  readonly right: Scenario;
  /** Of the smallest failing schedule. */
  readonly preemptions: number;
  readonly steps: number;
}

const twice = (body: (m: Int32Array) => unknown): Scenario['threads'] => ({
  a: (shared) => body(words(shared)),
  b: (shared) => body(words(shared)),
});

const cases: Record<string, Case> = {
  'a counter without its lock': {
    verdict: 'data-race',
    preemptions: 0,
    steps: 0,
    wrong: { threads: twice((m) => (m[1]! += 1)) },
    right: {
      threads: twice((m) => {
        lock(m);
        m[1]! += 1;
        unlock(m);
      }),
    },
  },
  'a lock that is given back by a plain write': {
    verdict: 'data-race',
    preemptions: 0,
    steps: 2,
    wrong: {
      threads: twice((m) => {
        lock(m);
        m[0] = 0;
      }),
    },
    right: {
      threads: twice((m) => {
        lock(m);
        unlock(m);
      }),
    },
  },
  'an owner that frees before the reader is done': {
    verdict: 'use-after-free',
    preemptions: 0,
    steps: 3,
    wrong: {
      threads: {
        owner(shared) {
          const m = words(shared);
          free(m.subarray(2, 3));
          Atomics.store(m, 0, 1);
        },
        reader(shared) {
          const m = words(shared);
          while (Atomics.load(m, 0) === 0) pause();
          return Atomics.load(m, 2);
        },
      },
    },
    right: {
      threads: {
        owner(shared) {
          const m = words(shared);
          while (Atomics.load(m, 1) === 0) pause();
          free(m.subarray(2, 3));
        },
        reader(shared) {
          const m = words(shared);
          Atomics.load(m, 2);
          Atomics.store(m, 1, 1);
        },
      },
    },
  },
  'two locks taken in both orders': {
    verdict: 'deadlock',
    preemptions: 1,
    steps: 2,
    wrong: {
      threads: {
        a(shared) {
          const m = words(shared);
          lock(m, 0);
          lock(m, 1);
          unlock(m, 1);
          unlock(m, 0);
        },
        b(shared) {
          const m = words(shared);
          lock(m, 1);
          lock(m, 0);
          unlock(m, 0);
          unlock(m, 1);
        },
      },
    },
    right: {
      threads: twice((m) => {
        lock(m, 0);
        lock(m, 1);
        unlock(m, 1);
        unlock(m, 0);
      }),
    },
  },
  'a sleeper that looks at another word than it sleeps on': {
    verdict: 'lost-wakeup',
    preemptions: 1,
    steps: 4,
    wrong: {
      threads: {
        waiter(shared) {
          const m = words(shared);
          while (Atomics.load(m, 0) === 0) Atomics.wait(m, 1, 0);
        },
        waker(shared) {
          const m = words(shared);
          Atomics.store(m, 0, 1);
          Atomics.notify(m, 1);
        },
      },
    },
    right: {
      threads: {
        waiter(shared) {
          const m = words(shared);
          while (Atomics.load(m, 0) === 0) Atomics.wait(m, 0, 0);
        },
        waker(shared) {
          const m = words(shared);
          Atomics.store(m, 0, 1);
          Atomics.notify(m, 0);
        },
      },
    },
  },
  'a waker that changes the word and does not notify': {
    verdict: 'lost-wakeup',
    preemptions: 0,
    steps: 2,
    wrong: {
      threads: {
        waiter: (shared) => void Atomics.wait(words(shared), 0, 0),
        waker: (shared) => void Atomics.store(words(shared), 0, 1),
      },
    },
    right: {
      threads: {
        waiter: (shared) => void Atomics.wait(words(shared), 0, 0, 10),
        waker: (shared) => void Atomics.store(words(shared), 0, 1),
      },
    },
  },
  'a scan for a mark that nobody has set': {
    verdict: 'livelock',
    preemptions: 0,
    steps: 0,
    wrong: {
      threads: {
        scanner(shared) {
          const m = words(shared);
          for (let i = 0; m[i] === 0; i = (i + 1) % 4);
        },
      },
    },
    right: {
      setup: (shared) => void (words(shared)[3] = 1),
      threads: {
        scanner(shared) {
          const m = words(shared);
          for (let i = 0; m[i] === 0; i = (i + 1) % 4);
        },
      },
    },
  },
  'an assertion that holds in most orders': {
    verdict: 'assertion',
    preemptions: 1,
    steps: 3,
    wrong: {
      threads: {
        a(shared) {
          const m = words(shared);
          Atomics.store(m, 0, 1);
          Atomics.store(m, 1, 1);
        },
        b(shared) {
          const m = words(shared);
          const first = Atomics.load(m, 0);
          if (Atomics.load(m, 1) !== first) throw new Error('halfway');
        },
      },
    },
    right: {
      threads: {
        a: (shared) => void Atomics.store(words(shared), 0, 1),
        b(shared) {
          const m = words(shared);
          const first = Atomics.load(m, 0);
          if (Atomics.load(m, 0) < first) throw new Error('backwards');
        },
      },
    },
  },
  'an increment in two steps': {
    verdict: 'check',
    preemptions: 1,
    steps: 4,
    wrong: {
      threads: twice((m) => Atomics.store(m, 0, Atomics.load(m, 0) + 1)),
      check: (shared) => expect(words(shared)[0]).toBe(2),
    },
    right: {
      threads: twice((m) => Atomics.add(m, 0, 1)),
      check: (shared) => expect(words(shared)[0]).toBe(2),
    },
  },
};

describe.each(Object.entries(cases))('%s', (_, { verdict, wrong, right, preemptions, steps }) => {
  it(`is reported as ${verdict}, with a smallest schedule that replays`, () => {
    const { failure, status } = explore(wrong);
    expect(status).toBe('stopped');
    expect(failure).toMatchObject({ verdict, preemptions, steps, isMinimal: true });
    expect(replay(wrong, failure!.schedule)).toMatchObject({ verdict, message: failure!.message });
    expect(failure!.diagram).toContain(`=> ${verdict}: `);
  });

  it.each(['dfs', 'states'] as const)('is found by %s too', (strategy) => {
    expect(explore({ ...wrong, strategy, minimizeSeconds: 0 }).verdict).toBe(verdict);
  });

  it('is fine when put right', () => {
    expect(explore(right)).toMatchObject({ verdict: 'ok', status: 'complete' });
  });
});

it('reports code that depends on something else than the memory as nondeterminism', () => {
  let calls = 0;
  const { verdict, failure } = explore({
    threads: twice((m) => {
      Atomics.add(m, calls++ % 2, 1);
      Atomics.load(m, 0);
    }),
  });
  expect(verdict).toBe('nondeterminism');
  expect(failure!.message).toMatch(/^access \d of thread '[ab]' was .*, now .*, though/);
});

function publish(shared: SharedArrayBuffer): void {
  const m = words(shared);
  Atomics.store(m, 0, 1);
  m[1] = 42;
}

function read(shared: SharedArrayBuffer): unknown {
  const m = words(shared);
  return Atomics.load(m, 0) === 1 ? m[1] : undefined;
}

it.each([
  ['the first operation', () => [Math.random() * 1e6, 0]],
  ['the last operation', () => [0, Math.random() * 1e6]],
])('reports a random number in %s, though one run of the code would do', (_, create) => {
  const { verdict } = explore({
    threads: {
      only(shared) {
        for (const value of create()) Atomics.store(words(shared), 0, value);
      },
    },
  });
  expect(verdict).toBe('nondeterminism');
});

it('prints the interleaving with names, methods, files and lines', () => {
  const result = explore({
    names: { ready: 0, data: 1 },
    threads: {
      writer: publish,
      reader: read,
    },
  });
  const diagram = result.failure!.diagram.replaceAll(/test\.ts:\d+/g, 'test.ts:99');
  expect(diagram).toMatchInlineSnapshot(`
    "  #  writer                                             | reader
    --------------------------------------------------------+----------------------------------------------
      1  store ready := 1  (publish verdicts.test.ts:99)   |
         ► write data := 42  (publish verdicts.test.ts:99) |
      2                                                     | load ready = 1  (read verdicts.test.ts:99)
                                                            | ► read data = 42  (read verdicts.test.ts:99)

    => data-race: 'write data := 42' by writer and 'read data = 42' by reader are not ordered by any synchronisation
       writer: write data := 42
          at publish (verdicts.test.ts:99)
       reader: read data = 42
          at read (verdicts.test.ts:99)"
  `);
  expect(result.failure!.schedule).toBe('ab');
});

it.each([
  ['DataView', (s: SharedArrayBuffer) => new DataView(s)],
  ['SharedArrayBuffer.slice', (s: SharedArrayBuffer) => s.slice(0)],
  ['listing the keys', (s: SharedArrayBuffer) => Object.keys(words(s))],
  ['a promise', async (s: SharedArrayBuffer) => words(s)[0]],
])('refuses %s loudly', (_, body) => {
  expect(() => explore({ threads: { a: body } })).toThrow(ExplorerError);
});

it('puts Atomics and the constructors back, also when it throws', () => {
  const before = [Atomics.load, Atomics.wait, Int32Array, BigInt64Array, DataView];
  expect(() => explore({ threads: { a: (s) => new DataView(s) } })).toThrow();
  expect([Atomics.load, Atomics.wait, Int32Array, BigInt64Array, DataView]).toEqual(before);
  expect(new Int32Array(2)).toBeInstanceOf(Int32Array);
});
