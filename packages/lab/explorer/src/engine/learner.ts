/**
 * Learns what threads do, by running their code: where a run leads, and whether a loop has an end.
 *
 * 1. Having run code up to a new point, it lets the thread run on for the time being, as if alone, and remembers that
 *    too: most threads do go on alone for a while, and running their code again from the start is what costs most.
 * 2. Nothing remains of that in the memory: it is rewound to the first point.
 */
import { Kind, outcome, Waited, type Bits } from '../memory/operation.ts';
import type { Cells } from './cells.ts';
import type { Guard } from './guard.ts';
import { Log } from './log.ts';
import { Prober } from './probe.ts';
import type { Ram } from './ram.ts';
import { Recorder, type PlainMemory } from './recorder.ts';
import type { WaitQueues } from './wait-queues.ts';
import type { Point, Run, Watch } from './trie.ts';

/** Most operations that a thread is run ahead. */
const aheadMax = 100;

/** What it works on. */
export interface Surroundings {
  readonly cells: Cells;
  readonly ram: Ram;
  readonly guard: Guard;
  readonly queues: WaitQueues;
  /** Whether to see through spin loops. */
  readonly spins: boolean;
}

/** See the file's head. */
export class Learner {
  readonly #around: Surroundings;
  readonly #prober = new Prober();
  readonly #log = new Log();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Runs code to learn where a run leads; returns that point. Memory is then as it is there. */
  learn(run: Run, side: PlainMemory): Point {
    const { cells, guard } = this.#around;
    let before: { mark: number; detects: boolean } | undefined;
    let ahead = 0;
    this.#log.load(run);
    const point = new Recorder(run, this.#log, side, {
      stacks: guard.observer !== undefined,
      isEndless: (at, bits) => this.isEndless(at, bits),
      goOn: (at) => {
        // An observer must see each access when it is made in earnest.
        if (guard.observer !== undefined || guard.fault !== undefined) return undefined;
        if (++ahead > aheadMax) return undefined;
        before ??= { mark: cells.mark(), detects: guard.detect(false) };
        return this.#goAhead(at);
      },
    }).record();
    if (before !== undefined) {
      guard.detect(before.detects);
      cells.rewind(before.mark);
    }
    return point;
  }

  /** Does the operation of a new point, if nobody else is concerned; returns the run to record next. */
  #goAhead(point: Point): Run | undefined {
    const { ram, queues } = this.#around;
    const operation = point.operation!;
    const { kind, offset, bytes } = operation;
    const isRepeated = point.run.from?.operation!.equals(operation) === true;
    if (kind === Kind.begin || isRepeated) return undefined;
    if (kind === Kind.choose) return point.addNext(0);
    if (kind === Kind.notify) return queues.first(offset) === -1 ? point.addNext(0) : undefined;
    const found = ram.load(offset, bytes);
    if (kind === Kind.wait) {
      return found === operation.expected ? undefined : point.addNext(Waited.notEqual);
    }
    ram.store(offset, bytes, outcome(operation, found));
    return point.addNext(kind === Kind.store || kind === Kind.write ? 0 : found);
  }

  /** Whether a thread that stands at this point would repeat its operation for as long as that finds `bits`. */
  isEndless(point: Point, bits: Bits): boolean {
    return this.#around.spins && point.spinsOn(bits, () => this.#prober.spinsOn(point, bits));
  }

  /** What a thread that stands at this point looks at, if it has just gone around a loop without effect. */
  watch(point: Point): Watch | undefined {
    if (point.watch === 'unknown') {
      point.watch = this.#around.spins ? this.#prober.findWatch(point) : undefined;
    }
    return point.watch;
  }
}
