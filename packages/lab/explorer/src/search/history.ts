/**
 * The events of the current execution, and which happens before which: by the order of each thread, and by dependence.
 *
 * Events are numbered from 1. In cells, so that going back needs no code: each thread's clock (the number of the last event
 * of every thread that happens before its next step) and for each place the number of its last event. The rest is in the
 * events themselves, which are written again when their number is used again.
 */
import type { Machine } from '../engine/machine.ts';
import {
  dependent,
  isQueue,
  placeCount,
  placeOf,
  wordOf,
  writes,
  type Access,
  type Place,
} from './access.ts';

/** One step of the current execution. */
export class Event {
  thread = -1;
  accesses: readonly Access[] = [];
  /** For each access: the previous event of its place, or 0. */
  readonly previous: number[] = [];
  /** For each access to a word: what it held before. */
  readonly held: number[] = [];
  /** The last event of each thread that happens before this one, this one included. */
  readonly clock: Int32Array;

  constructor(threads: number) {
    this.clock = new Int32Array(threads);
  }
}

/** See the file's head. `E` is what the search keeps for each event. */
export class History<E extends Event> {
  /** Event number n is at n - 1. Those beyond the current execution are left from earlier ones. */
  readonly events: E[] = [];
  readonly #machine: Machine;
  readonly #clocks: number;
  readonly #last: number;
  readonly #firsts: Int32Array;

  /** Reserves cells: make it before the machine starts. */
  constructor(machine: Machine) {
    const { cells, threads, ram } = machine;
    this.#machine = machine;
    this.#clocks = cells.reserve(threads * threads);
    this.#last = cells.reserve(placeCount(ram.wordCount + 1));
    this.#firsts = new Int32Array(threads);
  }

  /** Adds an event whose thread and accesses are set: gives it its clock, and puts it at the head of its places. */
  add(event: E, number: number): void {
    const { cells, threads } = this.#machine;
    const { thread, clock, accesses } = event;
    const mine = this.#clocks + thread * threads;
    for (let t = 0; t < threads; t++) clock[t] = cells.words[mine + t]!;
    for (let i = 0; i < accesses.length; i++) this.#order(event, i, number);
    clock[thread] = number;
    for (let t = 0; t < threads; t++) cells.set(mine + t, clock[t]!);
  }

  #order(event: E, i: number, number: number): void {
    const { cells } = this.#machine;
    const access = event.accesses[i]!;
    const place = placeOf(access);
    const head = cells.words[this.#last + place]!;
    event.previous[i] = head;
    event.held[i] = isQueue(place) ? 0 : cells.words[wordOf(place)]!;
    for (let j = head; j !== 0;) {
      const other = this.events[j - 1]!;
      const at = accessTo(other, place);
      const otherWrites = writes(other.accesses[at]!);
      if (otherWrites || writes(access)) join(event.clock, other.clock);
      if (otherWrites) break;
      j = other.previous[at]!;
    }
    cells.set(this.#last + place, number);
  }

  /** Thread `t` was woken by this event: its next step happens after it. */
  wake(t: number, { clock }: E): void {
    const { cells, threads } = this.#machine;
    const mine = this.#clocks + t * threads;
    for (let u = 0; u < threads; u++) {
      if (clock[u]! > cells.words[mine + u]!) cells.set(mine + u, clock[u]!);
    }
  }

  /**
   * The latest event, at `from` or before it in the chain of its place, that an access by thread `t`'s next step races with: one that it
   * depends on and that does not happen before it; 0 if there is none. Behind a write that does happen before it, there are none.
   */
  raceFrom(from: number, t: number, access: Access): number {
    const { cells, threads } = this.#machine;
    const mine = this.#clocks + t * threads;
    const place = placeOf(access);
    for (let number = from; number !== 0;) {
      const event = this.events[number - 1]!;
      const at = accessTo(event, place);
      const isWrite = writes(event.accesses[at]!);
      if (isWrite || writes(access)) {
        if (number > cells.words[mine + event.thread]!) return number;
        if (isWrite) return 0;
      }
      number = event.previous[at]!;
    }
    return 0;
  }

  /** The last event of an access's place, or 0. */
  lastOf(access: Access): number {
    return this.#machine.cells.words[this.#last + placeOf(access)]!;
  }

  /**
   * The initials of what comes after an event without happening after it, up to event `last` and followed by thread `t`'s next step: the
   * threads that could come first.
   */
  initials(number: number, last: number, t: number, pending: readonly Access[]): number {
    const { cells, threads } = this.#machine;
    const racing = this.events[number - 1]!.thread;
    const firsts = this.#firsts.fill(0);
    let initials = 0;
    let isTouched = false;
    for (let j = number + 1; j <= last; j++) {
      const { clock, thread, accesses } = this.events[j - 1]!;
      if (clock[racing]! >= number) continue;
      if (firsts[thread] === 0) {
        if (!isAfterAny(clock, 0, firsts)) initials |= 1 << thread;
        firsts[thread] = j;
      }
      isTouched ||= dependent(accesses, pending);
    }
    const mine = this.#clocks + t * threads;
    const isFirst = firsts[t] === 0 && !isTouched && !isAfterAny(cells.words, mine, firsts);
    return isFirst ? initials | (1 << t) : initials;
  }
}

/** Which of the event's accesses is the one to this place. */
export function accessTo(event: Event, place: Place): number {
  const { accesses } = event;
  let at = 0;
  while (placeOf(accesses[at]!) !== place) at++;
  return at;
}

function join(into: Int32Array, from: Int32Array): void {
  for (let t = 0; t < into.length; t++) if (from[t]! > into[t]!) into[t] = from[t]!;
}

/** Whether something happens after the first event of any thread. Its clock begins at `at`. */
function isAfterAny(clock: Int32Array, at: number, firsts: Int32Array): boolean {
  for (let t = 0; t < firsts.length; t++) {
    if (firsts[t] !== 0 && clock[at + t]! >= firsts[t]!) return true;
  }
  return false;
}
