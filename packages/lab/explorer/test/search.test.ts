/** Strategies, bounds, budgets, and the words for how far a search went. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  choose,
  explore,
  InterleavingError,
  verify,
  type Counts,
  type Scenario,
} from '../src/index.ts';
import { formatSchedule, parseSchedule } from '../src/report/schedule.ts';
import { choiceOf, decision } from '../src/search/search.ts';
import { lock, unlock, words } from './primitives.ts';
import { seeded } from './seed.ts';

function add(shared: SharedArrayBuffer): void {
  const m = words(shared);
  lock(m);
  m[1]! += 1;
  unlock(m);
}

/** Threads that each add one under a lock. */
function adders(count: number): Scenario {
  return {
    threads: Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, add])),
    check: (shared) => expect(words(shared)[1]).toBe(count),
  };
}

/** Fails only if two preemptions fall right. */
const deep: Scenario = {
  threads: {
    a(shared) {
      const m = words(shared);
      Atomics.store(m, 0, 1);
      if (Atomics.load(m, 1) === 1 && Atomics.load(m, 0) === 2) throw new Error('met');
    },
    b(shared) {
      const m = words(shared);
      if (Atomics.load(m, 0) === 1) Atomics.store(m, 1, 1);
      Atomics.store(m, 0, 2);
    },
  },
};

describe('counts', () => {
  it.each([
    [2, 2],
    [3, 6],
    [4, 24],
  ])('%i threads in one critical section have %i executions', (threads, executions) => {
    const { counts, status } = explore(adders(threads));
    expect(status).toBe('complete');
    expect(counts).toMatchObject({ executions, redundant: 0 });
  });

  it('independent threads have one', () => {
    const scenario = {
      threads: Object.fromEntries(
        [0, 1, 2, 3].map((i) => [`t${i}`, (s: SharedArrayBuffer) => Atomics.add(words(s), i, 1)]),
      ),
    };
    expect(explore(scenario).counts.executions).toBe(1);
    expect(explore({ ...scenario, strategy: 'dfs' }).counts.executions).toBe(24);
  });

  it('choose has one for each choice', () => {
    const seen = new Set<unknown>();
    const result = explore({
      threads: { a: () => [choose(3), choose(2)].join(), b: () => choose(2) },
      check: (_, returned) => seen.add(`${String(returned['a'])},${String(returned['b'])}`),
    });
    expect(result.counts.executions).toBe(12);
    expect(seen.size).toBe(12);
  });

  it('a wait with a time-out has one for each way to end', () => {
    const seen = new Set<unknown>();
    const result = explore({
      threads: {
        waiter: (s) => Atomics.wait(words(s), 0, 0, 10),
        waker(s) {
          Atomics.store(words(s), 0, 1);
          Atomics.notify(words(s), 0);
        },
      },
      check: (_, returned) => seen.add(returned['waiter']),
    });
    expect(result.status).toBe('complete');
    expect(seen).toEqual(new Set(['ok', 'not-equal', 'timed-out']));
  });
});

describe('a bound on preemptions', () => {
  it.each(['dpor', 'dfs', 'states'] as const)('is honoured and named by %s', (strategy) => {
    const bounded = (preemptions: number) => explore({ ...deep, strategy, preemptions });
    expect(bounded(0)).toMatchObject({ verdict: 'ok', status: 'complete-to-bound' });
    expect(bounded(0).summary).toMatch(/^complete up to 0 preemptions, nothing found: /);
    expect(bounded(1).failure).toMatchObject({ verdict: 'assertion', preemptions: 1 });
  });

  it('is no bound when nothing exceeds it', () => {
    expect(explore({ ...adders(2), preemptions: 5 }).status).toBe('complete');
  });
});

function turns(s: SharedArrayBuffer): void {
  for (let i = 0; i < 9; i++) Atomics.add(words(s), 0, 1);
}

describe('budgets', () => {
  it.each([
    ['executions', { executions: 3 }],
    ['steps', { steps: 20 }],
    ['seconds', { seconds: 0 }],
  ])('of %s end the search, which says so', (word, budget) => {
    const result = explore({ ...adders(4), budget, strategy: 'dfs' });
    expect(result).toMatchObject({ verdict: 'ok', status: 'stopped' });
    expect(result.summary).toMatch(`stopped by the budget of ${word}, nothing found so far: `);
  });

  const busy = { threads: { a: turns, b: turns, c: turns } };

  it('who is asked to stop says so', () => {
    const result = explore({ ...busy, isStopped: () => true, strategy: 'dfs' });
    expect(result).toMatchObject({ verdict: 'ok', status: 'stopped', completeTo: undefined });
    expect(result.summary).toMatch('stopped when asked, nothing found so far: ');
    expect(result.counts.executions).toBeGreaterThan(0);
  });

  it('a search nearest first says up to where it was complete', () => {
    const near = { ...busy, strategy: 'states' } as const;
    const { counts, completeTo } = explore({ ...near, preemptions: 1 });
    expect(completeTo).toBe(undefined);
    const stopped = (steps: number) => explore({ ...near, budget: { steps } });
    expect(stopped(2 * counts.steps)).toMatchObject({ status: 'stopped', completeTo: 1 });
    expect(stopped(counts.steps / 2)).toMatchObject({ status: 'stopped', completeTo: 0 });
  });

  it('an execution that never ends is said to have too many steps', () => {
    const endless = {
      threads: {
        a: (s: SharedArrayBuffer) => {
          for (;;) Atomics.add(words(s), 0, 1);
        },
      },
    };
    const result = explore({ ...endless, stepsPerExecution: 100 });
    expect(result.status).toBe('stopped');
    expect(result.summary).toMatch(/^stopped by an execution that has too many steps/);
  });

  it('progress is reported, at the latest at the end', () => {
    const seen: Counts[] = [];
    const { counts } = explore({ ...adders(3), onProgress: (each) => void seen.push(each) });
    expect(seen.at(-1)).toEqual(counts);
  });
});

describe('sampling', () => {
  it.each(['random', 'pct'] as const)(
    '%s finds a bug, the same one for the same seed',
    (strategy) => {
      const run = (seed: number) => explore({ ...deep, strategy, seed, minimizeSeconds: 0 });
      const { failure, counts } = run(7);
      expect(failure?.verdict).toBe('assertion');
      expect(run(7).failure?.schedule).toBe(failure?.schedule);
      expect(run(7).counts.executions).toBe(counts.executions);
    },
  );

  it('never calls itself complete', () => {
    const result = explore({ ...adders(2), strategy: 'random', budget: { executions: 10 } });
    expect(result).toMatchObject({ verdict: 'ok', status: 'stopped', counts: { executions: 10 } });
  });
});

describe('verify', () => {
  it('returns when everything was covered', () => {
    expect(verify(adders(2)).status).toBe('complete');
  });

  it('throws the diagram when something failed', () => {
    expect(() => verify(deep)).toThrow(InterleavingError);
    expect(() => verify(deep)).toThrow(/=> assertion: a threw: met/);
  });

  it('throws when it was stopped', () => {
    expect(() => verify({ ...adders(4), budget: { executions: 2 } })).toThrow(
      /stopped by the budget/,
    );
  });
});

function tryThenLock(shared: SharedArrayBuffer): boolean {
  const m = words(shared);
  const isFree = Atomics.compareExchange(m, 0, 0, 1) === 0;
  if (!isFree) lock(m);
  unlock(m);
  return isFree;
}

describe('loops', () => {
  it('tryLock before lock is no part of the loop in lock', () => {
    const outcomes = new Set<unknown>();
    explore({
      threads: { a: tryThenLock, b: tryThenLock },
      check: (_, r) => outcomes.add(`${r['a']} ${r['b']}`),
    });
    expect(outcomes).toEqual(new Set(['true true', 'true false', 'false true']));
  });

  it('is told from it also below many layers of calls', () => {
    const outcomes = new Set<unknown>();
    const deep = (depth: number, code: () => void): void =>
      depth === 0 ? code() : deep(depth - 1, code);
    const body = (shared: SharedArrayBuffer): boolean => {
      const m = words(shared);
      let isFree = true;
      const tryOnce = (): boolean => Atomics.compareExchange(m, 0, 0, 1) === 0;
      const once = (): void => void (isFree = tryOnce());
      const often = (): void => {
        while (!tryOnce());
      };
      deep(15, once);
      if (!isFree) deep(15, often);
      unlock(m);
      return isFree;
    };
    explore({
      threads: { a: body, b: body },
      check: (_, r) => outcomes.add(`${r['a']} ${r['b']}`),
    });
    expect(outcomes).toEqual(new Set(['true true', 'true false', 'false true']));
  });

  it('a loop that gives up after so many turns goes on', () => {
    const result = explore({
      threads: {
        holder: (shared) => lock(words(shared)),
        other(shared) {
          const m = words(shared);
          for (let i = 0; i < 50; i++)
            if (Atomics.compareExchange(m, 0, 0, 1) === 0) return 'got it';
          return 'gave up';
        },
      },
      check: (_, { other }) => expect(['got it', 'gave up']).toContain(other),
    });
    expect(result).toMatchObject({ verdict: 'deadlock' });
  });

  it('a loop over several words waits for any of them', () => {
    const result = explore({
      threads: {
        any(shared) {
          const m = words(shared);
          while (Atomics.load(m, 0) === 0 && Atomics.load(m, 1) === 0);
        },
        first: (shared) => Atomics.store(words(shared), 0, 1),
        second: (shared) => Atomics.store(words(shared), 1, 1),
      },
    });
    expect(result).toMatchObject({ verdict: 'ok', status: 'complete' });
  });
});

const step = fc.record({ thread: fc.nat(15), choice: fc.option(fc.nat(40), { nil: undefined }) });

it('a schedule survives being written and read', () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const schedule = steps.map(({ thread, choice }) => decision(thread, choice ?? 0));
      const text = formatSchedule(schedule, (i) => steps[i]!.choice !== undefined);
      expect(parseSchedule(text)).toEqual(schedule);
      expect(parseSchedule(text).map(choiceOf)).toEqual(steps.map(({ choice }) => choice ?? 0));
    }),
    seeded,
  );
});
