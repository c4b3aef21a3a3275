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
 */
import type { Machine } from '../engine/machine.ts';
import { Kind } from '../memory/operation.ts';
import { accesses, dependent, placeOf, writes, type Access } from './access.ts';
import { accessTo, Event, History } from './history.ts';
import { decision, type Decision, type Search, type SearchEnd } from './search.ts';

/** An event, and the choice between events at its place in the execution. */
class Frame extends Event {
  /** Where to go back to. */
  mark = 0;
  choice = 0;
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
}

/** Runs the search. */
export function dpor(search: Search): SearchEnd {
  return new Dpor(search).run();
}

const histories = new WeakMap<Machine, History<Frame>>();

/** Makes a machine ready for {@link dpor}; call it before the machine starts. */
export function prepareDpor(machine: Machine, isBounded: boolean): void {
  machine.parksLoops = !isBounded;
  histories.set(machine, new History(machine));
}

class Dpor {
  readonly #search: Search;
  readonly #machine: Machine;
  readonly #history: History<Frame>;
  readonly #frames: Frame[];
  /** Events of the current execution. */
  #depth = 0;
  /** The threads that are enabled now: only those that a step concerns are looked at again. */
  #enabled: number;
  readonly #isBounded: boolean;
  /** What each thread's next step touches: nothing, once it has ended. */
  readonly #pending: (readonly Access[])[] = [];

  constructor(search: Search) {
    this.#search = search;
    this.#machine = search.machine;
    this.#isBounded = search.options.preemptions !== Infinity;
    this.#history = histories.get(search.machine)!;
    this.#frames = this.#history.events;
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
    const { thread } = frame;
    const pending = this.#pending[thread]!;
    frame.accesses = pending;
    this.#history.add(frame, this.#depth);
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
        if (t !== thread) this.#history.wake(t, frame);
        this.#findRaces(t);
      } else {
        if (!dependent(pending, this.#pending[t]!)) continue;
        this.#findRaces(t);
      }
      enabled = machine.isEnabled(t) ? enabled | (1 << t) : enabled & ~(1 << t);
    }
    this.#enabled = machine.failure === undefined ? enabled : 0;
  }

  /** Finds the events that race with a thread's next operation. */
  #findRaces(t: number): void {
    const machine = this.#machine;
    const { operation } = machine.point(t);
    if (operation === undefined) return;
    if (machine.isAsleep(t) ? !machine.isEnabled(t) : machine.parksLoops && machine.watch(t))
      return;
    const pending = this.#pending[t]!;
    const maySpin = operation.mayRepeat && operation.bytes === 4;
    for (let i = 0; i < pending.length; i++) this.#findRacesOf(t, pending[i]!, maySpin);
  }

  /** The same for one access, the latest event first. */
  #findRacesOf(t: number, access: Access, maySpin: boolean): void {
    const history = this.#history;
    const pending = this.#pending[t]!;
    let readers = 0;
    let number = history.raceFrom(history.lastOf(access), t, access);
    while (number !== 0) {
      const event = this.#frames[number - 1]!;
      const at = accessTo(event, placeOf(access));
      const isWrite = writes(event.accesses[at]!);
      const bit = 1 << event.thread;
      if (maySpin && this.#machine.spinsOn(t, event.held[at]!)) {
        if (this.#isBounded) this.#addBacktrack(number, t, pending);
      } else {
        if (isWrite || (readers & bit) === 0) this.#addBacktrack(number, t, pending);
        if (isWrite) return;
        readers |= bit;
      }
      number = history.raceFrom(event.previous[at]!, t, access);
    }
  }

  /** Event `number` races with the next operation of `t`: lets its frame try the other order. */
  #addBacktrack(number: number, t: number, pending: readonly Access[]): void {
    if (this.#isBounded) {
      this.#addConservative(number, t);
      return;
    }
    const frame = this.#frames[number - 1]!;
    const initials = this.#history.initials(number, this.#depth, t, pending) & frame.enabled;
    if (initials === 0) frame.backtrack |= frame.enabled;
    else if ((frame.backtrack & initials) !== 0) return;
    else frame.backtrack |= (initials >> t) & 1 ? 1 << t : lowestBit(initials);
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
    const looks =
      machine.slice(t) ??
      (machine.parksLoops ? undefined : machine.watch(t)?.map(({ offset }) => offset));
    // Whether it can go on depends on every word that its loop looks at, or that it has touched before its slice.
    this.#pending[t] = looks === undefined ? own : [...own, ...looks.map((at) => (at >> 2) << 2)];
  }

  #asleep(): number {
    let set = 0;
    for (let t = 0; t < this.#machine.threads; t++) if (this.#machine.isAsleep(t)) set |= 1 << t;
    return set;
  }

  #schedule(): Decision[] {
    return this.#frames.slice(0, this.#depth).map((frame) => decision(frame.thread, frame.choice));
  }
}

function cost(frame: Frame, thread: number): number {
  return frame.running >= 0 && frame.running !== thread ? 1 : 0;
}

const lowest = (set: number): number => 31 - Math.clz32(set & -set);
const lowestBit = (set: number): number => set & -set;
