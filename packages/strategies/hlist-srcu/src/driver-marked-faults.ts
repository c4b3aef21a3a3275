/**
 * The faults of one registration beside a collision sequence: what a range of mm/hmm.c came to in v5.5, when it got an
 * interval notifier and the number that was read from it. For the repaired variants of what stands on `HmmRanges`.
 *
 * Source: Linux mm/hmm.c, v5.5 (04ec32fbc2b2).
 */
import type { MaybePromise, Seq, Span } from '@mmu-notifier/core';
import type { Collidable, CollisionSequence } from './driver-collision-sequence.ts';
import type { Faults } from './driver-hmm-ranges.ts';
import type { CallContext } from './ops.ts';

/** See the file's head. Whoever has it looks for what a section hits. */
export class MarkedFaults implements Faults, Collidable, Span {
  readonly start: number;
  readonly end: number;
  mark: number;
  readonly #sequence: CollisionSequence;
  readonly #onClose: () => void;

  /** @param onClose takes it away from where sections look for it */
  constructor({ start, end }: Span, sequence: CollisionSequence, onClose: () => void = () => {}) {
    this.start = start;
    this.end = end;
    this.mark = sequence.markOfNew;
    this.#sequence = sequence;
    this.#onClose = onClose;
  }

  begin(context: CallContext): MaybePromise<Seq> {
    return this.#sequence.begin(this, context);
  }

  done(seq: Seq): boolean {
    return !this.isHopeless(seq);
  }

  isHopeless(seq: Seq): boolean {
    return this.#sequence.collided(this, seq);
  }

  hit(): void {
    this.#sequence.hit(this);
  }

  close(): void {
    this.#onClose();
  }
}
