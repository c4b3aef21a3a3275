/**
 * The whole state of an execution in one array of words, with a journal.
 *
 * 1. Everything that a step changes is a cell: the explored memory, where each thread is, who sleeps, the race
 *    detector's clocks, the search's own bookkeeping. So going back is one operation, `rewind`, and cannot forget anything.
 * 2. Cells change only through `set`, which records what was there.
 * 3. Regions are handed out once, before the first `set`.
 */
export class Cells {
  /** The cells. Read freely; write only through {@link set}. */
  words: Int32Array = new Int32Array(0);
  #size = 0;
  #journal: Int32Array = new Int32Array(1 << 12);
  #length = 0;
  #seen: Int32Array = new Int32Array(0);
  #seenRound = 0;

  /** Reserves cells, zero at first; returns the index of the first. */
  reserve(count: number): number {
    const first = this.#size;
    this.#size += count;
    const larger = new Int32Array(this.#size);
    larger.set(this.words);
    this.words = larger;
    return first;
  }

  set(index: number, value: number): void {
    const before = this.words[index]!;
    if (before === value) return;
    if (this.#length + 2 > this.#journal.length) this.#grow();
    this.#journal[this.#length] = index;
    this.#journal[this.#length + 1] = before;
    this.#length += 2;
    this.words[index] = value;
  }

  /** A point in time to {@link rewind} to. */
  mark(): number {
    return this.#length;
  }

  /** Undoes every `set` since the mark. */
  rewind(mark: number): void {
    const { words } = this;
    const journal = this.#journal;
    for (let i = this.#length - 2; i >= mark; i -= 2) words[journal[i]!] = journal[i + 1]!;
    this.#length = mark;
  }

  /** What has changed since the mark: pairs of index and value, in no particular order. */
  changes(since: number): Int32Array {
    if (this.#seen.length !== this.words.length) this.#seen = new Int32Array(this.words.length);
    const round = ++this.#seenRound;
    const pairs = new Int32Array(this.#length - since);
    let count = 0;
    for (let i = since; i < this.#length; i += 2) {
      const index = this.#journal[i]!;
      if (this.#seen[index] === round) continue;
      this.#seen[index] = round;
      if (this.words[index] === this.#journal[i + 1]) continue;
      pairs[count++] = index;
      pairs[count++] = this.words[index]!;
    }
    return pairs.slice(0, count);
  }

  /** Makes changes that {@link changes} listed. */
  apply(pairs: Int32Array): void {
    for (let i = 0; i < pairs.length; i += 2) this.set(pairs[i]!, pairs[i + 1]!);
  }

  #grow(): void {
    const larger = new Int32Array(this.#journal.length * 2);
    larger.set(this.#journal);
    this.#journal = larger;
  }
}
