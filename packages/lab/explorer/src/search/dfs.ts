/**
 * Every interleaving of visible operations, one by one, by depth-first search: no reduction, nothing to get wrong.
 * Optionally at most so many preemptions.
 */
import {
  choiceOf,
  decision,
  threadOf,
  type Decision,
  type Search,
  type SearchEnd,
} from './search.ts';

interface Frame {
  /** Where to go back to. */
  readonly mark: number;
  readonly decisions: readonly Decision[];
  next: number;
  /** Preemptions before this step. */
  readonly preemptions: number;
  /** The thread that could have gone on without a preemption, or -1. */
  readonly running: number;
}

/** Runs the search. */
export function depthFirst(search: Search): SearchEnd {
  const { machine } = search;
  const { preemptions: bound, stepsPerExecution } = search.options;
  const frames: Frame[] = [];
  const schedule: Decision[] = [];

  const push = (): boolean => {
    const enabled = machine.failure === undefined ? machine.enabled() : 0;
    if (enabled === 0) return false;
    const top = frames.at(-1);
    const last = top === undefined ? -1 : threadOf(schedule.at(-1)!);
    const spent = top === undefined ? 0 : top.preemptions + cost(top, last);
    const running = last >= 0 && (enabled >> last) & 1 ? last : -1;
    const decisions: Decision[] = [];
    for (let i = 0; i < machine.threads; i++) {
      // The running thread first: the first executions then have the fewest switches.
      const t = running < 0 ? i : i === 0 ? running : i <= running ? i - 1 : i;
      if (((enabled >> t) & 1) === 0) continue;
      if (running >= 0 && t !== running && spent >= bound) {
        search.isBounded = true;
        continue;
      }
      for (let c = 0; c < search.choices(t); c++) decisions.push(decision(t, c));
    }
    frames.push({ mark: machine.cells.mark(), decisions, next: 0, preemptions: spent, running });
    return true;
  };
  const step = (frame: Frame): void => {
    const choice = frame.decisions[frame.next++]!;
    schedule.push(choice);
    machine.step(threadOf(choice), choiceOf(choice));
  };

  for (;;) {
    while (push()) {
      if (frames.length > stepsPerExecution) return 'limit';
      step(frames.at(-1)!);
    }
    const stop = search.end(() => [...schedule]);
    if (stop !== undefined) return stop;
    machine.failure = undefined;
    while (frames.length > 0 && frames.at(-1)!.next === frames.at(-1)!.decisions.length) {
      frames.pop();
      schedule.pop();
    }
    const frame = frames.at(-1);
    if (frame === undefined) return 'complete';
    machine.cells.rewind(frame.mark);
    schedule.pop();
    step(frame);
  }
}

function cost(frame: Frame, thread: number): number {
  return frame.running >= 0 && frame.running !== thread ? 1 : 0;
}
