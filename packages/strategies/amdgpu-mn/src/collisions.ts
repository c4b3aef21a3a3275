/**
 * How submissions notice that they collided. Two ways:
 *
 * `ValidFlags` (v5.3): the ranges of HMM, one for each bo whose pages are being read.
 * `Marks` (fixed): a number for each bo, that of the last section that hit it, as since v5.5 (62914a99dee5). The tree
 * says which bos those are.
 */
import type { Span } from '@mmu-notifier/core';
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
  /** A section begins: before it looks for what it hits. */
  start(range: Span): void;
  /** It ends, or did not come about. */
  end(): void;
  /** The address space is gone: no ends come any more. */
  abandon(): void;
  /** A bo is registered: its faults. */
  createFaults(span: Span): Faults;
}

/** Words that either takes. */
export const collisionWords: number = Math.max(HmmRanges.words, CollisionSequence.words);

/** See the file's head. */
export class ValidFlags extends HmmRanges implements Collisions {
  createFaults(span: Span): HmmFaults {
    return new HmmFaults(this, span);
  }
}

/** See the file's head. */
export class Marks implements Collisions {
  readonly #sequence: CollisionSequence;

  constructor(region: Region, index: number) {
    this.#sequence = new CollisionSequence(region, index);
  }

  start(): void {
    this.#sequence.enter();
  }

  end(): void {
    this.#sequence.leave();
  }

  abandon(): void {
    this.#sequence.abandon();
  }

  createFaults(span: Span): MarkedFaults {
    return new MarkedFaults(span, this.#sequence);
  }
}
