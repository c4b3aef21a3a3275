/**
 * Random numbers that are the same on every machine for one seed.
 *
 * sfc32 by Chris Doty-Humphrey (PractRand 0.93, "Small Fast Counting"): 128 bits of state, of which one word
 * counts, so no seed has a period below 2^32.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed a safe integer; both halves of it count */
  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = 0;
    // As PractRand does: lets the seed reach every bit.
    for (let round = 0; round < 15; round++) this.next();
  }

  /** The next 32 bits, as an integer from 0 to 2^32-1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** An integer from 0 to `bound`-1. The bias, below 2^-21 for the bounds used here, is harmless. */
  below(bound: number): number {
    return Math.floor((this.next() / 2 ** 32) * bound);
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True once in `times`, on average. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of the items, which must not be empty. */
  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('expected something to pick from, got nothing');
    return item;
  }
}
