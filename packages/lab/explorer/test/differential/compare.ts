/** Runs one program both ways, and says where they differ. */
import { exploreWith, type InternalOptions } from '../../src/explore.ts';
import type { Fault } from '../../src/engine/guard.ts';
import type { Machine } from '../../src/engine/machine.ts';
import type { Exploration, Options } from '../../src/index.ts';
import { bruteForce, type Behaviour } from './oracle.ts';
import { createBody, wordCount, type Program } from './program.ts';

/** What became of one program. */
export interface Comparison {
  readonly kind: 'clean' | 'racy' | 'failing' | 'too-large';
  readonly mismatches: readonly string[];
  readonly oracleStates: number;
  readonly executions: number;
}

interface Collected {
  readonly outcomes: ReadonlySet<string>;
  readonly faults: ReadonlySet<string>;
  readonly exploration: Exploration;
}

const stepsMax = 50_000;

/** Explores a program to the end, failures or not. */
function collect(program: Program, options: Options, internal: InternalOptions = {}): Collected {
  const outcomes = new Set<string>();
  const faults = new Set<string>();
  const onEnd = (fault: Fault | 'fine', machine: Machine): boolean => {
    if (fault === 'fine' || fault.kind === 'deadlock' || fault.kind === 'lost-wakeup') {
      outcomes.add(outcomeOf(machine));
    } else {
      faults.add(fault.kind);
    }
    return false;
  };
  const exploration = exploreWith(
    {
      memory: wordCount * 4,
      threads: Object.fromEntries(program.map((code, t) => [`t${t}`, createBody(code)])),
      minimizeSeconds: 0,
      stepsPerExecution: 1000,
      budget: { steps: stepsMax },
      ...options,
    },
    { ...internal, onEnd },
  );
  return { outcomes, faults, exploration };
}

function outcomeOf(machine: Machine): string {
  const threads = Array.from({ length: machine.threads }, (_, t) =>
    machine.hasEnded(t) ? String(machine.point(t).returned) : '…',
  );
  return `${machine.cells.words.subarray(0, wordCount).join()} ${threads.join(';')}`;
}

const hasLoop = (program: Program): boolean =>
  program.some((code) => code.some((i, pc) => 'to' in i && i.to <= pc));

/** Compares every strategy with brute force. */
export function compare(program: Program): Comparison {
  const truth = bruteForce(program);
  if (truth === undefined) {
    return { kind: 'too-large', mismatches: [], oracleStates: 0, executions: 0 };
  }
  const mismatches: string[] = [];
  const expect = (what: string, holds: boolean, detail = ''): void => {
    if (!holds) mismatches.push(`${what} ${detail}`);
  };
  const kind = truth.isRacy ? 'racy' : truth.canFail ? 'failing' : 'clean';
  const main = collect(program, {});
  const isCovered = main.exploration.status === 'complete';
  const sameOutcomes = (what: string, got: Collected): void => {
    if (got.exploration.status !== 'complete') return;
    expect(what, equal(got.outcomes, truth.outcomes), difference(got.outcomes, truth));
  };

  // An execution ends at its first failure, so of several kinds of failure only one is sure to be found.
  const failed = main.faults.has('assertion');
  if (isCovered || main.faults.size > 0) {
    expect('dpor: any failure', main.faults.size > 0 === (truth.isRacy || truth.canFail));
    expect('dpor: assertion made up', !failed || truth.canFail);
    if (!failed) expect('dpor: race verdict', badMemory(main.faults) === truth.isRacy);
    if (!truth.isRacy) expect('dpor: assertion', failed === truth.canFail);
  }
  if (kind === 'clean') {
    sameOutcomes('dpor', main);
    sameOutcomes('dfs', collect(program, { strategy: 'dfs' }));
    sameOutcomes('states', collect(program, { strategy: 'states' }));
    sameOutcomes('states without races', collect(program, { strategy: 'states', races: false }));
    if (!hasLoop(program)) {
      sameOutcomes('dpor, no spins', collect(program, {}, { spins: false }));
    }
    for (const preemptions of [0, 1, 2]) compareBounded(program, preemptions, truth, expect);
    const sampled = collect(program, { strategy: 'pct', budget: { executions: 20 } });
    expect(
      'pct',
      [...sampled.outcomes].every((each) => truth.outcomes.has(each)),
    );
  }
  if (!truth.canFail && !program.some((code) => code.some((i) => i.op === 'free'))) {
    sameOutcomes('dpor, all visible', collect(program, { races: false }, { visiblePlain: true }));
  }
  return {
    kind,
    mismatches,
    oracleStates: truth.states,
    executions: main.exploration.counts.executions,
  };
}

/** A bounded search finds at least what bounded depth-first search finds, and nothing impossible. */
function compareBounded(
  program: Program,
  preemptions: number,
  truth: Behaviour,
  expect: (what: string, holds: boolean, detail?: string) => void,
): void {
  const naive = collect(program, { strategy: 'dfs', preemptions });
  if (naive.exploration.status === 'stopped') return;
  const what = `with ${preemptions} preemptions`;
  for (const strategy of ['dpor', 'states'] as const) {
    const bounded = collect(program, { strategy, preemptions });
    if (bounded.exploration.status === 'stopped') continue;
    const missing = [...naive.outcomes].filter((each) => !bounded.outcomes.has(each));
    expect(`${strategy} ${what} misses`, missing.length === 0, missing.join(' | '));
    const made = [...bounded.outcomes].filter((each) => !truth.outcomes.has(each));
    expect(`${strategy} ${what} makes up`, made.length === 0, made.join(' | '));
  }
}

function badMemory(faults: ReadonlySet<string>): boolean {
  return faults.has('data-race') || faults.has('use-after-free');
}

function equal(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((each) => b.has(each));
}

function difference(got: ReadonlySet<string>, truth: Behaviour): string {
  const missing = [...truth.outcomes].filter((each) => !got.has(each));
  const made = [...got].filter((each) => !truth.outcomes.has(each));
  return `misses ${missing.length} of ${truth.outcomes.size}: ${missing[0] ?? ''}; makes up ${made.length}: ${made[0] ?? ''}`;
}
