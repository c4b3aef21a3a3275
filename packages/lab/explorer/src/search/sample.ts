/**
 * Random schedules, for what is too large: uniformly random steps, or PCT (Burckhardt, Kothari, Musuvathi, Nagarakatte,
 * ASPLOS 2010), which runs the thread of highest priority and lowers priorities at d-1 random points, and so finds
 * a bug of depth d with probability at least 1 / (n k^(d-1)) per execution of k steps and n threads.
 */
import {
  choiceOf,
  decision,
  threadOf,
  type Decision,
  type Search,
  type SearchEnd,
} from './search.ts';

/** Picks the next thread among the enabled ones. */
interface Picker {
  begin(): void;
  pick(enabled: number, step: number): number;
  end(steps: number): void;
}

/** Runs executions until the budget is spent. */
export function sample(search: Search, kind: 'random' | 'pct'): SearchEnd {
  const { machine } = search;
  const { seed, depth, stepsPerExecution } = search.options;
  const random = createRandom(seed);
  const picker =
    kind === 'random' ? uniform(random, machine.threads) : pct(random, machine.threads, depth);
  const start = machine.cells.mark();
  const startFailure = machine.failure;
  for (;;) {
    const schedule: Decision[] = [];
    picker.begin();
    for (;;) {
      const enabled = machine.failure === undefined ? machine.enabled() : 0;
      if (enabled === 0) break;
      if (schedule.length >= stepsPerExecution) return 'limit';
      const t = picker.pick(enabled, schedule.length);
      const step = decision(t, random(search.choices(t)));
      schedule.push(step);
      machine.step(threadOf(step), choiceOf(step));
    }
    picker.end(schedule.length);
    const stop = search.end(() => schedule);
    if (stop !== undefined) return stop;
    machine.cells.rewind(start);
    machine.failure = startFailure;
  }
}

function uniform(random: (below: number) => number, threads: number): Picker {
  return {
    begin() {},
    pick(enabled) {
      const candidates: number[] = [];
      for (let t = 0; t < threads; t++) if ((enabled >> t) & 1) candidates.push(t);
      return candidates[random(candidates.length)]!;
    },
    end() {},
  };
}

function pct(random: (below: number) => number, threads: number, depth: number): Picker {
  const priorities: number[] = [];
  let changes: number[] = [];
  let longest = 1;
  const highest = (enabled: number): number => {
    let best = -1;
    for (let t = 0; t < threads; t++) {
      if ((enabled >> t) & 1 && (best === -1 || priorities[t]! > priorities[best]!)) best = t;
    }
    return best;
  };
  return {
    begin() {
      for (let t = 0; t < threads; t++) {
        const other = random(t + 1);
        priorities[t] = priorities[other] ?? 0;
        priorities[other] = depth + t;
      }
      changes = Array.from({ length: depth - 1 }, () => random(longest));
    },
    pick(enabled, step) {
      const change = changes.indexOf(step);
      if (change !== -1) priorities[highest(enabled)] = change;
      return highest(enabled);
    },
    end(steps) {
      longest = Math.max(longest, steps);
    },
  };
}

/** Integers from 0 up to but not including `below`: xorshift, so that a seed means the same everywhere. */
export function createRandom(seed: number): (below: number) => number {
  let state = Math.imul(seed, 0x9e37_79b1) ^ 0x6d6d_756e || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}
