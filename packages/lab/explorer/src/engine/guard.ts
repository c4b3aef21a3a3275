/** Watches every access: passes it to the race detector and to an observer, and keeps the first fault. */
import { Kind, type Bits, type Operation } from '../memory/operation.ts';
import type { Races, Conflict } from './races.ts';
import type { Ram } from './ram.ts';
import type { PlainMemory } from './recorder.ts';
import { Tape, type Point } from './trie.ts';

/** What was found wrong in an execution. Threads are numbers. */
export type Fault =
  | ({ readonly thread: number } & Conflict)
  | { readonly kind: 'assertion'; readonly thread: number; readonly error: unknown }
  | { readonly kind: 'livelock'; readonly thread: number; readonly error: unknown }
  | { readonly kind: 'check'; readonly error: unknown }
  | { readonly kind: 'deadlock' | 'lost-wakeup'; readonly stuck: readonly number[] };

/** Sees what happens; used to make a trace of one execution. */
export interface Observer {
  /**
   * A plain access, a free, a note or another turn of a spin loop, while the code that makes it is on the stack.
   * Code and bits as in a tape.
   */
  plain(thread: number, code: number, offset: number, bits: number): void;
  /** A visible operation at `point`. A wait is seen twice: when the thread falls asleep (`asleep`) and when it ends. */
  visible(thread: number, point: Point, result: Bits | 'asleep', found: Bits): void;
}

/** See the file's head. */
export class Guard {
  fault: Fault | undefined;
  readonly observer: Observer | undefined;
  readonly #all: Races | undefined;
  /** Undefined while nothing is to be detected. */
  #races: Races | undefined;

  constructor(races: Races | undefined, observer: Observer | undefined) {
    this.#all = this.#races = races;
    this.observer = observer;
  }

  /** Stops detecting races, or begins again: for code that runs alone, or for the time being. Returns how it was. */
  detect(on: boolean): boolean {
    const was = this.#races !== undefined;
    this.#races = on ? this.#all : undefined;
    return was;
  }

  /** `kind` is that of a tape: read, write or free. */
  plain(t: number, kind: number, offset: number, bytes: number): void {
    const races = this.#races;
    if (races === undefined || this.fault !== undefined) return;
    const isFine =
      kind === Tape.read
        ? races.plainRead(t, offset, bytes)
        : races.plainWrite(t, offset, bytes, kind === Tape.free);
    if (!isFine) this.#conflict(t);
  }

  /** A visible operation on a word, before it is done. */
  visible(t: number, operation: Operation, found: Bits): void {
    const { kind, offset, bytes } = operation;
    if (kind === Kind.read || kind === Kind.write) {
      this.plain(t, kind === Kind.read ? Tape.read : Tape.write, offset, bytes);
      return;
    }
    const races = this.#races;
    if (races === undefined) return;
    const writes =
      kind !== Kind.load &&
      kind !== Kind.wait &&
      (kind !== Kind.compareExchange || found === operation.expected);
    if (!races.atomic(t, offset, bytes, kind !== Kind.store, writes)) this.#conflict(t);
  }

  /** A thread goes through the critical section of a word's wait queue. */
  queue(t: number, offset: number): void {
    if (this.#races?.queue(t, offset) === false) this.#conflict(t);
  }

  /** A thread is woken by whoever went through the queue last. */
  wake(t: number, offset: number): void {
    this.#races?.wake(t, offset);
  }

  /** The memory as code that runs finds it. */
  side(t: number, ram: Ram): PlainMemory {
    const { observer } = this;
    const observe = (code: number, offset: number, bits: number): void => {
      if (this.fault === undefined) observer?.plain(t, code, offset, bits);
    };
    return {
      read: (offset, bytes) => {
        const bits = ram.read(offset, bytes);
        observe(Tape.read | (bytes << 4), offset, bits);
        this.plain(t, Tape.read, offset, bytes);
        return bits;
      },
      write: (offset, bytes, bits) => {
        observe(Tape.write | (bytes << 4), offset, bits);
        this.plain(t, Tape.write, offset, bytes);
        ram.write(offset, bytes, bits);
      },
      free: (offset, byteLength) => {
        observe(Tape.free, offset, byteLength);
        this.plain(t, Tape.free, offset, byteLength);
      },
      note: (number) => observe(Tape.note, 0, number),
      again: () => observe(Tape.again, 0, 0),
    };
  }

  #conflict(t: number): void {
    this.fault ??= { thread: t, ...this.#all!.conflict! };
  }
}
