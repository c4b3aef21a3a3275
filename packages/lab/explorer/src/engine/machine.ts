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
import { Guard, type Fault, type Observer } from './guard.ts';
import { Learner } from './learner.ts';
import { Races } from './races.ts';
import { Ram } from './ram.ts';
import { Endless, type PlainMemory } from './recorder.ts';
import { seenBefore } from './slices.ts';
import { entryCells, Tape, type Point, type Run, type Trie, type Watch } from './trie.ts';
import { WaitQueues } from './wait-queues.ts';

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

/** Somebody uses smaller elements than was thought: explore again with a finer grain. */
export class FinerGrain extends Error {}

/** See the file's head. */
export class Machine {
  readonly cells: Cells = new Cells();
  readonly ram: Ram;
  readonly threads: number;
  /** Visible operations performed. */
  steps = 0;
  /** Entries of runs walked: plain accesses, all but. */
  accesses = 0;
  /** Whether a thread that has gone around a loop stays where it is for good: see `canGoOn`. */
  parksLoops = false;
  /** The threads', and last the one of the check that runs. */
  readonly #tries: Trie[];
  readonly #options: MachineOptions;
  readonly #guard: Guard;
  readonly #queues: WaitQueues;
  readonly #learner: Learner;
  readonly #sides: readonly PlainMemory[];
  /** For each thread: the number of its point. */
  readonly #at: number;

  constructor(tries: readonly Trie[], options: MachineOptions) {
    const { cells } = this;
    const { byteLength, grainBytes, spins = true } = options;
    this.#tries = [...tries];
    this.#options = options;
    this.threads = tries.length;
    const ram = new Ram(cells, byteLength);
    const races =
      options.races === false ? undefined : new Races(cells, tries.length, byteLength, grainBytes);
    const guard = new Guard(races, options.observer);
    const queues = new WaitQueues(cells, tries.length, (t) => this.point(t).operation!);
    this.ram = ram;
    this.#guard = guard;
    this.#queues = queues;
    this.#learner = new Learner({ cells, ram, guard, queues, spins });
    this.#sides = Array.from({ length: tries.length + 1 }, (_, t) => guard.side(t, ram));
    this.#at = cells.reserve(tries.length + 1);
    cells.words.set(options.initial);
  }

  /** What went wrong in this execution, and ended it. */
  get failure(): Fault | undefined {
    return this.#guard.fault;
  }

  set failure(fault: Fault | undefined) {
    this.#guard.fault = fault;
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
    return this.#queues.isAsleep(t);
  }

  /** Whether it has slept through its wake-up: a notify came between its last look and its sleep, or its word has changed. */
  hasMissedWakeUp(t: number): boolean {
    if (!this.isAsleep(t)) return false;
    const operation = this.point(t).operation!;
    return this.#queues.hasMissed(t) || this.#look(operation) !== operation.expected;
  }

  hasEnded(t: number): boolean {
    return this.point(t).operation === undefined;
  }

  /** Whether a step of this thread is possible and does more than go around a spin loop. */
  isEnabled(t: number): boolean {
    const point = this.point(t);
    const { operation } = point;
    if (operation === undefined) return false;
    if (this.isAsleep(t)) return this.#mayTimeOut(t, operation.patience);
    const watch = this.#learner.watch(point);
    if (watch !== undefined && (this.parksLoops || !this.#hasChanged(watch))) return false;
    return !operation.mayRepeat || !this.spinsOn(t, this.#look(operation));
  }

  #mayTimeOut(t: number, patience: number): boolean {
    return patience === Patience.slice
      ? this.#hasChanged(seenBefore(this.point(t)).words)
      : patience === Patience.some;
  }

  /** Bytes of the words on which it depends whether the slice may end in which a thread sleeps; undefined if it does not. */
  slice(t: number): readonly number[] | undefined {
    const point = this.point(t);
    const isSlice = this.isAsleep(t) && point.operation!.patience === Patience.slice;
    return isSlice ? seenBefore(point).touched : undefined;
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
    const operation = point.operation!;
    if (operation.bytes !== 4 || outcome(operation, bits) !== bits) return false;
    if (point.mayRepeat(bits) === undefined) this.#tryOut(t, point, bits);
    return point.mayRepeat(bits) !== false && this.#learner.isEndless(point, bits);
  }

  /** If memory holds `bits` now: takes the step, to learn where it leads, and takes it back. */
  #tryOut(t: number, point: Point, bits: Bits): void {
    if (this.#look(point.operation!) !== bits || this.failure !== undefined) return;
    if (this.#options.observer !== undefined) return;
    const mark = this.cells.mark();
    this.#learn(t, point.addNext(bits));
    this.cells.rewind(mark);
    this.failure = undefined;
  }

  /** What the thread looks at, if it has just gone around a loop without effect. */
  watch(t: number): Watch | undefined {
    return this.#learner.watch(this.point(t));
  }

  /** Whether a thread that was parked in a loop would find something else now. */
  canGoOn(t: number): boolean {
    const watch = this.watch(t);
    return watch !== undefined && this.#hasChanged(watch);
  }

  /** Lets a thread do its operation. `choice` is what a `choose` returns. */
  step(t: number, choice = 0): void {
    this.steps++;
    const operation = this.point(t).operation!;
    if (operation.kind !== Kind.wait) this.#queues.forgetMissed(t);
    if (this.isAsleep(t)) this.#timeOut(t, operation);
    else if (operation.kind === Kind.wait) this.#wait(t, operation);
    else if (operation.kind === Kind.notify) this.#notify(t, operation);
    else if (operation.kind === Kind.choose) this.#advance(t, choice, choice);
    else this.#access(t, operation);
  }

  /** Runs a check alone, after all threads have ended; returns what it threw. Memory is then as it was. */
  check(trie: Trie): { readonly error: unknown } | undefined {
    const t = this.threads;
    const mark = this.cells.mark();
    this.#guard.detect(false);
    this.#tries[t] = trie;
    this.#walk(t, trie.root);
    while (this.failure === undefined && !this.hasEnded(t) && this.isEnabled(t)) this.step(t);
    const { thrown } = this.point(t);
    const isStuck = !this.hasEnded(t);
    this.failure = undefined;
    this.#guard.detect(true);
    this.cells.rewind(mark);
    return isStuck
      ? { error: new Error('the check waits, but nobody else runs any more') }
      : thrown;
  }

  #access(t: number, operation: Operation): void {
    const { kind, offset, bytes } = operation;
    const found = this.ram.load(offset, bytes);
    this.#guard.visible(t, operation, found);
    this.ram.store(offset, bytes, outcome(operation, found));
    this.#advance(t, kind === Kind.store || kind === Kind.write ? 0 : found, found);
  }

  #wait(t: number, operation: Operation): void {
    const { offset, bytes, patience } = operation;
    const found = this.ram.load(offset, bytes);
    this.#guard.visible(t, operation, found);
    this.#guard.queue(t, offset);
    if (found !== operation.expected) {
      this.#advance(t, Waited.notEqual, found);
    } else if (patience === Patience.none) {
      this.#advance(t, Waited.timedOut, found);
    } else {
      this.#queues.enter(t);
      this.#guard.observer?.visible(t, this.point(t), 'asleep', found);
    }
  }

  #timeOut(t: number, operation: Operation): void {
    this.#queues.leave(t);
    this.#guard.queue(t, operation.offset);
    this.#advance(t, Waited.timedOut, 0);
  }

  #notify(t: number, operation: Operation): void {
    const { offset } = operation;
    const count = operation.operand === -1 ? Infinity : Number(operation.operand);
    this.#guard.queue(t, offset);
    const woken: number[] = [];
    for (let first = this.#queues.first(offset); first !== -1 && woken.length < count;) {
      this.#queues.leave(first);
      woken.push(first);
      first = this.#queues.first(offset);
    }
    if (woken.length === 0) this.#queues.addMissed(t, offset);
    this.#advance(t, woken.length, woken.length);
    for (const sleeper of woken) {
      if (this.failure !== undefined) return;
      this.#guard.wake(sleeper, offset);
      this.#advance(sleeper, Waited.ok, 0);
    }
  }

  /** Takes thread `t` over the result of its operation to its next point. */
  #advance(t: number, result: Bits, found: Bits): void {
    const point = this.point(t);
    this.#guard.observer?.visible(t, point, result, found);
    if (this.failure !== undefined) return;
    const known = point.next(result);
    if (known === undefined) this.#learn(t, point.addNext(result));
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
        this.#guard.plain(t, kind, offset, kind === Tape.free ? bits : code >> 4);
        if (this.failure !== undefined) return;
        if (kind === Tape.write) {
          this.ram.write(offset, (code >> 4) as 1 | 2 | 4, bits);
        } else if (kind === Tape.read) {
          const found = this.ram.read(offset, (code >> 4) as 1 | 2 | 4);
          if (found === bits) continue;
          this.accesses -= (run.end - i) / entryCells - 1;
          const branch = run.branch(i, found);
          if (branch === undefined) {
            this.#learn(t, run.addBranch(i, found));
            return;
          }
          run = branch;
          i = run.start;
        }
      }
      if (run.to === undefined) this.#learn(t, run);
      else this.#arrive(t, run.to);
      return;
    }
  }

  /** Runs user code to learn where a run leads. */
  #learn(t: number, run: Run): void {
    const { finestBytes, grainBytes } = this.#options;
    const point = this.#learner.learn(run, this.#sides[t]!);
    this.accesses += (run.end - run.start) / entryCells;
    if (finestBytes !== undefined && finestBytes() < grainBytes) throw new FinerGrain();
    this.#arrive(t, point);
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
}
