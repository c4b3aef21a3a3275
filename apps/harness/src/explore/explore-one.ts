/** Explores one situation of one strategy, or runs one schedule of it again. */
import {
  explore,
  exploreEvents,
  replay,
  replayEvents,
  type Counts,
  type EventFailure,
  type Failure,
  type Status,
} from '@mmu-notifier/explorer';
import type { Contender } from '../strategies.ts';
import { outline } from './outline.ts';
import type { EventSituation } from './events/situations.ts';
import { shapeOf } from './events/shape.ts';
import type { SharedSituation } from './thread-situations.ts';
import type { Mode } from './situations.ts';

/** What was found, and how far it went. */
export interface Row {
  readonly strategy: string;
  readonly scenario: string;
  readonly mode: Mode;
  readonly verdict: string;
  /** In an event loop: what was missed, in few words. */
  readonly shape: string | null;
  /** `interrupted`: by Ctrl-C, before it had found anything. */
  readonly status: Status | 'interrupted';
  /** A search that was stopped has covered everything with at most so many preemptions, if that is known. */
  readonly completeTo: number | null;
  readonly counts: Pick<Counts, 'executions' | 'steps' | 'states' | 'seconds'>;
  /** The failing schedule, if one was found; give it to `--replay`. */
  readonly schedule: string | null;
  readonly preemptions: number | null;
  readonly steps: number | null;
  readonly isMinimal: boolean | null;
  readonly message: string | null;
  readonly diagram: string | null;
}

/** Limits, and what is looked for. */
export interface Search {
  readonly preemptions?: number;
  readonly seconds: number;
  /** Threads: every interleaving up to the order of independent operations, or every state. */
  readonly strategy?: 'dpor' | 'states';
  /** In an event loop: only failures of this shape count. */
  readonly shape?: string;
  readonly onProgress?: (executions: number, seconds: number) => void;
  /** Asked about ten times a second: nobody wants more. */
  readonly isStopped?: () => boolean;
}

type Common = Pick<Row, 'strategy' | 'scenario' | 'mode'>;

/** Threads that share memory. Returns in the same turn of the event loop. */
export function exploreShared(
  contender: Contender,
  situation: SharedSituation,
  { preemptions, seconds, strategy = 'dpor', onProgress, isStopped }: Search,
): Row {
  const { verdict, counts, failure, ...end } = explore({
    ...situation.build(contender),
    strategy,
    ...(preemptions === undefined ? {} : { preemptions }),
    budget: { seconds },
    onProgress: (each) => onProgress?.(each.executions, each.seconds),
    ...(isStopped === undefined ? {} : { isStopped }),
  });
  return {
    ...nameOf(contender, situation),
    verdict,
    shape: null,
    ...endOf(end, failure, isStopped),
    counts,
    ...outlineOf(failure, failure?.steps),
  };
}

/** Asynchronous code. */
export async function exploreEventLoop(
  contender: Contender,
  situation: EventSituation,
  { preemptions, seconds, shape, onProgress, isStopped }: Search,
): Promise<Row> {
  const startMs = performance.now();
  const found = await exploreEvents({
    ...situation.build(contender),
    ...(preemptions === undefined ? {} : { preemptions }),
    ...(shape === undefined ? {} : { counts: (failure) => shapeOf(failure) === shape }),
    budget: { seconds },
    onProgress: (executions) => onProgress?.(executions, (performance.now() - startMs) / 1000),
    ...(isStopped === undefined ? {} : { isStopped }),
  });
  const { verdict, failure, executions, arrivals } = found;
  return {
    ...nameOf(contender, situation),
    verdict,
    shape: failure === undefined ? null : shapeOf(failure),
    ...endOf(found, failure, isStopped),
    counts: { executions, steps: arrivals, states: 0, seconds: found.seconds },
    ...outlineOf(failure, failure?.arrivals.length),
  };
}

/** The failure that a schedule leads to. */
export interface Replayed {
  readonly shape: string;
  readonly message: string;
  readonly diagram: string;
  /** The diagram without lines of source files. */
  readonly outline: string;
}

/** One schedule again. */
export async function replayOne(
  contender: Contender,
  situation: SharedSituation | EventSituation,
  schedule: string,
): Promise<Replayed | undefined> {
  if (situation.mode === 'shared-memory') {
    const failure = replay(situation.build(contender), schedule);
    if (failure === undefined) return undefined;
    const { verdict: shape, message, diagram } = failure;
    return { shape, message, diagram, outline: outline(failure) };
  }
  const failure = await replayEvents(situation.build(contender), schedule);
  if (failure === undefined) return undefined;
  const { message, diagram } = failure;
  return { shape: shapeOf(failure), message, diagram, outline: diagram };
}

function nameOf({ label }: Contender, { name, mode }: SharedSituation | EventSituation): Common {
  return { strategy: label, scenario: name, mode };
}

function endOf(
  { status, completeTo }: { readonly status: Status; readonly completeTo: number | undefined },
  failure: Failure | EventFailure | undefined,
  isStopped: (() => boolean) | undefined,
): Pick<Row, 'status' | 'completeTo'> {
  const isCut = status === 'stopped' && failure === undefined && isStopped?.() === true;
  return { status: isCut ? 'interrupted' : status, completeTo: completeTo ?? null };
}

function outlineOf(
  failure: Failure | EventFailure | undefined,
  steps: number | undefined,
): Pick<Row, 'schedule' | 'preemptions' | 'steps' | 'isMinimal' | 'message' | 'diagram'> {
  return {
    schedule: failure?.schedule ?? null,
    preemptions: failure?.preemptions ?? null,
    steps: steps ?? null,
    isMinimal: failure?.isMinimal ?? null,
    message: failure?.message ?? null,
    diagram: failure?.diagram ?? null,
  };
}
