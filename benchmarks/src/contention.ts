/**
 * Whether somebody else is busy on the same core.
 *
 * Two hardware threads of one core share its execution units (simultaneous multithreading, SMT). With a busy neighbour on the other one,
 * code that has much to do at once takes longer, and code that waits for one result after another takes as long as
 * before: so not even the ratio of two programs is safe. On a rented machine the neighbour may be somebody else's, comes and goes within
 * tenths of a second, and no load average has it.
 *
 * The quotient of the times of two such loops shows it, at any clock frequency. What it is without a neighbour depends on the processor
 * and the compiler, so a quotient is judged by the least that was seen of the same program, in this process or in those before. Of the latter
 * one in ten may have been smaller: a quotient that is too small for some other reason is not to call all others disturbed. Ours.
 */
import { performance } from 'node:perf_hooks';

/** What is this much above the least was disturbed. Without a neighbour the quotient varies by 1 % here. */
const DISTURBED = 1.04;

/** Where the runner tells a process the least quotient of its program. native/contention.c reads it, too. */
export const LEAST_VARIABLE = 'MMN_BENCH_LEAST_CONTENTION';

const numbers = Float64Array.from({ length: 64 }, (_, k) => k);

/** Knows the least contention of each program, and so which observations were disturbed. */
export class Calm {
  /** In ascending order. */
  readonly #seen = new Map<string, number[]>();

  /** The first decile. Infinity before the first observation. */
  leastOf(program: string): number {
    const seen = this.#seen.get(program) ?? [];
    return seen[Math.floor(seen.length / 10)] ?? Infinity;
  }

  isDisturbed(program: string, contention: number): boolean {
    const seen = [...(this.#seen.get(program) ?? []), contention].sort((a, b) => a - b);
    this.#seen.set(program, seen);
    return contention > DISTURBED * this.leastOf(program);
  }
}

/** The least of thirty quotients. */
export function measureContention(): number {
  warmUp();
  let least = Infinity;
  for (let k = 0; k < 30; k++) least = Math.min(least, quotient());
  return least;
}

/** So many passes are to be made while the neighbour rests. */
const CALM_PASSES = 10;

/** How many times the budget may be used up waiting for them. */
const PATIENCE = 2;

/** What passes took. */
export interface Passes {
  /** Of each of what was run, the fastest pass: others on the machine only ever make one slower. */
  fastestMs: number[];
  passes: number;
  /** The least of a pass: the larger quotient of those before it and after it. */
  contention: number;
}

/** Runs each in turns with the others for about `budgetMs` in all, and longer until enough of these passes were not disturbed. */
export function timePasses(runs: readonly (() => unknown)[], budgetMs: number): Passes {
  warmUp();
  const fastestMs = runs.map(() => Infinity);
  let passes = 0;
  let calmPasses = 0;
  let contention = Infinity;
  let least = Number(process.env[LEAST_VARIABLE] ?? Infinity);
  let before = quotient();
  const first = performance.now();
  for (
    let elapsedMs = 0;
    elapsedMs < budgetMs || (calmPasses < CALM_PASSES && elapsedMs < PATIENCE * budgetMs);
  ) {
    for (const [k, run] of runs.entries()) {
      const begin = performance.now();
      run();
      fastestMs[k] = Math.min(fastestMs[k]!, performance.now() - begin);
    }
    passes++;
    const after = quotient();
    const around = Math.max(before, after);
    least = Math.min(least, after);
    contention = Math.min(contention, around);
    if (around <= DISTURBED * least) calmPasses++;
    before = after;
    elapsedMs = performance.now() - first;
  }
  return { fastestMs, passes, contention };
}

let isWarm = false;

/** Of the loop that does not suffer. */
let leastWaitingMs = Infinity;

/** While one loop is compiled and the other is not, their quotient is of no meaning. */
function warmUp(): void {
  if (isWarm) return;
  for (let k = 0; k < 100; k++) quotient();
  isWarm = true;
}

/**
 * Time of a loop that keeps the execution units busy, over that of one that does not: 0.1 ms. The latter is the least of three, since
 * an interrupt in it would make the quotient too small. Infinity where the loop is not compiled: the engine forgets what has rested for
 * some seconds, and of two loops not both at once.
 */
function quotient(): number {
  let begin = performance.now();
  let sum = manyAtOnce();
  let end = performance.now();
  const busyMs = end - begin;
  let waitingMs = Infinity;
  for (let k = 0; k < 3; k++) {
    begin = end;
    sum += oneAfterAnother();
    end = performance.now();
    waitingMs = Math.min(waitingMs, end - begin);
  }
  if (Number.isNaN(sum)) throw new Error('expected the sum of two loops, got none');
  leastWaitingMs = Math.min(leastWaitingMs, waitingMs);
  return waitingMs > 2 * leastWaitingMs ? Infinity : busyMs / waitingMs;
}

function manyAtOnce(): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let k = 0; k < 20_000; k++) {
    const at = k & 60;
    a = (a + +(numbers[at]! < 7)) | 0;
    b = (b + +(numbers[at + 1]! < 7)) | 0;
    c = (c + +(numbers[at + 2]! < 7)) | 0;
    d = (d + +(numbers[at + 3]! < 7)) | 0;
  }
  return a + b + c + d;
}

function oneAfterAnother(): number {
  let x = 1.5;
  for (let k = 0; k < 4000; k++) x = x * 0.999 + 0.3;
  return x;
}
