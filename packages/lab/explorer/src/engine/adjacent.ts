/**
 * Data races without clocks, for a search that visits every state.
 *
 * 1. The *current run* of a thread is what it has accessed plainly since its last visible operation. Nothing of another thread can be
 *    ordered after it: that takes a visible operation of the thread's own, which is still to come. So in a state, the current runs of
 *    two threads race when they conflict; and so does a current run with the next operation of another thread, and two next operations
 *    on the same bytes as elements of different sizes.
 * 2. Every race shows in some state. Take an execution whose accesses `a` and `b` race, and nothing before them does. What happens before
 *    either of them can be executed in the same order without the rest, because no operation of it reads from the rest: it ends
 *    in a state where `a` and `b` are current or next.
 * 3. A thread that sleeps has gone through the wait queue, which orders its run before whoever goes through it next.
 */
import { Kind, type Operation } from '../memory/operation.ts';
import type { Fault } from './guard.ts';
import type { Machine } from './machine.ts';
import { entryCells, Tape, type Point, type Run } from './trie.ts';

/** Bytes of a run by word: those read in bits 0 to 3, those written in bits 4 to 7. */
type Footprint = ReadonlyMap<number, number>;

/** A race in a state. `pending`: the thread whose next operation it is; undefined when both accesses are made already. */
export interface Adjacent {
  readonly fault: Fault;
  readonly pending: number | undefined;
}

/** Looks for races in the states of one machine. */
export class Adjacency {
  readonly #machine: Machine;
  /** For each thread, by the number of its point. */
  readonly #footprints: Map<number, Footprint>[];
  /** For each pair of threads, by the numbers of their points: the byte where their runs conflict, or -1. */
  readonly #conflicts = new Map<string, number>();

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#footprints = Array.from({ length: machine.threads }, () => new Map());
  }

  /** A race in the machine's state, if there is one. */
  find(): Adjacent | undefined {
    const { threads } = this.#machine;
    for (let t = 0; t < threads; t++) {
      for (let u = t + 1; u < threads; u++) {
        const race = this.#findOf(t, u);
        if (race !== undefined) return race;
      }
    }
    return undefined;
  }

  #findOf(t: number, u: number): Adjacent | undefined {
    const machine = this.#machine;
    if (machine.isAsleep(t) || machine.isAsleep(u)) return undefined;
    const offset = this.#conflictOfRuns(t, u);
    if (offset !== -1) return race(offset, u, t, undefined);
    return this.#runAgainstNext(t, u) ?? this.#runAgainstNext(u, t) ?? this.#nextAgainstNext(t, u);
  }

  #conflictOfRuns(t: number, u: number): number {
    const key = `${t},${u},${this.#machine.point(t).id},${this.#machine.point(u).id}`;
    let offset = this.#conflicts.get(key);
    if (offset === undefined) {
      offset = -1;
      const theirs = this.#footprint(u);
      for (const [word, mine] of this.#footprint(t)) {
        const bytes = conflict(mine, theirs.get(word) ?? 0);
        if (bytes !== 0) offset = word * 4 + 31 - Math.clz32(bytes & -bytes);
      }
      this.#conflicts.set(key, offset);
    }
    return offset;
  }

  /** The current run of `t` and the next operation of `u`. */
  #runAgainstNext(t: number, u: number): Adjacent | undefined {
    const machine = this.#machine;
    const { operation } = machine.point(u);
    if (operation === undefined || !isAccess(operation)) return undefined;
    const run = this.#footprint(t);
    const { offset, bytes } = operation;
    for (let at = offset; at < offset + bytes; at++) {
      const mask = run.get(at >> 2);
      if (mask === undefined) continue;
      const written = 16 << (at & 3);
      const touched = written | (written >> 4);
      if ((mask & (this.#writes(operation) ? touched : written)) !== 0) {
        return race(at, u, t, u);
      }
    }
    return undefined;
  }

  /** Two atomic accesses of the same bytes conflict as well if they are not of the same element. */
  #nextAgainstNext(t: number, u: number): Adjacent | undefined {
    const [a, b] = [this.#machine.point(t).operation, this.#machine.point(u).operation];
    if (a === undefined || b === undefined || !isAccess(a) || !isAccess(b)) return undefined;
    if (a.offset === b.offset && a.bytes === b.bytes) return undefined;
    if (a.offset >= b.offset + b.bytes || b.offset >= a.offset + a.bytes) return undefined;
    if (!this.#writes(a) && !this.#writes(b)) return undefined;
    return race(Math.max(a.offset, b.offset), u, t, u);
  }

  /** Whether an operation would write now: a compareExchange that fails does not. */
  #writes({ kind, offset, bytes, expected }: Operation): boolean {
    if (kind === Kind.compareExchange) return this.#machine.ram.load(offset, bytes) === expected;
    return kind !== Kind.load && kind !== Kind.wait && kind !== Kind.read;
  }

  #footprint(t: number): Footprint {
    const point = this.#machine.point(t);
    const known = this.#footprints[t]!;
    let footprint = known.get(point.id);
    if (footprint === undefined) known.set(point.id, (footprint = footprintOf(point)));
    return footprint;
  }
}

function race(
  offset: number,
  thread: number,
  other: number,
  pending: number | undefined,
): Adjacent {
  return { fault: { kind: 'data-race', thread, offset, other }, pending };
}

function isAccess({ kind }: Operation): boolean {
  return kind !== Kind.notify && kind !== Kind.choose && kind !== Kind.begin;
}

/** The bytes of a word that one of two runs writes and the other one touches. */
function conflict(a: number, b: number): number {
  const [reads, writes] = [a & 15, a >> 4];
  const [otherReads, otherWrites] = [b & 15, b >> 4];
  return (writes & (otherReads | otherWrites)) | (reads & otherWrites);
}

function footprintOf({ run }: Point): Footprint {
  const footprint = new Map<number, number>();
  let end = run.end;
  for (let piece: Run | undefined = run; piece !== undefined; piece = piece.trunk) {
    const { tape } = piece.trie;
    for (let i = piece.start; i < end; i += entryCells) {
      const [code, offset] = [tape[i]!, tape[i + 1]!];
      const kind = code & 15;
      if (kind > Tape.free) continue;
      const length = kind === Tape.free ? tape[i + 2]! : code >> 4;
      for (let at = offset; at < offset + length; at++) {
        const bit = 1 << ((at & 3) + (kind === Tape.read ? 0 : 4));
        footprint.set(at >> 2, (footprint.get(at >> 2) ?? 0) | bit);
      }
    }
    end = piece.trunkEnd;
  }
  return footprint;
}
