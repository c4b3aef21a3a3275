/**
 * One execution of a thread's code: first it is given the results in a log, so that it comes to where it was; then it
 * goes on, and a continuation decides what it finds.
 *
 * 1. While the log lasts, each access must be the one that was logged: otherwise the code depends on something that the
 *    explorer does not control, and is reported as nondeterministic.
 * 2. A continuation stops the thread by an exception. Code may catch it, or run `finally` blocks: whatever it does then
 *    is ignored, and every further access throws again.
 */
import { runAs, type Agent } from '../memory/agent.ts';
import { Kind, Operation, type Bits } from '../memory/operation.ts';
import { unwinding } from '../memory/unwound-promises.ts';
import type { Log } from './log.ts';
import { siteHere, type Site } from './site.ts';
import { entryCells, Tape, type Trie } from './trie.ts';

/** The code under exploration did something else when it was run again with the same results. */
export class Nondeterminism extends Error {
  readonly thread: string;
  constructor(thread: string, message: string) {
    super(message);
    this.thread = thread;
  }
}

/** What a thread finds after its log. */
export interface Continuation {
  /** A plain access, a free, a note or a pause; returns the bits read. */
  plain(code: number, offset: number, bits: number): number;
  /** A visible operation; returns its result, or undefined to stop the thread here. */
  visible(operation: Operation): Bits | undefined;
}

/** How an execution ended. */
export type Ending =
  | { readonly how: 'stopped' }
  | { readonly how: 'returned'; readonly value: unknown }
  | { readonly how: 'threw'; readonly error: unknown };

/** Texts given to `note`, by number. */
export const notes: string[] = [];

/** The agent behind a virtual thread. */
export class Execution implements Agent {
  /** The visible operation last performed, and its result. */
  lastOperation: Operation | undefined;
  lastResult: Bits = 0;
  /** Where in the code the operation was made whose site was asked for, once it has been. */
  site: Site | undefined;
  readonly #siteOf: number;
  readonly #trie: Trie;
  readonly #log: Log;
  readonly #continuation: Continuation;
  #cursor = 0;
  #stopped = false;
  #failure: Error | undefined;

  /** @param siteOf number in the log of the visible operation whose site to record */
  constructor(trie: Trie, log: Log, continuation: Continuation, siteOf = -1) {
    this.#trie = trie;
    this.#log = log;
    this.#continuation = continuation;
    this.#siteOf = siteOf;
  }

  /** @throws Nondeterminism */
  run(): Ending {
    this.#trie.executions++;
    let ending: Ending;
    try {
      ending = { how: 'returned', value: runAs(this, this.#trie.body) };
    } catch (error) {
      ending = { how: 'threw', error };
    }
    if (this.#failure instanceof Nondeterminism) throw this.#failure;
    if (this.#failure !== undefined) return { how: 'threw', error: this.#failure };
    if (this.#stopped) return { how: 'stopped' };
    if (this.#cursor < this.#log.length) throw this.#nondeterminism('it ended');
    return ending;
  }

  read(offset: number, bytes: 1 | 2 | 4): number {
    if (this.#trie.visiblePlain) {
      return this.operate(new Operation(Kind.read, offset, bytes)) as number;
    }
    return this.#plain(Tape.read | (bytes << 4), offset, 0);
  }

  write(offset: number, bytes: 1 | 2 | 4, bits: number): void {
    if (this.#trie.visiblePlain) this.operate(new Operation(Kind.write, offset, bytes, bits));
    else this.#plain(Tape.write | (bytes << 4), offset, bits);
  }

  free(offset: number, byteLength: number): void {
    this.#plain(Tape.free, offset, byteLength);
  }

  note(text: string): void {
    let number = notes.indexOf(text);
    if (number === -1) number = notes.push(text) - 1;
    this.#plain(Tape.note, 0, number);
  }

  pause(): void {
    this.#plain(Tape.pause, 0, 0);
  }

  operate(operation: Operation): Bits {
    let result: Bits | undefined;
    const number = this.#next(Tape.visible);
    if (number !== undefined) {
      if (!this.#log.points[number]!.operation!.equals(operation)) {
        this.differ(operation.toString());
      }
      result = this.#log.results[number]!;
      if (number === this.#siteOf) this.site = siteHere();
    } else if (this.#next(Tape.again) !== undefined) {
      if (!this.lastOperation!.equals(operation)) this.differ(operation.toString());
      result = this.lastResult;
    } else {
      if (this.#cursor < this.#log.length) this.differ(operation.toString());
      if (this.#stopped) throw unwinding;
      result = this.#guard(() => this.#continuation.visible(operation));
      if (result === undefined) {
        this.#stopped = true;
        throw unwinding;
      }
    }
    this.lastOperation = operation;
    return (this.lastResult = result);
  }

  #plain(code: number, offset: number, bits: number): number {
    if (this.#cursor >= this.#log.length) {
      if (this.#stopped) throw unwinding;
      return this.#guard(() => this.#continuation.plain(code, offset, bits));
    }
    const { cells } = this.#log;
    const at = this.#cursor;
    const isRead = (code & 15) === Tape.read;
    if (cells[at] !== code || cells[at + 1] !== offset || (!isRead && cells[at + 2] !== bits)) {
      this.differ(describe(code, offset, bits));
    }
    this.#cursor += entryCells;
    return cells[at + 2]!;
  }

  /** Takes the next entry of the log if it is of this code; returns its offset cell. */
  #next(code: number): number | undefined {
    const { cells, length } = this.#log;
    if (this.#cursor >= length || cells[this.#cursor] !== code) return undefined;
    this.#cursor += entryCells;
    return cells[this.#cursor - entryCells + 1]!;
  }

  /** Remembers an error of the explorer's own, in case the code under exploration swallows it. */
  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      this.#stopped = true;
      throw (this.#failure = error as Error);
    }
  }

  /** The thread has done something else than before. */
  differ(now: string): never {
    this.#stopped = true;
    throw (this.#failure ??= this.#nondeterminism(now));
  }

  #nondeterminism(now: string): Nondeterminism {
    const { cells, length, points } = this.#log;
    const at = this.#cursor;
    const code = cells[at]!;
    const before =
      at >= length
        ? 'something else'
        : code === Tape.visible
          ? points[cells[at + 1]!]!.operation!.toString()
          : describe(code, cells[at + 1]!, cells[at + 2]!);
    return new Nondeterminism(
      this.#trie.name,
      `access ${at / entryCells + 1} of thread '${this.#trie.name}' was ${before}, now ${now}, though every result was the same. ` +
        'A thread may depend on the shared memory and on choose() alone: not on Math.random, clocks, or objects that outlive it.',
    );
  }
}

function describe(code: number, offset: number, bits: number): string {
  const kind = code & 15;
  if (kind === Tape.pause) return 'pause()';
  if (kind === Tape.again) return 'another turn of its spin loop';
  if (kind === Tape.note) return `note(${notes[bits]})`;
  if (kind === Tape.free) return `free(byte ${offset}, ${bits} bytes)`;
  return kind === Tape.read ? `a read of byte ${offset}` : `a write of byte ${offset}`;
}
