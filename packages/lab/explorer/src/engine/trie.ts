/**
 * What is known of a thread's behaviour.
 *
 * Threads share nothing but the memory, so what a thread does is a function of the results of its operations. All
 * executions of one thread therefore form a tree: a *point* is where it stands before a visible operation (or has ended); the result of
 * the operation leads over a *run* of plain accesses to the next point. Where a plain read can give something else, the run branches.
 * Once a path is known, no user code runs for it any more.
 *
 *      point --result--> run: read, write, read 3, write ---> point
 *                                            \ read 4 ------> run: … ---> point
 *
 * 1. A run's accesses lie in the trie's tape, three cells each: code, byte offset, bits.
 * 2. A run that branches off begins with the read that differs.
 * 3. A run is appended to only while it is the newest one of its trie.
 */
import type { ElementBytes } from '../memory/elements.ts';
import type { Bits, Operation } from '../memory/operation.ts';
import type { Seen } from './slices.ts';

/** Codes of a tape. Those of reads and writes also hold the access's size: `code | bytes << 4`. */
export const Tape = {
  read: 0,
  write: 1,
  /** bits: the length in bytes */
  free: 2,
  /** bits: the number of the text */
  note: 3,
  pause: 4,
  /** The visible operation before this run, once more, with the same result: a turn of a spin loop. */
  again: 5,
  /** Only in a log: a visible operation. */
  visible: 6,
} as const;

/** Cells that an entry takes. */
export const entryCells = 3;

/** Plain accesses between two visible operations. */
export class Run {
  readonly trie: Trie;
  /** The point whose operation's result led here. Undefined in a thread's first run. */
  readonly from: Point | undefined;
  readonly result: Bits;
  /** The run that this one branches off, and where. */
  readonly trunk: Run | undefined;
  readonly trunkEnd: number;
  readonly start: number;
  end: number;
  /** Whether it changes memory, itself or the trunk before it. */
  writes: boolean;
  to: Point | undefined;
  /** By place of the read, then by what it found. */
  #branches: Map<number, Map<number, Run>> | undefined;

  constructor(trie: Trie, from: Point | undefined, result: Bits, trunk?: Run, trunkEnd = 0) {
    this.trie = trie;
    this.from = from;
    this.result = result;
    this.trunk = trunk;
    this.trunkEnd = trunkEnd;
    this.start = this.end = trie.length;
    this.writes = trunk?.writes ?? false;
  }

  /** Whether it leads to the same operation again, without any plain access. */
  leadsBackTo(point: Point): boolean {
    const { tape } = this.trie;
    for (let i = this.start; i < this.end; i += entryCells) {
      if (tape[i] !== Tape.pause && tape[i] !== Tape.again) return false;
    }
    return this.to?.operation?.equals(point.operation!) === true;
  }

  branch(at: number, bits: number): Run | undefined {
    return this.#branches?.get(at)?.get(bits);
  }

  /** A new run that branches off at a read that found something else. */
  addBranch(at: number, bits: number): Run {
    const { trie } = this;
    const run = new Run(trie, this.from, this.result, this, at);
    trie.append(run, trie.tape[at]!, trie.tape[at + 1]!, bits);
    this.#branches ??= new Map();
    let values = this.#branches.get(at);
    if (values === undefined) this.#branches.set(at, (values = new Map()));
    values.set(bits, run);
    return run;
  }
}

/** A value of each word that a thread looks at in a loop that it does not leave while they hold. */
export type Watch = readonly {
  readonly offset: number;
  readonly bytes: ElementBytes;
  readonly bits: Bits;
}[];

/** Where a thread stands: before a visible operation, or at its end. */
export class Point {
  readonly id: number;
  readonly run: Run;
  /** Undefined at the end. */
  readonly operation: Operation | undefined;
  /** At the end: what the thread returned. */
  returned: unknown = undefined;
  /** Kept for the judge: a text that tells what was returned. */
  fingerprint: string | undefined = undefined;
  /** At the end: what it threw. */
  thrown: { readonly error: unknown } | undefined = undefined;
  /** Set when the thread has gone once around a loop without effect and stands at its head again. */
  watch: Watch | undefined | 'unknown' = 'unknown';
  /** Before a slice: see slices.ts. */
  seen: Seen | undefined = undefined;
  /** Where in the source, when stacks are recorded. */
  stack: string | undefined = undefined;
  readonly #next = new Map<Bits, Run>();
  #lastResult: Bits | undefined;
  #lastRun: Run | undefined;
  #spinning: Map<Bits, boolean> | undefined;

  constructor(id: number, run: Run, operation: Operation | undefined) {
    this.id = id;
    this.run = run;
    this.operation = operation;
  }

  next(result: Bits): Run | undefined {
    if (result === this.#lastResult) return this.#lastRun;
    const run = this.#next.get(result);
    if (run !== undefined) {
      this.#lastResult = result;
      this.#lastRun = run;
    }
    return run;
  }

  addNext(result: Bits): Run {
    const run = new Run(this.run.trie, this, result);
    this.#next.set(result, run);
    return run;
  }

  /**
   * Whether the thread, when its operation finds these bits, next makes the same operation without any plain access
   * between. Undefined when nobody knows yet.
   */
  mayRepeat(bits: Bits): boolean | undefined {
    return this.next(bits)?.leadsBackTo(this);
  }

  /** Whether the thread would do nothing but try again for as long as its operation finds these bits. */
  spinsOn(bits: Bits, probe: () => boolean): boolean {
    this.#spinning ??= new Map();
    let answer = this.#spinning.get(bits);
    if (answer === undefined) this.#spinning.set(bits, (answer = probe()));
    return answer;
  }
}

/** All known behaviour of one thread. */
export class Trie {
  readonly name: string;
  readonly body: () => unknown;
  /** Whether plain accesses are visible operations: for tests of the explorer. */
  readonly visiblePlain: boolean;
  readonly points: Point[] = [];
  readonly root: Run;
  tape: Int32Array = new Int32Array(1 << 10);
  length = 0;
  /** How often user code was run for it. */
  executions = 0;

  constructor(name: string, body: () => unknown, visiblePlain = false) {
    this.name = name;
    this.body = body;
    this.visiblePlain = visiblePlain;
    this.root = new Run(this, undefined, 0);
  }

  append(run: Run, code: number, offset: number, bits: number): void {
    if (this.length + entryCells > this.tape.length) {
      const larger = new Int32Array(this.tape.length * 2);
      larger.set(this.tape);
      this.tape = larger;
    }
    this.tape[this.length] = code;
    this.tape[this.length + 1] = offset;
    this.tape[this.length + 2] = bits;
    run.end = this.length += entryCells;
    const kind = code & 15;
    if (kind === Tape.write || kind === Tape.free) run.writes = true;
  }

  addPoint(run: Run, operation: Operation | undefined): Point {
    const point = new Point(this.points.length, run, operation);
    this.points.push(point);
    run.to = point;
    return point;
  }
}
