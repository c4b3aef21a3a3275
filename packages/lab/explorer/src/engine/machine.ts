/**
 * The machine that all searches drive: memory, virtual threads, wait queues, and the race detector, one step at a time.
 *
 * 1. A step is one visible operation of one thread, and the plain accesses that follow it up to its next one. A thread
 *    that sleeps with a time-out may step too: then its time-out fires.
 * 2. The state is in `cells` alone, but for `failure`, which ends an execution: whoever goes back clears it.
 * 3. What it costs to be in a state for the second time is a walk over recorded runs; user code runs only for what is new.
 */
import { refuse } from '../errors.ts';
import { Kind, outcome, Patience, Waited, type Bits, type Operation } from '../memory/operation.ts';
import { Cells } from './cells.ts';
import { Log } from './log.ts';
import { Prober } from './probe.ts';
import { Races, type Conflict } from './races.ts';
import { Ram } from './ram.ts';
import { Endless, Recorder, type PlainMemory } from './recorder.ts';
import { entryCells, Tape, type Point, type Run, type Trie, type Watch } from './trie.ts';

/** What was found wrong in an execution, as the machine sees it. */
export type Fault =
  | ({ readonly thread: number } & Conflict)
  | { readonly kind: 'assertion'; readonly thread: number; readonly error: unknown }
  | { readonly kind: 'livelock'; readonly thread: number; readonly error: unknown }
  | { readonly kind: 'check'; readonly error: unknown }
  | { readonly kind: 'deadlock' | 'lost-wakeup'; readonly stuck: readonly number[] };

/** How a machine differs from the usual one. */
export interface MachineOptions {
  /** The memory that the threads find. */
  readonly initial: Int32Array;
  readonly byteLength: number;
  /** 1 when somebody uses elements smaller than a word. */
  readonly grainBytes: 1 | 4;
  /** Whether to look for data races. Default true. */
  readonly races?: boolean;
  /** Which threads have an attach part. */
  readonly attaches?: readonly boolean[];
  /** Whether to see through spin loops. Default true; off is for tests of the explorer. */
  readonly spins?: boolean;
  /** Told of every access, in order. It sees only code that runs, so use it on a fresh machine for one execution. */
  readonly observer?: Observer;
  /** The size of the smallest element used so far. */
  readonly finestBytes?: () => number;
}

/** Sees what happens; used to make a trace of one execution. */
export interface Observer {
  /** A plain access, a free, a note or another turn of a spin loop, while the code that makes it is on the stack. Code and bits as in a tape. */
  plain(thread: number, code: number, offset: number, bits: number): void;
  /** A visible operation at `point`. A wait is seen twice: when the thread falls asleep (`asleep`) and when it ends. */
  visible(thread: number, point: Point, result: Bits | 'asleep', found: Bits): void;
}

/** Somebody uses smaller elements than was thought: explore again with a finer grain. */
export class FinerGrain extends Error {}

/** Most operations that a thread is run ahead. */
const aheadMax = 100;

/** See the file's head. */
export class Machine {
  readonly cells: Cells = new Cells();
  readonly ram: Ram;
  readonly threads: number;
  failure: Fault | undefined;
  /** Visible operations performed. */
  steps = 0;
  /** Entries of runs walked: plain accesses, all but. */
  accesses = 0;
  /** Whether a thread that has gone around a loop stays where it is for good: see `canGoOn`. */
  parksLoops = false;
  /** The threads', and last the one of the check that runs. */
  readonly #tries: Trie[];
  #races: Races | undefined;
  readonly #at: number;
  /** For each thread: its place in the queues, or 0 when it is awake. */
  readonly #tickets: number;
  /** For each thread: the byte, plus one, of a notify that woke nobody since the thread's last operation, or 0. */
  readonly #missed: number;
  readonly #options: MachineOptions;
  readonly #log = new Log();
  readonly #prober = new Prober();
  readonly #sides: readonly PlainMemory[];

  constructor(tries: readonly Trie[], options: MachineOptions) {
    const { cells } = this;
    this.#tries = [...tries];
    this.#options = options;
    this.threads = tries.length;
    this.ram = new Ram(cells, options.byteLength);
    this.#at = cells.reserve(tries.length + 1);
    this.#tickets = cells.reserve(tries.length + 1);
    this.#missed = cells.reserve(tries.length + 1);
    this.#races =
      options.races === false
        ? undefined
        : new Races(cells, tries.length, options.byteLength, options.grainBytes);
    this.#sides = Array.from({ length: tries.length + 1 }, (_, t) => this.#side(t));
    cells.words.set(options.initial);
  }

  /** Runs every thread, one after the other, through its attach part if it has one; then each up to its first visible operation. */
  start(): void {
    for (let t = 0; t < this.threads && this.failure === undefined; t++) {
      this.#walk(t, this.#tries[t]!.root);
      if (this.#options.attaches?.[t] === true) this.#attach(t);
    }
    for (let t = 0; t < this.threads && this.failure === undefined; t++) {
      if (this.point(t).operation?.kind === Kind.begin) this.#advance(t, 0, 0);
    }
    this.steps = this.accesses = 0;
  }

  #attach(t: number): void {
    for (;;) {
      const { operation } = this.point(t);
      if (operation === undefined || operation.kind === Kind.begin) return;
      if (this.failure !== undefined) return;
      if (!this.isEnabled(t) || this.isAsleep(t)) {
        refuse(`thread '${this.name(t)}' waits in its attach part, but nobody else runs yet`);
      }
      this.step(t);
    }
  }

  point(t: number): Point {
    return this.#tries[t]!.points[this.cells.words[this.#at + t]!]!;
  }

  name(t: number): string {
    return this.#tries[t]!.name;
  }

  /** Whether it sleeps in `Atomics.wait`. */
  isAsleep(t: number): boolean {
    return this.cells.words[this.#tickets + t] !== 0;
  }

  /** Whether it sleeps, and has slept through its wake-up: a notify came between its last look and its sleep, or its word has changed. */
  hasMissedWakeUp(t: number): boolean {
    if (!this.isAsleep(t)) return false;
    const operation = this.point(t).operation!;
    if (this.cells.words[this.#missed + t] === operation.offset + 1) return true;
    return this.#look(operation) !== operation.expected;
  }

  hasEnded(t: number): boolean {
    return this.point(t).operation === undefined;
  }

  /** Whether a step of this thread is possible and does more than go around a spin loop. */
  isEnabled(t: number): boolean {
    const point = this.point(t);
    const { operation } = point;
    if (operation === undefined) return false;
    if (this.isAsleep(t)) return operation.patience === Patience.some;
    const watch = this.#watchOf(point);
    if (watch !== undefined && (this.parksLoops || !this.#hasChanged(watch))) return false;
    return !operation.mayRepeat || !this.spinsOn(t, this.#look(operation));
  }

  /** The enabled threads as a set of bits. */
  enabled(): number {
    let set = 0;
    for (let t = 0; t < this.threads; t++) if (this.isEnabled(t)) set |= 1 << t;
    return set;
  }

  /** Whether thread `t`'s operation would only be repeated if it found `bits`. */
  spinsOn(t: number, bits: Bits): boolean {
    const point = this.point(t);
    const { operation } = point;
    if (operation!.bytes !== 4 || this.#options.spins === false) return false;
    if (outcome(operation!, bits) !== bits) return false;
    if (point.mayRepeat(bits) === undefined) this.#tryOut(t, point, bits);
    return point.mayRepeat(bits) !== false && this.#isEndless(point, bits);
  }

  /** If memory holds `bits` now: takes the step, to learn where it leads, and takes it back. */
  #tryOut(t: number, point: Point, bits: Bits): void {
    if (this.#look(point.operation!) !== bits || this.failure !== undefined) return;
    if (this.#options.observer !== undefined) return;
    const mark = this.cells.mark();
    this.#extend(t, point.addNext(bits));
    this.cells.rewind(mark);
    this.failure = undefined;
  }

  #isEndless(point: Point, bits: Bits): boolean {
    return point.spinsOn(bits, () => this.#prober.spinsOn(point, bits));
  }

  /** Whether a thread that was parked in a loop would find something else now. */
  canGoOn(t: number): boolean {
    const watch = this.watch(t);
    return watch !== undefined && this.#hasChanged(watch);
  }

  /** What the thread looks at, if it has just gone around a loop without effect. */
  watch(t: number): Watch | undefined {
    return this.#watchOf(this.point(t));
  }

  #watchOf(point: Point): Watch | undefined {
    if (point.watch !== 'unknown') return point.watch;
    return (point.watch =
      this.#options.spins === false ? undefined : this.#prober.findWatch(point));
  }

  /** Lets a thread do its operation. `choice` is what a `choose` returns. */
  step(t: number, choice = 0): void {
    this.steps++;
    const operation = this.point(t).operation!;
    if (operation.kind !== Kind.wait) this.cells.set(this.#missed + t, 0);
    if (this.isAsleep(t)) this.#timeOut(t, operation);
    else if (operation.kind === Kind.wait) this.#wait(t, operation);
    else if (operation.kind === Kind.notify) this.#notify(t, operation);
    else if (operation.kind === Kind.choose) this.#advance(t, choice, choice);
    else this.#access(t, operation);
  }

  /** Runs a check alone, after all threads have ended; returns what it threw. Memory is then as it was. */
  check(trie: Trie): { readonly error: unknown } | undefined {
    const t = this.threads;
    const races = this.#races;
    const mark = this.cells.mark();
    this.#races = undefined;
    this.#tries[t] = trie;
    this.#walk(t, trie.root);
    while (this.failure === undefined && !this.hasEnded(t) && this.isEnabled(t)) this.step(t);
    const { thrown } = this.point(t);
    const stuck = !this.hasEnded(t);
    this.failure = undefined;
    this.#races = races;
    this.cells.rewind(mark);
    return stuck ? { error: new Error('the check waits, but nobody else runs any more') } : thrown;
  }

  #access(t: number, operation: Operation): void {
    const { kind, offset, bytes } = operation;
    const found = this.ram.load(offset, bytes);
    const left = outcome(operation, found);
    if (kind >= Kind.read) {
      this.#detect(t, offset, bytes, kind === Kind.read ? Tape.read : Tape.write);
    } else if (this.#races !== undefined) {
      const reads = kind !== Kind.store;
      const writes =
        kind !== Kind.load && (kind !== Kind.compareExchange || found === operation.expected);
      if (!this.#races.atomic(t, offset, bytes, reads, writes)) this.#conflict(t);
    }
    this.ram.store(offset, bytes, left);
    const silent = kind === Kind.store || kind === Kind.write;
    this.#advance(t, silent ? 0 : found, found);
  }

  #wait(t: number, operation: Operation): void {
    const { offset, bytes } = operation;
    const found = this.ram.load(offset, bytes);
    const races = this.#races;
    if (races !== undefined) {
      if (!races.atomic(t, offset, bytes, true, false) || !races.queue(t, offset))
        this.#conflict(t);
    }
    if (found !== operation.expected) {
      this.#advance(t, Waited.notEqual, found);
    } else if (operation.patience === Patience.none) {
      this.#advance(t, Waited.timedOut, found);
    } else {
      const { cells } = this;
      let last = 0;
      for (let u = 0; u < this.threads; u++) last = Math.max(last, cells.words[this.#tickets + u]!);
      cells.set(this.#tickets + t, last + 1);
      this.#options.observer?.visible(t, this.point(t), 'asleep', found);
    }
  }

  #timeOut(t: number, operation: Operation): void {
    this.cells.set(this.#tickets + t, 0);
    if (this.#races?.queue(t, operation.offset) === false) this.#conflict(t);
    this.#advance(t, Waited.timedOut, 0);
  }

  #notify(t: number, operation: Operation): void {
    const { offset } = operation;
    const count = operation.operand === -1 ? Infinity : Number(operation.operand);
    const { cells } = this;
    if (this.#races?.queue(t, offset) === false) this.#conflict(t);
    const woken: number[] = [];
    for (let t = this.#firstAsleep(offset); t !== -1 && woken.length < count;) {
      cells.set(this.#tickets + t, 0);
      woken.push(t);
      t = this.#firstAsleep(offset);
    }
    for (let u = 0; u < this.threads && woken.length === 0; u++) {
      if (u !== t && !this.isAsleep(u)) cells.set(this.#missed + u, offset + 1);
    }
    this.#advance(t, woken.length, woken.length);
    for (const sleeper of woken) {
      if (this.failure !== undefined) return;
      this.#races?.wake(sleeper, offset);
      this.#advance(sleeper, Waited.ok, 0);
    }
  }

  #firstAsleep(offset: number): number {
    const { words } = this.cells;
    let first = -1;
    for (let t = 0; t < this.threads; t++) {
      const ticket = words[this.#tickets + t]!;
      if (ticket === 0 || this.point(t).operation!.offset !== offset) continue;
      if (first === -1 || ticket < words[this.#tickets + first]!) first = t;
    }
    return first;
  }

  /** Takes thread `t` over the result of its operation to its next point. */
  #advance(t: number, result: Bits, found: Bits): void {
    const point = this.point(t);
    this.#options.observer?.visible(t, point, result, found);
    if (this.failure !== undefined) return;
    const known = point.next(result);
    if (known === undefined) this.#extend(t, point.addNext(result));
    else this.#walk(t, known);
  }

  /** Follows recorded runs for as long as memory agrees with them. */
  #walk(t: number, first: Run): void {
    const { trie } = first;
    let run = first;
    let i = run.start;
    for (;;) {
      const { tape } = trie;
      this.accesses += (run.end - i) / entryCells;
      for (; i < run.end; i += entryCells) {
        const code = tape[i]!;
        const offset = tape[i + 1]!;
        const bits = tape[i + 2]!;
        const kind = code & 15;
        if (kind > Tape.free) continue;
        this.#detect(t, offset, kind === Tape.free ? bits : code >> 4, kind);
        if (this.failure !== undefined) return;
        if (kind === Tape.write) {
          this.ram.write(offset, (code >> 4) as 1 | 2 | 4, bits);
        } else if (kind === Tape.read) {
          const found = this.ram.read(offset, (code >> 4) as 1 | 2 | 4);
          if (found === bits) continue;
          this.accesses -= (run.end - i) / entryCells - 1;
          const branch = run.branch(i, found);
          if (branch === undefined) {
            this.#extend(t, run.addBranch(i, found));
            return;
          }
          run = branch;
          i = run.start;
        }
      }
      if (run.to === undefined) this.#extend(t, run);
      else this.#arrive(t, run.to);
      return;
    }
  }

  /** Runs user code to learn where a run leads, and what the thread would do after that if it ran on alone. */
  #extend(t: number, run: Run): void {
    const { observer, finestBytes, grainBytes } = this.#options;
    const races = this.#races;
    let mark: number | undefined;
    let ahead = 0;
    this.#log.load(run);
    const point = new Recorder(run, this.#log, this.#sides[t]!, {
      stacks: observer !== undefined,
      isEndless: (at, bits) => this.#options.spins !== false && this.#isEndless(at, bits),
      goOn: (at) => {
        if (observer !== undefined || this.failure !== undefined || ++ahead > aheadMax)
          return undefined;
        mark ??= this.cells.mark();
        this.#races = undefined;
        return this.#ahead(at);
      },
    }).record();
    this.#races = races;
    if (mark !== undefined) this.cells.rewind(mark);
    this.accesses += (run.end - run.start) / entryCells;
    if (finestBytes !== undefined && finestBytes() < grainBytes) throw new FinerGrain();
    this.#arrive(t, point);
  }

  /** Does the operation of a new point, for the time being, if nobody else is concerned; returns the run to record. */
  #ahead(point: Point): Run | undefined {
    const operation = point.operation!;
    const { kind, offset, bytes } = operation;
    if (kind === Kind.begin || point.run.from?.operation!.equals(operation) === true)
      return undefined;
    if (kind === Kind.choose) return point.addNext(0);
    if (kind === Kind.notify)
      return this.#firstAsleep(offset) === -1 ? point.addNext(0) : undefined;
    const found = this.ram.load(offset, bytes);
    if (kind === Kind.wait) {
      return found === operation.expected ? undefined : point.addNext(Waited.notEqual);
    }
    this.ram.store(offset, bytes, outcome(operation, found));
    return point.addNext(kind === Kind.store || kind === Kind.write ? 0 : found);
  }

  #side(t: number): PlainMemory {
    const { observer } = this.#options;
    const observe = (code: number, offset: number, bits: number): void => {
      if (this.failure === undefined) observer?.plain(t, code, offset, bits);
    };
    return {
      read: (offset, bytes) => {
        const bits = this.ram.read(offset, bytes);
        observe(Tape.read | (bytes << 4), offset, bits);
        this.#detect(t, offset, bytes, Tape.read);
        return bits;
      },
      write: (offset, bytes, bits) => {
        observe(Tape.write | (bytes << 4), offset, bits);
        this.#detect(t, offset, bytes, Tape.write);
        this.ram.write(offset, bytes, bits);
      },
      free: (offset, byteLength) => {
        observe(Tape.free, offset, byteLength);
        this.#detect(t, offset, byteLength, Tape.free);
      },
      note: (number) => observe(Tape.note, 0, number),
      again: () => observe(Tape.again, 0, 0),
    };
  }

  #arrive(t: number, point: Point): void {
    this.cells.set(this.#at + t, point.id);
    if (point.thrown === undefined || this.failure !== undefined) return;
    const { error } = point.thrown;
    const kind = error instanceof Endless ? 'livelock' : 'assertion';
    this.failure = { kind, thread: t, error };
  }

  #look(operation: Operation): Bits {
    return this.ram.load(operation.offset, operation.bytes);
  }

  #hasChanged(watch: Watch): boolean {
    return watch.some(({ offset, bytes, bits }) => this.ram.load(offset, bytes) !== bits);
  }

  #detect(t: number, offset: number, bytes: number, kind: number): void {
    const races = this.#races;
    if (races === undefined || this.failure !== undefined) return;
    const fine =
      kind === Tape.read
        ? races.plainRead(t, offset, bytes)
        : races.plainWrite(t, offset, bytes, kind === Tape.free);
    if (!fine) this.#conflict(t);
  }

  #conflict(t: number): void {
    this.failure ??= { thread: t, ...this.#races!.conflict! };
  }
}
