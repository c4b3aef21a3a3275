/**
 * Finds spin loops: a thread that only looks, again and again, while nothing changes.
 *
 * 1. *Waiting for one word*: the thread repeats one operation on 4 bytes that finds the same and changes nothing, with or
 *    without pauses between. It is then disabled while the word holds that value.
 * 2. *A loop over several operations* without effect: the thread stands at the loop's head again, having gone around once, and
 *    goes around for ever while every word in it holds its value.
 *
 * "For ever" is measured: the code is run on with those values. The first time, 2,000 turns; once a loop has
 * proved endless, 200 turns for the same operation of the same thread, since a bound, where there is one, is a constant.
 * A loop comes back to the same place in the code: `tryLock() || lock()` may repeat one operation for ever, but its
 * first try is no turn of the loop.
 */
import type { ElementBytes } from '../memory/elements.ts';
import { Kind, outcome, Waited, type Bits, type Operation } from '../memory/operation.ts';
import { Execution, type Continuation } from './execution.ts';
import { Log } from './log.ts';
import { isSameSite, siteHere, type Site } from './site.ts';
import { turnsMax } from './recorder.ts';
import { entryCells, Tape, type Point, type Run, type Watch } from './trie.ts';

const turnsLater = 200;
/** Longest loop that is looked for, in visible operations and in plain reads. */
const loopVisibleMax = 8;
const loopPlainMax = 64;

/** One access of a loop: a visible operation or a plain read, with what it found. */
type Step =
  | { readonly operation: Operation; readonly bits: Bits }
  | { readonly code: number; readonly offset: number; readonly bits: number };

/** Answers a thread's accesses from a loop's steps, around and around; stops it at the first other access. */
class Around implements Continuation {
  turns = 0;
  left = false;
  /** Where in the code the loop begins, in its first turn and in its last. */
  firstSite: Site | undefined;
  lastSite: Site | undefined;
  readonly #steps: readonly Step[];
  readonly #turnsMax: number;
  #at = 0;

  constructor(steps: readonly Step[], max: number) {
    this.#steps = steps;
    this.#turnsMax = max;
  }

  plain(code: number, offset: number): number {
    if ((code & 15) === Tape.pause) return 0;
    const step = this.#steps[this.#at]!;
    if ('operation' in step || step.code !== code || step.offset !== offset) return this.#leave();
    this.#advance();
    return step.bits;
  }

  visible(operation: Operation): Bits | undefined {
    const step = this.#steps[this.#at]!;
    if (this.turns === 0 && this.#at === 0) this.firstSite = siteHere();
    if (this.turns >= this.#turnsMax) {
      this.lastSite = siteHere();
      return undefined;
    }
    if (!('operation' in step) || !step.operation.equals(operation)) {
      this.left = true;
      return undefined;
    }
    this.#advance();
    return step.bits;
  }

  #advance(): void {
    if (++this.#at === this.#steps.length) {
      this.#at = 0;
      this.turns++;
    }
  }

  #leave(): never {
    this.left = true;
    throw new Error('left the loop');
  }
}

/** Finds out about the loops of one thread. */
export class Prober {
  /** Turns to try, by thread and loop. */
  readonly #turns = new Map<string, number>();

  /** Whether a thread that stands at this point would only repeat its operation while that finds `bits`. */
  spinsOn(point: Point, bits: Bits): boolean {
    return this.#isEndless(point, [{ operation: point.operation!, bits }], false);
  }

  /** What a thread that has just come to this point looks at, if it goes around a loop of several operations. */
  findWatch(point: Point): Watch | undefined {
    const steps = stepsAround(point);
    if (steps === undefined || !this.#isEndless(point, steps, true)) return undefined;
    return steps.map(watched);
  }

  /** `again`: the thread has gone around these steps once already. */
  #isEndless({ run }: Point, steps: readonly Step[], again: boolean): boolean {
    const { trie } = run;
    const visible = steps.filter((step) => 'operation' in step);
    const key = `${trie.name} ${visible.map((step) => step.operation.toString()).join()}`;
    const turns = this.#turns.get(key) ?? turnsMax;
    const around = new Around(steps, turns);
    const log = new Log();
    log.load(run);
    const siteOf = again ? log.points.length - visible.length : -1;
    const execution = new Execution(trie, log, around, siteOf);
    execution.run();
    if (around.left || around.turns < turns) return false;
    if (!isSameSite(around.firstSite, around.lastSite)) return false;
    if (again && !isSameSite(execution.site, around.firstSite)) return false;
    this.#turns.set(key, turnsLater);
    return true;
  }
}

/** The steps from the last time that the thread stood before this operation, if nothing since had an effect. */
function stepsAround(point: Point): Step[] | undefined {
  const { operation } = point;
  if (operation === undefined) return undefined;
  const steps: Step[] = [];
  const found = new Map<number, Bits>();
  let plain = 0;
  let visible = 0;
  for (let at = point; visible < loopVisibleMax;) {
    const { run } = at;
    const before = run.from;
    if (before === undefined || run.writes || run.trunk !== undefined) return undefined;
    plain += addReads(run, steps);
    if (plain > loopPlainMax) return undefined;
    const step = { operation: before.operation!, bits: run.result };
    if (!isIdle(step, found)) return undefined;
    steps.unshift(step);
    visible++;
    // One operation alone is the first kind of loop, where that exists.
    const several = steps.length > 1 || operation.kind === Kind.wait || operation.bytes !== 4;
    if (before.operation!.equals(operation)) return several ? steps : undefined;
    at = before;
  }
  return undefined;
}

function addReads(run: Run, steps: Step[]): number {
  const { tape } = run.trie;
  const reads: Step[] = [];
  for (let i = run.start; i < run.end; i += entryCells) {
    const code = tape[i]!;
    if ((code & 15) === Tape.read) reads.push({ code, offset: tape[i + 1]!, bits: tape[i + 2]! });
  }
  steps.unshift(...reads);
  return reads.length;
}

/** Whether an operation changed nothing, and its word was the same each time the loop looked. */
function isIdle(step: { operation: Operation; bits: Bits }, found: Map<number, Bits>): boolean {
  const { operation } = step;
  if (operation.kind === Kind.wait) {
    if (step.bits !== Waited.timedOut) return false;
  } else if (operation.kind !== Kind.read && !operation.mayRepeat) {
    return false;
  }
  const { bits } = watched(step);
  if (outcome(operation, bits) !== bits) return false;
  const known = found.get(operation.offset);
  found.set(operation.offset, bits);
  return known === undefined || known === bits;
}

/** The word that a step looks at, with what it held. */
function watched(step: Step): { offset: number; bytes: ElementBytes; bits: Bits } {
  if (!('operation' in step)) {
    return { offset: step.offset, bytes: (step.code >> 4) as ElementBytes, bits: step.bits };
  }
  const { kind, offset, bytes, expected } = step.operation;
  return { offset, bytes, bits: kind === Kind.wait ? expected : step.bits };
}
