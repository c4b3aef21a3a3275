/**
 * The mirrors of one address space, to be found by what they overlap.
 *
 * Sorted by start; `reach[i]` is the highest end among the first i+1 of them, so that a search walks back no
 * further than something can reach. Rebuilt when it is asked after a registration: those are rare.
 */
import type { Mirror } from './mirror.ts';

/** See the file's head. */
export class MirrorIndex {
  readonly #mirrors = new Set<Mirror>();
  #sorted: Mirror[] = [];
  #reach: number[] = [];
  #isCurrent = true;

  get count(): number {
    return this.#mirrors.size;
  }

  get all(): Iterable<Mirror> {
    return this.#mirrors;
  }

  add(mirror: Mirror): void {
    this.#mirrors.add(mirror);
    this.#isCurrent = false;
  }

  remove(mirror: Mirror): void {
    this.#mirrors.delete(mirror);
    this.#isCurrent = false;
  }

  /** Calls `visitor` for each mirror that overlaps the pages. */
  visit(from: number, to: number, visitor: (mirror: Mirror) => void): void {
    if (this.#mirrors.size === 0) return;
    if (!this.#isCurrent) this.#sort();
    const sorted = this.#sorted;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sorted[middle]!.from < to) low = middle + 1;
      else high = middle;
    }
    for (let at = low - 1; at >= 0 && this.#reach[at]! > from; at--) {
      const mirror = sorted[at]!;
      if (mirror.to > from) visitor(mirror);
    }
  }

  #sort(): void {
    this.#sorted = [...this.#mirrors].sort((a, b) => a.from - b.from || a.number - b.number);
    let reach = 0;
    this.#reach = this.#sorted.map((mirror) => (reach = Math.max(reach, mirror.to)));
    this.#isCurrent = true;
  }
}
