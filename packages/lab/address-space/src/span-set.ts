/**
 * A set of addresses as disjoint half-open spans, sorted, none touching the next.
 */
import type { Span } from '@mmu-notifier/core';

/** See the file's head. */
export class SpanSet {
  readonly #spans: Span[] = [];

  get all(): readonly Span[] {
    return this.#spans;
  }

  has(address: number): boolean {
    const span = this.#spans[this.#firstEndingAfter(address)];
    return span !== undefined && span.start <= address;
  }

  /** Adds every address of `span`, joining what it overlaps or touches. */
  add({ start, end }: Span): void {
    // A span that ends at `start` touches, so it begins the splice too.
    const first = this.#firstEndingAfter(start - 1);
    let last = first;
    let from = start;
    let to = end;
    for (; last < this.#spans.length && this.#spans[last]!.start <= end; last++) {
      from = Math.min(from, this.#spans[last]!.start);
      to = Math.max(to, this.#spans[last]!.end);
    }
    this.#spans.splice(first, last - first, { start: from, end: to });
  }

  /** Removes every address of `span`. */
  remove({ start, end }: Span): void {
    const first = this.#firstEndingAfter(start);
    let last = first;
    const left: Span[] = [];
    for (; last < this.#spans.length && this.#spans[last]!.start < end; last++) {
      const span = this.#spans[last]!;
      if (span.start < start) left.push({ start: span.start, end: start });
      if (span.end > end) left.push({ start: end, end: span.end });
    }
    this.#spans.splice(first, last - first, ...left);
  }

  /** The part of `span` around `address`, which is not in the set, that the set leaves free. */
  gapAround(address: number, span: Span): Span {
    const next = this.#firstEndingAfter(address);
    return {
      start: Math.max(span.start, this.#spans[next - 1]?.end ?? 0),
      end: Math.min(span.end, this.#spans[next]?.start ?? span.end),
    };
  }

  #firstEndingAfter(address: number): number {
    let low = 0;
    let high = this.#spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#spans[middle]!.end <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
