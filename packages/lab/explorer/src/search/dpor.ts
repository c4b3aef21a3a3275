/**
 * Every interleaving up to the order of independent operations: dynamic partial-order reduction with source sets and sleep
 * sets (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014). With a bound on preemptions, the sets of Flanagan and Godefroid with
 * the conservative backtrack points of Coons, Musuvathi and McKinley (OOPSLA 2013), without sleep sets.
 *
 * 1. The frames on the stack are the events of the current execution. Each has a vector clock: which events of each thread
 *    happen before it, by program order and dependence.
 * 2. Whenever a thread's next operation depends on an earlier event that does not happen before it, the two race: the
 *    earlier event's frame must also try a thread that begins the other order. That is looked at when the operation
 *    comes up, and again after each event that depends on it.
 * 3. A thread that would only spin is not enabled (machine.ts). Its operation races with the last event before which it was
 *    enabled: earlier ones are looked at too until one is found.
 * 4. A thread parked in a loop of several operations stays there for good in this execution: going around once more has
 *    no effect, so every other behaviour of it appears where its reads come later. If the others' writes would have let it
 *    go on, the end of the execution is nobody's end, and the judge drops it. (Not with a bound: coming later may cost a
 *    preemption. There it goes on when a word has changed, and depends on all the words that its loop looks at.)
 *
 * In cells, so that going back needs no code: each thread's clock, and for each place its last event. Both hold numbers of
 * events plus one, 0 being none.
 */
import type { Machine } from '../engine/machine.ts';
import { Kind, type Operation } from '../memory/operation.ts';
import {
  accesses,
  dependent,
  isQueue,
  placeCount,
  placeOf,
  wordOf,
  writes,
  type Access,
  type Place,
} from './access.ts';
import { decision, type Decision, type Search, type SearchEnd } from './search.ts';

/** An event, and the choice between events at its place in the execution. */
class Frame {
  mark = 0;
  thread = -1;
  choice = 0;
  accesses: readonly Access[] = [];
  /** For each access: the previous event of its place plus one, and what a word held before. */
  readonly previous: number[] = [];
  readonly before: number[] = [];
  /** Events of each thread that happen before this one, this one included; numbers plus one. */
  readonly clock: Int32Array;
  /** Sets of threads. */
  enabled = 0;
  backtrack = 0;
  done = 0;
  sleep = 0;
  /** The sleep set after the event. */
  sleepAfter = 0;
  /** Preemptions before this event, and the thread that could have gone on, or -1. */
  preemptions = 0;
  running = -1;

  constructor(threads: number) {
    this.clock = new Int32Array(threads);
  }
}

/** Runs the search. */
export function dpor(search: Search): SearchEnd {
  return new Dpor(search).run();
}

/** First cells of what the search keeps in a machine. */
interface Reserved {
  /** Clocks: threads x threads. */
  readonly clocks: number;
  /** For each place its last event. */
  readonly last: number;
}

const reserved = new WeakMap<Machine, Reserved>();

/** Makes a machine ready for {@link dpor}; call it before the machine starts. */
export function prepareDpor(machine: Machine, isBounded: boolean): void {
  const { cells, threads, ram } = machine;
  machine.parksLoops = !isBounded;
  reserved.set(machine, {
    clocks: cells.reserve(threads * threads),
    last: cells.reserve(placeCount(ram.wordCount + 1)),
  });
}

class Dpor {
  readonly #search: Search;
  readonly #machine: Machine;
  readonly #frames: Frame[] = [];
  #depth = 0;
  /** The threads that are enabled now: only those that a step concerns are looked at again. */
  #enabled: number;
  readonly #isBounded: boolean;
  readonly #clocks: number;
  readonly #last: number;
  readonly #firsts: Int32Array;
  /** What each thread's next step touches: nothing, once it has ended. */
  readonly #pending: (readonly Access[])[] = [];

  constructor(search: Search) {
    this.#search = search;
    this.#machine = search.machine;
    this.#isBounded = search.options.preemptions !== Infinity;
    const { clocks, last } = reserved.get(search.machine)!;
    this.#clocks = clocks;
    this.#last = last;
    this.#firsts = new Int32Array(search.machine.threads);
    this.#enabled = search.machine.enabled();
    for (let t = 0; t < search.machine.threads; t++) this.#lookAt(t);
  }

  run(): SearchEnd {
    const search = this.#search;
    let sleep = 0;
    for (;;) {
      const end = this.#descend(sleep);
      if (end === 'limit') return end;
      if (end === 'asleep') search.redundant++;
      const stop = end === 'asleep' ? search.overBudget() : search.end(() => this.#schedule());
      if (stop !== undefined) return stop;
      this.#machine.failure = undefined;
      const frame = this.#nextFrame();
      if (frame === undefined) return 'complete';
      for (let t = 0; t < this.#machine.threads; t++) this.#lookAt(t);
      this.#perform(frame);
      sleep = frame.sleepAfter;
    }
  }

  /** Takes steps until nobody can, or until only threads could whose turn has been explored. */
  #descend(sleepAtStart: number): 'end' | 'asleep' | 'limit' {
    let sleep = sleepAtStart;
    for (;;) {
      const enabled = this.#enabled;
      if (enabled === 0) return 'end';
      if (this.#depth >= this.#search.options.stepsPerExecution) return 'limit';
      const frame = this.#push(enabled, sleep);
      const awake = enabled & ~sleep;
      if (awake === 0) return 'asleep';
      const { running } = frame;
      frame.thread = running >= 0 && (awake >> running) & 1 ? running : lowest(awake);
      frame.backtrack = 1 << frame.thread;
      frame.choice = 0;
      this.#depth++;
      this.#perform(frame);
      sleep = frame.sleepAfter;
    }
  }

  #push(enabled: number, sleep: number): Frame {
    const { threads, cells } = this.#machine;
    const frame = (this.#frames[this.#depth] ??= new Frame(threads));
    const before = this.#depth === 0 ? undefined : this.#frames[this.#depth - 1]!;
    frame.mark = cells.mark();
    frame.enabled = enabled;
    frame.done = 0;
    frame.sleep = this.#isBounded ? 0 : sleep;
    frame.preemptions = before === undefined ? 0 : before.preemptions + cost(before, before.thread);
    frame.running = before !== undefined && (enabled >> before.thread) & 1 ? before.thread : -1;
    return frame;
  }

  /** Finds the deepest frame with something left to try, goes back to it, and chooses that. */
  #nextFrame(): Frame | undefined {
    for (; this.#depth > 0; this.#depth--) {
      const frame = this.#frames[this.#depth - 1]!;
      this.#machine.cells.rewind(frame.mark);
      if (frame.choice + 1 < this.#search.choices(frame.thread)) {
        frame.choice++;
        return frame;
      }
      frame.done |= 1 << frame.thread;
      if (!this.#isBounded) frame.sleep |= 1 << frame.thread;
      let left = frame.backtrack & frame.enabled & ~frame.done & ~frame.sleep;
      if (this.#isBounded) left = this.#affordable(frame, left);
      if (left !== 0) {
        frame.thread = lowest(left);
        frame.choice = 0;
        return frame;
      }
    }
    return undefined;
  }

  #affordable(frame: Frame, threads: number): number {
    let left = 0;
    for (let t = 0; t < this.#machine.threads; t++) {
      if (((threads >> t) & 1) === 0) continue;
      if (frame.preemptions + cost(frame, t) <= this.#search.options.preemptions) left |= 1 << t;
      else this.#search.isBounded = true;
    }
    return left;
  }

  /** Takes the frame's step: gives the event its clock, and looks at what it changes for each thread. */
  #perform(frame: Frame): void {
    const machine = this.#machine;
    const { thread, clock } = frame;
    const pending = this.#pending[thread]!;
    frame.accesses = pending;
    this.#readClock(thread, clock);
    for (let i = 0; i < pending.length; i++) this.#order(frame, pending[i]!, i);
    clock[thread] = this.#depth;
    this.#writeClock(thread, clock);
    frame.sleepAfter = frame.sleep === 0 ? 0 : this.#sleepAfter(frame);
    const mayWake = machine.point(thread).operation!.kind === Kind.notify;
    const asleep = mayWake ? this.#asleep() : 0;
    machine.step(thread, frame.choice);
    const woken = mayWake ? asleep & ~this.#asleep() : 0;
    let enabled = frame.enabled;
    for (let t = 0; t < machine.threads; t++) {
      const isNew = t === thread || ((woken >> t) & 1) === 1;
      if (isNew) {
        if (machine.failure !== undefined) continue;
        this.#lookAt(t);
        if (t !== thread) this.#joinClock(t, clock);
        this.#findRaces(t);
      } else {
        if (!dependent(pending, this.#pending[t]!)) continue;
        this.#findRaces(t);
      }
      enabled = machine.isEnabled(t) ? enabled | (1 << t) : enabled & ~(1 << t);
    }
    this.#enabled = machine.failure === undefined ? enabled : 0;
  }

  /** Puts an event after those that it depends on, and at the head of its place's history. */
  #order(frame: Frame, access: Access, i: number): void {
    const { cells } = this.#machine;
    const place = placeOf(access);
    const isWrite = writes(access);
    const head = cells.words[this.#last + place]!;
    frame.previous[i] = head;
    frame.before[i] = isQueue(place) ? 0 : cells.words[wordOf(place)]!;
    for (let j = head; j !== 0;) {
      const other = this.#frames[j - 1]!;
      const at = accessTo(other, place);
      const otherWrites = writes(other.accesses[at]!);
      if (isWrite || otherWrites) join(frame.clock, other.clock);
      if (otherWrites) break;
      j = other.previous[at]!;
    }
    cells.set(this.#last + place, this.#depth);
  }

  /** Finds the events that race with a thread's next operation. */
  #findRaces(t: number): void {
    const machine = this.#machine;
    const { operation } = machine.point(t);
    if (operation === undefined) return;
    if (machine.isAsleep(t) ? !machine.isEnabled(t) : machine.parksLoops && machine.watch(t))
      return;
    const pending = this.#pending[t]!;
    for (let i = 0; i < pending.length; i++) this.#findRacesAt(t, operation, pending, pending[i]!);
  }

  #findRacesAt(t: number, operation: Operation, pending: readonly Access[], access: Access): void {
    const machine = this.#machine;
    const { words } = machine.cells;
    const clock = this.#clocks + t * machine.threads;
    const place = placeOf(access);
    const isWrite = writes(access);
    const maySpin = operation.mayRepeat && operation.bytes === 4;
    let readers = 0;
    for (let j = words[this.#last + place]!; j !== 0;) {
      const event = this.#frames[j - 1]!;
      const at = accessTo(event, place);
      const number = j;
      j = event.previous[at]!;
      const eventWrites = writes(event.accesses[at]!);
      if (!isWrite && !eventWrites) continue;
      if (event.thread === t || number <= words[clock + event.thread]!) {
        if (eventWrites) break;
        continue;
      }
      if (maySpin && machine.spinsOn(t, event.before[at]!)) {
        if (this.#isBounded) this.#addBacktrack(number, t, pending);
        continue;
      }
      if (eventWrites) {
        this.#addBacktrack(number, t, pending);
        break;
      }
      if (((readers >> event.thread) & 1) === 0) {
        readers |= 1 << event.thread;
        this.#addBacktrack(number, t, pending);
      }
    }
  }

  /** Event `number` races with the next operation of `t`: lets its frame try the other order. */
  #addBacktrack(number: number, t: number, pending: readonly Access[]): void {
    if (this.#isBounded) {
      this.#addConservative(number, t);
      return;
    }
    const frame = this.#frames[number - 1]!;
    const initials = this.#initials(number, t, pending) & frame.enabled;
    if (initials === 0) frame.backtrack |= frame.enabled;
    else if ((frame.backtrack & initials) !== 0) return;
    else frame.backtrack |= (initials >> t) & 1 ? 1 << t : lowestBit(initials);
  }

  /** The threads that can begin: first in what comes after the event, `t` included, but does not depend on it. */
  #initials(number: number, t: number, pending: readonly Access[]): number {
    const threads = this.#machine.threads;
    const { words } = this.#machine.cells;
    const racing = this.#frames[number - 1]!.thread;
    const firsts = this.#firsts.fill(0);
    let initials = 0;
    let touched = false;
    for (let j = number + 1; j <= this.#depth; j++) {
      const event = this.#frames[j - 1]!;
      if (event.clock[racing]! >= number) continue;
      if (firsts[event.thread] === 0) {
        if (!isAfterAny(event.clock, firsts, threads)) initials |= 1 << event.thread;
        firsts[event.thread] = j;
      }
      touched ||= dependent(event.accesses, pending);
    }
    if (firsts[t] === 0 && !touched) {
      const clock = this.#clocks + t * threads;
      if (!isAfterAny(words.subarray(clock, clock + threads), firsts, threads)) initials |= 1 << t;
    }
    return initials;
  }

  #addConservative(number: number, t: number): void {
    let first = number;
    const { thread } = this.#frames[number - 1]!;
    while (first > 1 && this.#frames[first - 2]!.thread === thread) first--;
    for (const at of new Set([number, first])) {
      const frame = this.#frames[at - 1]!;
      frame.backtrack |= (frame.enabled >> t) & 1 ? 1 << t : frame.enabled;
    }
  }

  /** Of the threads whose turn has been explored, those whose next step does not depend on the frame's event. */
  #sleepAfter(frame: Frame): number {
    let sleep = 0;
    for (let left = frame.sleep; left !== 0; left &= left - 1) {
      const t = lowest(left);
      if (!dependent(this.#pending[t]!, frame.accesses)) sleep |= 1 << t;
    }
    return sleep;
  }

  /** Finds out what a thread's next step touches. */
  #lookAt(t: number): void {
    const machine = this.#machine;
    const { operation } = machine.point(t);
    if (operation === undefined) {
      this.#pending[t] = [];
      return;
    }
    const own = accesses(operation, machine.isAsleep(t));
    const watch = machine.parksLoops ? undefined : machine.watch(t);
    // Whether it can go on depends on every word that its loop looks at.
    this.#pending[t] =
      watch === undefined ? own : [...own, ...watch.map(({ offset }) => (offset >> 2) << 2)];
  }

  #asleep(): number {
    let set = 0;
    for (let t = 0; t < this.#machine.threads; t++) if (this.#machine.isAsleep(t)) set |= 1 << t;
    return set;
  }

  #readClock(t: number, into: Int32Array): void {
    const { cells, threads } = this.#machine;
    for (let u = 0; u < threads; u++) into[u] = cells.words[this.#clocks + t * threads + u]!;
  }

  #writeClock(t: number, clock: Int32Array): void {
    const { cells, threads } = this.#machine;
    for (let u = 0; u < threads; u++) cells.set(this.#clocks + t * threads + u, clock[u]!);
  }

  #joinClock(t: number, clock: Int32Array): void {
    const { cells, threads } = this.#machine;
    for (let u = 0; u < threads; u++) {
      const at = this.#clocks + t * threads + u;
      if (clock[u]! > cells.words[at]!) cells.set(at, clock[u]!);
    }
  }

  #schedule(): Decision[] {
    return this.#frames.slice(0, this.#depth).map((frame) => decision(frame.thread, frame.choice));
  }
}

function cost(frame: Frame, thread: number): number {
  return frame.running >= 0 && frame.running !== thread ? 1 : 0;
}

/** Which of the frame's accesses is the one to this place. */
function accessTo(frame: Frame, place: Place): number {
  const { accesses: all } = frame;
  let at = 0;
  while (placeOf(all[at]!) !== place) at++;
  return at;
}

function join(into: Int32Array, from: Int32Array): void {
  for (let t = 0; t < into.length; t++) if (from[t]! > into[t]!) into[t] = from[t]!;
}

/** Whether something with this clock happens after the first event of any thread. */
function isAfterAny(clock: Int32Array, firsts: Int32Array, threads: number): boolean {
  for (let u = 0; u < threads; u++) if (firsts[u] !== 0 && clock[u]! >= firsts[u]!) return true;
  return false;
}

const lowest = (set: number): number => 31 - Math.clz32(set & -set);
const lowestBit = (set: number): number => set & -set;
