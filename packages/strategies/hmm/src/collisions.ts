/**
 * How faults notice that they collided. Two ways:
 *
 * `ValidFlags` (v5.3): a range for each fault, with a flag that a start clears and the last end sets again. What goes
 * wrong with it is drawn where the ranges are, in `HmmRanges`.
 *
 * `Marks` (fixed): each mirror carries the number of the last section that hit it, which never comes back. This is
 * what mm/hmm.c came to in v5.5, where a range holds an interval notifier and the number that it read.
 */
import { overlaps, type Span } from '@mmu-notifier/core';
import {
  CollisionSequence,
  HmmFaults,
  HmmRanges,
  MarkedFaults,
  type Faults,
} from '@mmu-notifier/hlist-srcu/driver';
import type { Region } from '@mmu-notifier/sync';

/** The sections' side. */
export interface Collisions {
  /** What a start looks through: ranges, or mirrors. */
  readonly size: number;
  /** A section begins: before anything is torn down. */
  start(range: Span): void;
  /** It hits faults that are on their way, and will not be refused any more. */
  hit(range: Span): void;
  /** It ends, or did not come about. */
  end(): void;
  /** The address space is gone: no ends come any more. */
  abandon(): void;
  /** A mirror comes: its faults. */
  createFaults(span: Span): Faults;
}

/** Words that either takes. */
export const collisionWords: number = Math.max(HmmRanges.words, CollisionSequence.words);

/** See the file's head. Its faults go about it as nouveau's do: a range whose wait took too long is left behind. (NV-1) */
export class ValidFlags extends HmmRanges implements Collisions {
  /** The start has done it; when it is refused after all, `end` takes it back. */
  hit(): void {}

  createFaults(span: Span): HmmFaults {
    return new HmmFaults(this, span, { leavesTimedOut: true });
  }
}

/** See the file's head. */
export class Marks implements Collisions {
  readonly #sequence: CollisionSequence;
  readonly #marked = new Set<MarkedFaults>();

  constructor(region: Region, index: number) {
    this.#sequence = new CollisionSequence(region, index);
  }

  get size(): number {
    return this.#marked.size;
  }

  start(): void {
    this.#sequence.enter();
  }

  hit(range: Span): void {
    for (const faults of this.#marked) {
      if (overlaps(faults, range)) faults.hit();
    }
  }

  end(): void {
    this.#sequence.leave();
  }

  abandon(): void {
    this.#sequence.abandon();
  }

  createFaults(span: Span): MarkedFaults {
    const forget = (): void => void this.#marked.delete(faults);
    const faults = new MarkedFaults(span, this.#sequence, forget);
    this.#marked.add(faults);
    return faults;
  }
}
