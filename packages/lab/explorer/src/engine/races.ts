/**
 * The race detector: vector clocks, after the memory model of ECMA-262.
 *
 * 1. Two accesses race when they touch a common byte, one at least writes, neither happens before the other, and they are
 *    not two atomic accesses of the same element. `free` counts as a plain write.
 * 2. Happens-before is: the order of each thread; an atomic write before every atomic read of the same element that reads
 *    from it; and the critical sections of one word's wait queue (wait, notify, time-out) in their order.
 * 3. A program none of whose sequentially consistent executions has a race has only these executions.
 *    That is what makes exploring only them honest.
 *
 * Shadow cells of a grain (a word, or a byte when somebody uses elements smaller than a word), T being the number of threads:
 *
 *     state      1 freed, or'ed with 2 for each size class of the atomic accesses so far
 *     writer     the last plain write: clock x 16 + thread
 *     span       size in bytes of the atomic write whose release clock is below
 *     reads      [T] clock of each thread's last plain read
 *     atomics    for each size class: [T] of the last atomic writes, [T] of the last atomic reads
 *     release    [T] what an atomic read of that write acquires
 *     queue      [T] what entering the wait queue acquires
 */
import type { Cells } from './cells.ts';

/** What a check found, other than nothing. */
export interface Conflict {
  readonly kind: 'data-race' | 'use-after-free';
  /** The grain's first byte. */
  readonly offset: number;
  /** Of a race: the thread of the earlier access. */
  readonly other: number | undefined;
}

const State = { freed: 1, class: 2 } as const;

/** Most threads that fit. */
export const threadsMax = 16;

/** Clocks of threads and bytes, in cells. */
export class Races {
  conflict: Conflict | undefined;
  readonly #cells: Cells;
  readonly #threads: number;
  readonly #clocks: number;
  readonly #shadow: number;
  readonly #stride: number;
  readonly #grainShift: number;
  readonly #reads: number;
  readonly #atomics: number;
  readonly #release: number;
  readonly #queue: number;

  constructor(cells: Cells, threads: number, byteLength: number, grainBytes: 1 | 4) {
    this.#cells = cells;
    this.#threads = threads;
    this.#grainShift = grainBytes === 4 ? 2 : 0;
    this.#reads = 3;
    this.#atomics = this.#reads + threads;
    // Elements of 4 and 8 bytes, or of 1, 2, 4 and 8. Of each size there is one at any byte: they are aligned.
    const classes = grainBytes === 4 ? 2 : 4;
    this.#release = this.#atomics + classes * 2 * threads;
    this.#queue = this.#release + threads;
    this.#stride = this.#queue + threads;
    this.#clocks = cells.reserve(threads * threads);
    this.#shadow = cells.reserve(((byteLength >> this.#grainShift) + 1) * this.#stride);
    for (let t = 0; t < threads; t++) cells.words[this.#clocks + t * threads + t] = 1;
  }

  /** A plain read; false when it conflicts. */
  plainRead(t: number, offset: number, bytes: number): boolean {
    const { words } = this.#cells;
    const shift = this.#grainShift;
    const last = (offset + bytes - 1) >> shift;
    for (let grain = offset >> shift; grain <= last; grain++) {
      const at = this.#shadow + grain * this.#stride;
      if (words[at] !== 0 && !this.#checkState(t, grain, at, false)) return false;
      const writer = words[at + 1]!;
      const mine = this.#clocks + t * this.#threads;
      if (writer !== 0 && writer >> 4 > words[mine + (writer & 15)]!) {
        return this.#race(grain, writer & 15);
      }
      this.#cells.set(at + this.#reads + t, words[mine + t]!);
    }
    return true;
  }

  /** A plain write, or a free. */
  plainWrite(t: number, offset: number, bytes: number, frees = false): boolean {
    const { words } = this.#cells;
    const shift = this.#grainShift;
    const last = (offset + bytes - 1) >> shift;
    for (let grain = offset >> shift; grain <= last; grain++) {
      const at = this.#shadow + grain * this.#stride;
      if (words[at] !== 0 && !this.#checkState(t, grain, at, true)) return false;
      const writer = words[at + 1]!;
      const mine = this.#clocks + t * this.#threads;
      if (writer !== 0 && writer >> 4 > words[mine + (writer & 15)]!) {
        return this.#race(grain, writer & 15);
      }
      if (!this.#checkAll(t, grain, at + this.#reads)) return false;
      this.#cells.set(at + 1, (words[mine + t]! << 4) | t);
      this.#cells.set(at + 2, 0); // whoever reads this value atomically acquires nothing
      if (frees) this.#cells.set(at, words[at]! | State.freed);
    }
    return true;
  }

  /** An atomic access. Call it before memory changes. */
  atomic(t: number, offset: number, bytes: number, reads: boolean, writes: boolean): boolean {
    const cells = this.#cells;
    const { words } = cells;
    const shift = this.#grainShift;
    const first = offset >> shift;
    const last = (offset + bytes - 1) >> shift;
    const mine = this.#clocks + t * this.#threads;
    const firstAt = this.#shadow + first * this.#stride;
    const sizeClass = 31 - Math.clz32(bytes) - shift;
    if (reads && words[firstAt + 2] === bytes) this.#join(mine, firstAt + this.#release);
    for (let grain = first; grain <= last; grain++) {
      const at = this.#shadow + grain * this.#stride;
      const state = words[at]!;
      if ((state & State.freed) !== 0) return this.#freed(grain);
      const others = (state >> 1) & ~(1 << sizeClass);
      if (others !== 0 && !this.#checkAtomics(t, grain, at, writes, others)) return false;
      cells.set(at, state | (State.class << sizeClass));
      const writer = words[at + 1]!;
      if (writer !== 0 && writer >> 4 > words[mine + (writer & 15)]!) {
        return this.#race(grain, writer & 15);
      }
      if (writes && !this.#checkAll(t, grain, at + this.#reads)) return false;
      const records = at + this.#atomics + sizeClass * 2 * this.#threads + t;
      if (writes) cells.set(records, words[mine + t]!);
      if (reads) cells.set(records + this.#threads, words[mine + t]!);
    }
    if (writes) {
      cells.set(firstAt + 2, bytes);
      this.#publish(t, firstAt + this.#release);
    }
    return true;
  }

  /** Goes through the critical section of a word's wait queue. */
  queue(t: number, offset: number): boolean {
    const grain = offset >> this.#grainShift;
    const at = this.#shadow + grain * this.#stride;
    if ((this.#cells.words[at]! & State.freed) !== 0) return this.#freed(grain);
    this.#join(this.#clocks + t * this.#threads, at + this.#queue);
    this.#publish(t, at + this.#queue);
    return true;
  }

  /** A thread leaves the word's wait queue because it was woken. Call it after the notifier's {@link queue}. */
  wake(t: number, offset: number): void {
    const at = this.#shadow + (offset >> this.#grainShift) * this.#stride;
    this.#join(this.#clocks + t * this.#threads, at + this.#queue);
  }

  #join(into: number, from: number): void {
    const cells = this.#cells;
    const { words } = cells;
    for (let t = 0; t < this.#threads; t++) {
      if (words[from + t]! > words[into + t]!) cells.set(into + t, words[from + t]!);
    }
  }

  #publish(t: number, to: number): void {
    const cells = this.#cells;
    const mine = this.#clocks + t * this.#threads;
    for (let u = 0; u < this.#threads; u++) cells.set(to + u, cells.words[mine + u]!);
    cells.set(mine + t, cells.words[mine + t]! + 1);
  }

  /** The rarer part of a plain access: freed bytes, and words that are also accessed atomically. */
  #checkState(t: number, grain: number, at: number, writes: boolean): boolean {
    const state = this.#cells.words[at]!;
    if ((state & State.freed) !== 0) return this.#freed(grain);
    return this.#checkAtomics(t, grain, at, writes, state >> 1);
  }

  /** Whether an access is ordered after the atomic ones of these size classes that it conflicts with. */
  #checkAtomics(t: number, grain: number, at: number, writes: boolean, classes: number): boolean {
    for (let left = classes; left !== 0; left &= left - 1) {
      const sizeClass = 31 - Math.clz32(left & -left);
      const records = at + this.#atomics + sizeClass * 2 * this.#threads;
      if (!this.#checkAll(t, grain, records)) return false;
      if (writes && !this.#checkAll(t, grain, records + this.#threads)) return false;
    }
    return true;
  }

  /** Whether each thread's access recorded from `from` on happens before now. */
  #checkAll(t: number, grain: number, from: number): boolean {
    const { words } = this.#cells;
    const mine = this.#clocks + t * this.#threads;
    for (let u = 0; u < this.#threads; u++) {
      if (words[from + u]! > words[mine + u]!) return this.#race(grain, u);
    }
    return true;
  }

  #race(grain: number, other: number): false {
    this.conflict = { kind: 'data-race', offset: grain << this.#grainShift, other };
    return false;
  }

  #freed(grain: number): false {
    this.conflict = {
      kind: 'use-after-free',
      offset: grain << this.#grainShift,
      other: undefined,
    };
    return false;
  }
}
