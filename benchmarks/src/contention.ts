/**
 * Whether somebody else is busy on the same core.
 *
 * Two hardware threads of one core share its execution units (simultaneous multithreading, SMT). With a busy neighbour on the other one,
 * code that has much to do at once takes up to 1.6 times as long, and code that waits for one result after another takes as long as
 * before: so not even the ratio of two programs is safe. On a rented machine the neighbour may be somebody else's, comes and goes within
 * seconds, and no load average has it.
 *
 * The quotient of the times of two such loops shows it, at any clock frequency. What it is without a neighbour depends on the processor
 * and the compiler, so a quotient is judged by the least that was seen of the same program. Ours.
 */
import { performance } from 'node:perf_hooks';

/** Loops run that often, and the fastest of each counts: it is enough that the neighbour rests for 0.1 ms. */
const WINDOWS = 100;

/** What is this much above the least was disturbed. Without a neighbour the quotient varies by less than 2 % here. */
const DISTURBED = 1.1;

const numbers = Float64Array.from({ length: 64 }, (_, k) => k);

/** Time of a loop that keeps the execution units busy, over that of one that does not. Takes about 10 ms. */
export function measureContention(): number {
  let busyMs = Infinity;
  let waitingMs = Infinity;
  let sum = 0;
  for (let k = 0; k < WINDOWS; k++) {
    const begin = performance.now();
    sum += manyAtOnce();
    const middle = performance.now();
    sum += oneAfterAnother();
    busyMs = Math.min(busyMs, middle - begin);
    waitingMs = Math.min(waitingMs, performance.now() - middle);
  }
  if (Number.isNaN(sum)) throw new Error('expected the sum of two loops, got none');
  return busyMs / waitingMs;
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
  for (let k = 0; k < 10_000; k++) x = x * 0.999 + 0.3;
  return x;
}

/** Knows the least contention of each program, and so which observations were disturbed. */
export class Calm {
  readonly #least = new Map<string, number>();

  isDisturbed(program: string, contention: number): boolean {
    const least = Math.min(this.#least.get(program) ?? Infinity, contention);
    this.#least.set(program, least);
    return contention > DISTURBED * least;
  }
}
