/**
 * The continuation that learns: plain accesses go to the memory at once and into a run, and the next visible operation
 * becomes the run's point. Whoever asked may let the thread go on from there, with a result: running code again costs more than
 * running it a little further.
 *
 * A bounded spin loop (try, `Atomics.pause`, try again, at most so often) is taken in one go: trying again right after a pause,
 * at the same place in the code, finds what it found, since nobody else runs in between. Its turns differ by a counter only,
 * and an execution in which the word changes between two turns is the one in which the thread had begun to spin later.
 */
import { outcome, type Bits, type Operation } from '../memory/operation.ts';
import { Execution, type Continuation } from './execution.ts';
import type { Log } from './log.ts';
import { isSameSite, siteHere } from './site.ts';
import { Tape, type Point, type Run } from './trie.ts';

/** The memory that a thread runs on. */
export interface PlainMemory {
  read(offset: number, bytes: 1 | 2 | 4): number;
  write(offset: number, bytes: 1 | 2 | 4, bits: number): void;
  free(offset: number, byteLength: number): void;
  note(number: number): void;
  /** Another turn of a spin loop, taken in one go with the first. */
  again(): void;
}

/** What a recorder is told. */
export interface RecorderOptions {
  /** Whether to keep the stack of visible operations. */
  readonly stacks: boolean;
  /** Whether a spin loop has no bound: then it is not taken in one go, but the thread waits. */
  readonly isEndless: (point: Point, bits: Bits) => boolean;
  /** At a new point: the run to record next, whose result the thread is given; or undefined to stop. */
  readonly goOn: (point: Point) => Run | undefined;
}

/** A thread that comes neither to an end nor to a visible operation. */
export class Endless extends Error {}

const plainMax = 50_000;
/** Turns after which a loop is taken to have no end. */
export const turnsMax = 2_000;

/** What the thread has done since its last visible operation. */
const Since = { nothing: 0, paused: 1, more: 2 } as const;

/** Extends a trie by what a thread does after a run, up to its next point. */
export class Recorder implements Continuation {
  readonly #first: Run;
  #run: Run;
  readonly #memory: PlainMemory;
  readonly #options: RecorderOptions;
  readonly #execution: Execution;
  #since: number = Since.nothing;
  #plainCount = 0;
  #turns = 0;

  constructor(run: Run, log: Log, memory: PlainMemory, options: RecorderOptions) {
    this.#first = this.#run = run;
    this.#memory = memory;
    this.#options = options;
    if (run.end > run.start) this.#since = Since.more;
    this.#execution = new Execution(
      run.trie,
      log,
      this,
      mayRepeat(run) ? log.points.length - 1 : -1,
    );
  }

  /** Returns the point at the first run's end. */
  record(): Point {
    const ending = this.#execution.run();
    if (ending.how !== 'stopped') {
      const run = this.#run;
      const point = run.trie.addPoint(run, undefined);
      if (ending.how === 'returned') point.returned = ending.value;
      else point.thrown = { error: ending.error };
    }
    return this.#first.to!;
  }

  plain(code: number, offset: number, bits: number): number {
    const run = this.#run;
    const kind = code & 15;
    if (kind === Tape.pause) {
      if (this.#since === Since.nothing) this.#since = Since.paused;
    } else {
      this.#since = Since.more;
      if (++this.#plainCount > plainMax) {
        throw new Endless(`${plainMax} plain accesses without a visible operation between them`);
      }
    }
    const bytes = (code >> 4) as 1 | 2 | 4;
    const found = kind === Tape.read ? this.#memory.read(offset, bytes) : bits;
    run.trie.append(run, code, offset, found);
    if (kind === Tape.write) this.#memory.write(offset, bytes, bits);
    else if (kind === Tape.free) this.#memory.free(offset, bits);
    else if (kind === Tape.note) this.#memory.note(bits);
    return found;
  }

  visible(operation: Operation): Bits | undefined {
    const run = this.#run;
    const { lastOperation, lastResult } = this.#execution;
    if (
      this.#since === Since.paused &&
      operation.mayRepeat &&
      lastOperation?.equals(operation) === true &&
      outcome(operation, lastResult) === lastResult &&
      isSameSite(this.#execution.site, siteHere()) &&
      (++this.#turns > 1 || !this.#options.isEndless(run.from!, lastResult)) &&
      this.#turns < turnsMax
    ) {
      run.trie.append(run, Tape.again, 0, 0);
      this.#memory.again();
      this.#since = Since.nothing;
      return lastResult;
    }
    const point = run.trie.addPoint(run, operation);
    if (this.#options.stacks) point.stack = new Error('here').stack;
    const next = this.#options.goOn(point);
    if (next === undefined) return undefined;
    this.#run = next;
    this.#since = Since.nothing;
    this.#plainCount = this.#turns = 0;
    if (mayRepeat(next)) this.#execution.site = siteHere();
    return next.result;
  }
}

/** Whether a run begins after an operation that changed nothing and may be tried again. */
function mayRepeat(run: Run): boolean {
  const operation = run.from?.operation;
  return operation?.mayRepeat === true && outcome(operation, run.result) === run.result;
}
