/** What a failing execution of asynchronous code is reported as. */
import type { Choice, Outcome } from './execution.ts';
import type { Line } from './world.ts';

/** What is wrong. */
export type EventVerdict =
  /** The code threw. */
  | 'assertion'
  /** Nothing can arrive any more, and the code is not done. */
  | 'deadlock'
  /** The code did something else in the same situation. */
  | 'nondeterminism'
  /** More arrivals than one execution may have. */
  | 'endless';

/** An actor that cannot go on. */
export interface Waiting {
  readonly actor: string;
  /** The step after which nothing came. */
  readonly step: string;
}

/** One failing execution. */
export interface EventFailure {
  readonly verdict: EventVerdict;
  readonly message: string;
  readonly error: unknown;
  /** Of a deadlock: who waits, if there are actors. */
  readonly waiting: readonly Waiting[];
  /** Replays it: see `replayEvents`. */
  readonly schedule: string;
  /** How often something other than the longest-pending completion arrived. */
  readonly delays: number;
  /** How often another came while the actor that took the last step could have gone on. */
  readonly preemptions: number;
  /** What arrived, in order. */
  readonly arrivals: readonly string[];
  /** Whether no failing execution is cheaper, or as cheap and shorter. */
  readonly isMinimal: boolean;
  readonly diagram: string;
}

/** What a choice costs. */
export type Cost = (choice: Choice) => number;

/** Costs of a whole execution. */
export function costOf(choices: readonly Choice[], cost: Cost): number {
  return choices.reduce((sum, choice) => sum + cost(choice), 0);
}

/** Anything but the longest-pending completion. */
export const delay: Cost = ({ isArrival, picked }) => (isArrival && picked > 0 ? 1 : 0);
/** Anything but the next step of who took the last one. */
export const preemption: Cost = ({ continues, picked }) => (continues && picked > 0 ? 1 : 0);

/** Describes a failing execution. */
export function report(
  { choices, failure, lines, actors }: Outcome,
  isMinimal: boolean,
): EventFailure {
  const { verdict, error, waiting } = failure!;
  const message = error instanceof Error ? error.message : String(error);
  const arrivals = choices.filter(({ isArrival }) => isArrival);
  return {
    verdict,
    message,
    error,
    waiting,
    schedule: choices.map(({ picked }) => picked).join(','),
    delays: costOf(choices, delay),
    preemptions: costOf(choices, preemption),
    arrivals: arrivals.map(({ name }) => name),
    isMinimal,
    diagram: [...draw(lines, actors), '', `=> ${verdict}: ${message}`].join('\n'),
  };
}

/** A column for each actor who does anything, and a last one for what is nobody's, if there is any. */
function draw(lines: readonly Line[], all: readonly string[]): string[] {
  const actors = all.filter((name) => lines.some(({ actor }) => actor?.name === name));
  const others = actors.length === 0 || lines.some(({ actor }) => actor === undefined);
  const columns = others ? [...actors, actors.length === 0 ? 'arrivals' : '(others)'] : actors;
  const rows = lines.map(({ actor, text, number }) => ({
    column: actor === undefined ? columns.length - 1 : columns.indexOf(actor.name),
    text: number === undefined ? `  ${text}` : text,
    number: number === undefined ? '' : String(number),
  }));
  const widths = columns.map((name, at) =>
    Math.max(name.length, ...rows.map(({ column, text }) => (column === at ? text.length : 0))),
  );
  const cells = (texts: readonly string[]): string =>
    texts
      .map((text, at) => text.padEnd(widths[at]!))
      .join(' | ')
      .trimEnd();
  return [
    `  #  ${cells(columns)}`,
    `-----${widths.map((width) => '-'.repeat(width)).join('-+-')}`,
    ...rows.map(
      ({ column, text, number }) =>
        `${number.padStart(3)}  ${cells(columns.map((_, at) => (at === column ? text : '')))}`,
    ),
  ];
}
