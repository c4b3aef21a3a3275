/**
 * How faults notice that they collided. Two ways:
 *
 * `ValidFlags` (v5.3): a range for each fault, with a flag that a start clears and the last end sets again. What goes
 * wrong with it is drawn where the ranges are, in `HmmRanges`.
 *
 * `Marks` (fixed): each mirror carries the number of the last section that hit it, which never comes back. This is
 * what mm/hmm.c came to in v5.5, where a range holds an interval notifier and the number that it read.
 */
import { overlaps, type MaybePromise, type Seq, type Span } from '@mmu-notifier/core';
import {
  CollisionSequence,
  HmmFaults,
  HmmRanges,
  type CallContext,
  type Collidable,
} from '@mmu-notifier/hlist-srcu/driver';
import type { Region } from '@mmu-notifier/sync';

/** See the file's head: the sections' side. */
export interface Collisions {
  /** What a start looks through: ranges, or mirrors. */
  readonly size: number;
  /** A section begins: before anything is torn down. */
  start(range: Span): void;
  /** It ends, or did not come about. */
  end(): void;
  /** The address space is gone: no ends come any more. */
  abandon(): void;
  /** A mirror comes: its faults. */
  createFaults(span: Span): Faults;
}

/** The faults' side, for one mirror. */
export interface Faults {
  /** A fault begins. May wait, once. */
  begin(context: CallContext): MaybePromise<Seq>;
  /** It is over, under the mirror's lock: whether it may publish. */
  done(seq: Seq): boolean;
  /** Whether `done` will say no: certain if so. */
  isHopeless(seq: Seq): boolean;
  /** The mirror goes. */
  close(): void;
}

/** Words that either takes. */
export const collisionWords: number = Math.max(HmmRanges.words, CollisionSequence.words);

/** See the file's head. Its faults go about it as nouveau's do: a range whose wait took too long is left behind. (NV-1) */
export class ValidFlags extends HmmRanges implements Collisions {
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

  start(range: Span): void {
    this.#sequence.enter();
    for (const faults of this.#marked) {
      if (overlaps(faults, range)) this.#sequence.hit(faults);
    }
  }

  end(): void {
    this.#sequence.leave();
  }

  abandon(): void {
    this.#sequence.abandon();
  }

  createFaults(span: Span): Faults {
    const close = (): void => void this.#marked.delete(faults);
    const faults = new MarkedFaults(span, this.#sequence, close);
    this.#marked.add(faults);
    return faults;
  }
}

class MarkedFaults implements Faults, Collidable, Span {
  readonly start: number;
  readonly end: number;
  mark: number;
  readonly close: () => void;
  readonly #sequence: CollisionSequence;

  constructor({ start, end }: Span, sequence: CollisionSequence, close: () => void) {
    this.start = start;
    this.end = end;
    this.mark = sequence.markOfNew;
    this.close = close;
    this.#sequence = sequence;
  }

  begin(context: CallContext): MaybePromise<Seq> {
    return this.#sequence.begin(this, context);
  }

  done(seq: Seq): boolean {
    return !this.#sequence.collided(this, seq);
  }

  isHopeless(seq: Seq): boolean {
    return this.#sequence.collided(this, seq);
  }
}
