/** From a fault and its trace to what people read. */
import type { Fault } from '../engine/guard.ts';
import type { Failure } from '../failure.ts';
import { drawDiagram, type DiagramOptions } from './diagram.ts';
import { formatSchedule } from './schedule.ts';
import { formatPlaces } from './stack.ts';
import type { Trace, TraceEvent } from './trace.ts';

/** Makes a failure of a trace that has a fault. */
export function createFailure(
  threads: readonly string[],
  trace: Trace,
  fault: Fault,
  isMinimal: boolean,
  options?: DiagramOptions,
): Failure {
  const marked = culprits(threads, trace.events, fault);
  const message = describe(threads, trace.events, fault, marked);
  const diagram = [
    drawDiagram(threads, trace.events, new Set(marked), options),
    '',
    `=> ${fault.kind}: ${message}`,
    ...(fault.kind === 'data-race' ? marked.map(showStack) : []),
  ].join('\n');
  return {
    verdict: fault.kind,
    message,
    error: 'error' in fault ? fault.error : undefined,
    schedule: formatSchedule(trace.schedule, (step) => trace.choosing.has(step)),
    preemptions: trace.preemptions,
    steps: trace.schedule.length,
    isMinimal,
    events: trace.events,
    diagram,
  };
}

/** The events that a fault is about: the last one, and of a race also the earlier access. */
function culprits(
  threads: readonly string[],
  events: readonly TraceEvent[],
  fault: Fault,
): readonly TraceEvent[] {
  const last = events.at(-1);
  if (last === undefined || !('offset' in fault)) return [];
  const { offset } = fault;
  const touches = (event: TraceEvent): boolean =>
    event.offset < offset + 4 && offset < event.offset + Math.max(event.byteLength, 1);
  if (fault.kind === 'use-after-free') {
    const freed = events.findLast((event) => event.kind === 'free' && touches(event));
    return freed === undefined ? [last] : [freed, last];
  }
  const earlier = events.findLast(
    (event) =>
      event !== last &&
      event.thread === threads[fault.other ?? -1] &&
      touches(event) &&
      (event.writes || last.writes) &&
      (event.isPlain ||
        last.isPlain ||
        event.byteLength !== last.byteLength ||
        event.offset !== last.offset),
  );
  return earlier === undefined ? [last] : [earlier, last];
}

function describe(
  threads: readonly string[],
  events: readonly TraceEvent[],
  fault: Fault,
  marked: readonly TraceEvent[],
): string {
  switch (fault.kind) {
    case 'data-race': {
      const [earlier, later] = marked;
      if (later === undefined) return 'two accesses are not ordered';
      return `'${earlier!.text}' by ${earlier!.thread} and '${later.text}' by ${later.thread} are not ordered by any synchronisation`;
    }
    case 'use-after-free': {
      const access = marked.at(-1)!;
      return `'${access.text}' by ${access.thread} touches what ${marked[0]!.thread} has freed`;
    }
    case 'deadlock':
    case 'lost-wakeup': {
      const who = events
        .filter((event) => event.kind === 'stuck')
        .map(({ thread, text, stack }) => {
          const place = formatPlaces(stack);
          return `${thread} ${text.slice(2)}${place === '' ? '' : ` at ${place}`}`;
        });
      const why =
        fault.kind === 'deadlock'
          ? 'nobody can go on'
          : 'nobody can go on, and a sleeper missed its wake-up';
      return `${why}: ${who.join('; ')}`;
    }
    case 'check':
      return `the check failed: ${messageOf(fault.error)}`;
    default:
      return `${threads[fault.thread]} threw: ${messageOf(fault.error)}`;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function showStack(event: TraceEvent): string {
  const frames = event.stack.map(
    ({ method, file, line }) => `      at ${method} (${file}:${line})`,
  );
  return [`   ${event.thread}: ${event.text}`, ...frames].join('\n');
}
