/**
 * Every state once, nearest first: fewest preemptions, then fewest steps. So the first failure found is a smallest one.
 *
 * 1. A state is all cells that differ from the start, and the thread that ran last: who goes on for free depends on it.
 *    Clocks of the race detector are cells, so with it on, states are as many as there are partial orders of steps.
 * 2. States are told apart by a hash of 53 bits: among a million states, two are confused once in 10,000 searches.
 * 3. Dijkstra's algorithm with a bucket for each number of preemptions and of steps.
 */
import type { Fault } from '../engine/guard.ts';
import {
  choiceOf,
  decision,
  threadOf,
  type Decision,
  type Search,
  type SearchEnd,
} from './search.ts';

interface State {
  /** Cells that differ from the start. */
  readonly changes: Int32Array;
  readonly decision: Decision;
  readonly before: State | undefined;
  /** Whether the step that led here failed: then it is taken again to see how. */
  readonly isFailed: boolean;
}

/** Most cells that are kept for states: 256 MiB. */
const cellsMax = 2 ** 26;

/** What {@link byStates} may be told to look for. */
export interface Goal {
  readonly kind: Fault['kind'];
  /** The schedule must be smaller than this. */
  readonly preemptions: number;
  readonly steps: number;
}

/** Runs the search. With a goal, ends at the first failure of its kind that is smaller. */
export function byStates(search: Search, goal?: Goal): SearchEnd {
  const { machine, options } = search;
  const { cells } = machine;
  const root = cells.mark();
  const seen = new Set<number>();
  /** By preemptions, then by steps. */
  const start = { changes: new Int32Array(0), decision: -1, before: undefined, isFailed: false };
  const buckets: State[][][] = [[[start]]];
  let kept = 0;

  for (let p = 0; p < buckets.length; p++) {
    search.completeTo = p - 1;
    const row = buckets[p] ?? [];
    for (let s = 0; s < row.length; s++) {
      if (
        goal !== undefined &&
        (p > goal.preemptions || (p === goal.preemptions && s >= goal.steps))
      ) {
        return 'complete';
      }
      if (s > options.stepsPerExecution || kept > cellsMax) return 'limit';
      for (const state of row[s] ?? []) {
        const stop = visit(state, p, s) ?? search.overBudget();
        if (stop !== undefined) return stop;
      }
      row[s] = [];
    }
  }
  return 'complete';

  function visit(state: State, p: number, s: number): SearchEnd | undefined {
    if (state.isFailed) {
      restore(state.before!);
      machine.step(threadOf(state.decision), choiceOf(state.decision));
      return leaf(state);
    }
    restore(state);
    const last = state.decision < 0 ? -1 : threadOf(state.decision);
    const key = hash(state.changes, last);
    if (seen.has(key)) return undefined;
    seen.add(key);
    search.states++;
    const enabled = machine.failure === undefined ? machine.enabled() : 0;
    if (enabled === 0) return leaf(state);
    const running = last >= 0 && (enabled >> last) & 1 ? last : -1;
    for (let t = 0; t < machine.threads; t++) {
      if (((enabled >> t) & 1) === 0) continue;
      const preemptions = p + (running >= 0 && running !== t ? 1 : 0);
      if (preemptions > options.preemptions) {
        search.isBounded = true;
        continue;
      }
      for (let c = search.choices(t) - 1; c >= 0; c--) {
        restore(state);
        machine.step(t, c);
        const isFailed = machine.failure !== undefined;
        const changes = isFailed ? start.changes : cells.changes(root);
        kept += changes.length;
        const next = { changes, decision: decision(t, c), before: state, isFailed };
        ((buckets[preemptions] ??= [])[s + 1] ??= []).push(next);
      }
    }
    return undefined;
  }

  function restore(state: State): void {
    machine.failure = undefined;
    cells.rewind(root);
    cells.apply(state.changes);
  }

  function leaf(state: State): SearchEnd | undefined {
    const stop = search.end(() => {
      const schedule: Decision[] = [];
      for (let at: State | undefined = state; at?.before !== undefined; at = at.before) {
        schedule.unshift(at.decision);
      }
      return schedule;
    });
    if (stop !== 'failure' || goal === undefined || search.found?.fault.kind === goal.kind)
      return stop;
    search.found = undefined;
    return undefined;
  }
}

/** A hash that does not depend on the order of the pairs. */
function hash(changes: Int32Array, last: number): number {
  let a = Math.imul(last + 2, 0x85eb_ca6b);
  let b = Math.imul(last + 7, 0xc2b2_ae35);
  for (let i = 0; i < changes.length; i += 2) {
    let x = Math.imul(changes[i]! + 1, 0x9e37_79b1) ^ Math.imul(changes[i + 1]!, 0x2c1b_3c6d);
    x = Math.imul(x ^ (x >>> 16), 0x21f0_aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a_2d97);
    a = (a + (x ^ (x >>> 15))) | 0;
    let y =
      Math.imul(changes[i + 1]! + 0x1656_67b1, 0x27d4_eb2f) ^ Math.imul(changes[i]!, 0x1656_67b1);
    y = Math.imul(y ^ (y >>> 15), 0x85eb_ca77);
    b = (b + (y ^ (y >>> 13))) | 0;
  }
  return (a >>> 0) * 2 ** 21 + (b >>> 11);
}
