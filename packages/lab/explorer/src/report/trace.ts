/** Runs one schedule and writes down what happens: every access, by whom, where, and what it found. */
import { notes } from '../engine/execution.ts';
import type { Fault, Observer } from '../engine/guard.ts';
import type { Machine } from '../engine/machine.ts';
import type { Prepared } from '../engine/prepare.ts';
import { Tape } from '../engine/trie.ts';
import { ExplorerError } from '../errors.ts';
import { access } from '../memory/agent.ts';
import {
  Kind,
  kindNames,
  outcome,
  Waited,
  type Bits,
  type Operation,
} from '../memory/operation.ts';
import { choiceOf, threadOf, type Decision } from '../search/search.ts';
import type { NameOf } from './names.ts';
import { parseStack, type Place } from './stack.ts';

/** What happened, in one thread. */
export interface TraceEvent {
  readonly thread: string;
  /** The visible operation's number; for plain accesses, that of the one before. */
  readonly step: number;
  readonly kind: string;
  /** A plain access, a free or a note: no scheduling point. */
  readonly isPlain: boolean;
  /** Bytes that it touches; none for a note or a choose. */
  readonly offset: number;
  readonly byteLength: number;
  readonly writes: boolean;
  /** What to say in a diagram: `load ready = 1`. */
  readonly text: string;
  /** Where in the code, innermost first. */
  readonly stack: readonly Place[];
}

/** A visible operation as it was carried out. */
export interface TraceStep {
  /** The thread's number. */
  readonly thread: number;
  readonly operation: Operation;
  readonly result: Bits | 'asleep';
  /** How often it was repeated at once with the same result: the turns of a bounded spin loop. */
  repeats: number;
}

/** A schedule, carried out. */
export interface Trace {
  readonly events: readonly TraceEvent[];
  /** Every visible operation, those of attach parts and their ends included. */
  readonly steps: readonly TraceStep[];
  /** How many of them were done before the schedule began. */
  readonly attachSteps: number;
  readonly fault: Fault | undefined;
  readonly preemptions: number;
  readonly schedule: readonly Decision[];
  /** Numbers of steps that choose. */
  readonly choosing: ReadonlySet<number>;
}

const framesMax = 30;
/** Plain accesses after one operation whose stacks are kept: a runaway loop has many. */
const stacksMax = 2_000;

/** Runs a schedule on a fresh machine. @throws ExplorerError when it asks for a step that is not possible */
export function trace(
  prepared: Prepared,
  schedule: readonly Decision[],
  nameOf: NameOf,
  races: boolean,
): Trace {
  const events: TraceEvent[] = [];
  const steps: TraceStep[] = [];
  const choosing = new Set<number>();
  let step = 0;
  let preemptions = 0;
  const observer = createObserver(prepared.names, nameOf, { events, steps }, () => step);
  const { machine, judge } = prepared.createMachine({ races, observer });
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = framesMax;
  try {
    machine.start();
    const attachSteps = steps.length;
    let last = -1;
    for (const next of schedule) {
      if (machine.failure !== undefined) break;
      const t = threadOf(next);
      if (t >= machine.threads || !machine.isEnabled(t)) {
        const name = prepared.names[t] ?? `number ${t + 1}`;
        throw new ExplorerError(
          `expected a thread that can take step ${step + 1} of the schedule, got thread ${name}, which cannot`,
        );
      }
      if (last >= 0 && last !== t && machine.isEnabled(last)) preemptions++;
      if (machine.point(t).operation!.kind === Kind.choose) choosing.add(step);
      step++;
      machine.step(t, choiceOf(next));
      last = t;
    }
    const judgement =
      machine.failure === undefined && machine.enabled() !== 0 ? 'fine' : judge.judge();
    const fault = judgement === 'fine' || judgement === 'cut-short' ? undefined : judgement;
    if (fault !== undefined && 'stuck' in fault) {
      for (const t of fault.stuck) events.push(stuckEvent(machine, t, step, nameOf));
    }
    return {
      events,
      steps,
      attachSteps,
      fault,
      preemptions,
      schedule: schedule.slice(0, step),
      choosing,
    };
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** What a thread that cannot go on is about to do. */
function stuckEvent(machine: Machine, t: number, step: number, nameOf: NameOf): TraceEvent {
  const point = machine.point(t);
  const operation = point.operation!;
  const { offset, bytes } = operation;
  const found = machine.ram.load(offset, bytes);
  const what = machine.isAsleep(t)
    ? `sleeps on ${nameOf(offset)}, which is ${String(operation.element?.decodeBits(found))}`
    : `spins: ${describe(operation, found, found, nameOf)}`;
  return {
    thread: machine.name(t),
    step,
    kind: 'stuck',
    isPlain: true,
    offset,
    byteLength: bytes,
    writes: false,
    text: `■ ${what}`,
    stack: parseStack(point.stack ?? ''),
  };
}

/** An event whose stack is worked out when somebody looks: that takes longer than all the rest. */
function withStack(event: Omit<TraceEvent, 'stack'>, stack: () => readonly Place[]): TraceEvent {
  return Object.defineProperty(event, 'stack', { enumerable: true, get: stack }) as TraceEvent;
}

function once<T>(compute: () => T): () => T {
  let known: { value: T } | undefined;
  return () => (known ??= { value: compute() }).value;
}

function createObserver(
  names: readonly string[],
  nameOf: NameOf,
  { events, steps }: { events: TraceEvent[]; steps: TraceStep[] },
  step: () => number,
): Observer {
  /** The low word of an element of 8 bytes whose high word comes next. */
  let low: { event: number; bits: number; offset: number } | undefined;
  let plainCount = 0;
  return {
    plain(thread, code, offset, bits) {
      const name = names[thread];
      if (name === undefined) return;
      const kind = code & 15;
      if (kind === Tape.again) {
        steps.findLast((each) => each.thread === thread)!.repeats++;
        return;
      }
      const { element } = access;
      const bytes = code >> 4;
      const isNote = kind === Tape.note;
      const kindName = isNote
        ? 'note'
        : kind === Tape.free
          ? 'free'
          : kind === Tape.read
            ? 'read'
            : 'write';
      const here = ++plainCount > stacksMax ? undefined : new Error('here');
      const event = {
        thread: name,
        step: step(),
        kind: kindName,
        isPlain: true,
        offset,
        byteLength: isNote ? 0 : kind === Tape.free ? bits : bytes,
        writes: kind === Tape.write || kind === Tape.free,
      };
      const stack = once(() => parseStack(here?.stack ?? ''));
      const isAccess = kind === Tape.read || kind === Tape.write;
      const say = (value: unknown, at: number): string =>
        `${kindName} ${nameOf(at)} ${kind === Tape.read ? '=' : ':='} ${String(value)}`;
      if (isNote) {
        events.push(withStack({ ...event, text: `// ${notes[bits]}` }, stack));
      } else if (kind === Tape.free) {
        events.push(withStack({ ...event, text: `free ${nameOf(offset)}, ${bits} bytes` }, stack));
      } else if (isAccess && element?.bytes === 8 && low?.offset === offset - 4) {
        const value = element.decode(low.bits, bits);
        const before = events[low.event]!;
        const whole = {
          ...event,
          offset: before.offset,
          byteLength: 8,
          text: say(value, before.offset),
        };
        events[low.event] = withStack(whole, stack);
      } else {
        const value = element === undefined || element.bytes === 8 ? bits : element.decode(bits);
        events.push(withStack({ ...event, text: say(value, offset) }, stack));
        low = element?.bytes === 8 ? { event: events.length - 1, bits, offset } : undefined;
        return;
      }
      low = undefined;
    },
    visible(thread, point, result, found) {
      const name = names[thread];
      const operation = point.operation!;
      if (name === undefined) return;
      plainCount = 0;
      steps.push({ thread, operation, result, repeats: 0 });
      if (operation.kind === Kind.begin) {
        // What its attach part did is of no interest any more.
        const others = events.filter((event) => event.thread !== name);
        events.splice(0, events.length, ...others);
        return;
      }
      const isChoice = operation.kind === Kind.choose;
      events.push({
        thread: name,
        step: step(),
        kind: kindNames[operation.kind]!,
        isPlain: false,
        offset: operation.offset,
        byteLength: isChoice ? 0 : operation.bytes,
        writes: ![Kind.load, Kind.wait, Kind.notify, Kind.choose, Kind.read].includes(
          operation.kind as 0,
        ),
        text: describe(operation, result, found, nameOf),
        stack: parseStack(point.stack ?? ''),
      });
    },
  };
}

function describe(
  operation: Operation,
  result: Bits | 'asleep',
  found: Bits,
  nameOf: NameOf,
): string {
  const { kind, element, operand, expected } = operation;
  const show = (bits: Bits): string =>
    String(element === undefined ? bits : element.decodeBits(bits));
  const name = nameOf(operation.offset);
  const verb = kindNames[kind]!;
  switch (kind) {
    case Kind.load:
    case Kind.read:
      return `${verb} ${name} = ${show(found)}`;
    case Kind.store:
    case Kind.write:
      return `${verb} ${name} := ${show(operand)}`;
    case Kind.compareExchange: {
      const change = `compareExchange ${name} ${show(expected)} -> ${show(operand)}`;
      return found === expected ? change : `${change} fails: is ${show(found)}`;
    }
    case Kind.wait:
      if (result === 'asleep') return `wait ${name} while ${show(expected)}: sleeps`;
      if (result === Waited.ok) return `wait ${name}: woken`;
      if (result === Waited.timedOut) return `wait ${name}: timed out`;
      return `wait ${name} while ${show(expected)}: is ${show(found)}`;
    case Kind.notify:
      return `notify ${name}: wakes ${String(result)}`;
    case Kind.choose:
      return `choose(${String(operand)}) = ${String(result)}`;
    default:
      return `${verb} ${name} ${show(found)} -> ${show(outcome(operation, found))}`;
  }
}
