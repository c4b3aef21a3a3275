/**
 * What tests import as `vitest` in the tester's process: its `expect` and `vi`, and a collector instead of its runner, so that a test
 * can be run alone, in any order, many times in one process.
 */
import { format } from 'node:util';

// Without a runner's state the real one does not load.
(globalThis as { __vitest_worker__?: unknown }).__vitest_worker__ = { config: {}, ctx: {} };
const real = await import('vitest');
export const expect: typeof real.expect = real.expect;
export const vi: typeof real.vi = real.vi;

type Act = (...given: never[]) => unknown;

/** One test of a file, with what runs around it. */
export interface CollectedTest {
  readonly title: string;
  readonly run: () => unknown;
  readonly before: readonly (() => unknown)[];
  readonly after: readonly (() => unknown)[];
}

interface Suite {
  readonly titles: readonly string[];
  readonly before: (() => unknown)[];
  readonly after: (() => unknown)[];
}

let tests: CollectedTest[] = [];
let suite: Suite = { titles: [], before: [], after: [] };
const finishers: (() => unknown)[] = [];

/** The tests that `load` defines. */
export async function collect(load: () => Promise<unknown>): Promise<CollectedTest[]> {
  tests = [];
  suite = { titles: [], before: [], after: [] };
  await load();
  return tests;
}

/** Runs a test with its hooks; rejects when it fails. */
export async function runTest({ run, before, after }: CollectedTest): Promise<void> {
  finishers.length = 0;
  try {
    for (const act of before) await act();
    await run();
  } finally {
    for (const act of after) await act();
    for (const act of finishers.splice(0).reverse()) await act();
  }
}

function define(title: string, run: () => unknown): void {
  const { titles, before, after } = suite;
  tests.push({ title: [...titles, title].join(' > '), run, before, after });
}

function within(title: string, act: () => void): void {
  const outer = suite;
  const { titles, before, after } = outer;
  suite = { titles: [...titles, title], before: [...before], after: [...after] };
  act();
  suite = outer;
}

/** `define(title, act)`, with options or a time-out anywhere, and `each` and `runIf` of it. */
function definer(defineOne: (title: string, act: Act) => void): unknown {
  const one = (title: string, ...rest: unknown[]): void => {
    const act = rest.find((each) => typeof each === 'function');
    if (act !== undefined) defineOne(title, act as Act);
  };
  const each =
    (cases: readonly unknown[]) =>
    (title: string, ...rest: unknown[]): void => {
      const act = rest.find((given) => typeof given === 'function') as Act;
      for (const [at, given] of cases.entries()) {
        const values = Array.isArray(given) ? given : [given];
        const named = format(title, ...values.map((value) => nameOf(value)));
        defineOne(`${named} #${at}`, () => act(...(values as never[])));
      }
    };
  const runIf = (holds: boolean) => (holds ? one : () => {});
  return Object.assign(one, { each, runIf, skipIf: (holds: boolean) => runIf(!holds) });
}

function nameOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? '' : value;
}

export const it: unknown = definer(define);
export const test: unknown = it;
export const describe: unknown = definer((title, act) => within(title, act as () => void));
export const beforeEach = (act: () => unknown): void => void suite.before.push(act);
export const afterEach = (act: () => unknown): void => void suite.after.push(act);
export const onTestFinished = (act: () => unknown): void => void finishers.push(act);
