/**
 * Physical memory: frames with reference counts and contents.
 *
 * 1. A frame's count is the number of page-table entries, backing pages and KSM pages that hold it; at 0 it is
 *    free and will be used again. A slot of the swap is a frame too.
 * 2. Contents are one number that stands for all bytes of the page; 0 is a page of zeros.
 * 3. Frame 0 is the zero page: shared by everybody, never counted, never written.
 */
import { invariant } from '@mmu-notifier/core';

/** The frame of the zero page. */
export const zeroFrame = 0;

/** See the file's head. */
export class Frames {
  #counts = new Int32Array(1024);
  #contents = new Float64Array(1024);
  readonly #free: number[] = [];
  #used = 1;

  /** Frames that somebody holds. */
  get inUse(): number {
    return this.#used - 1 - this.#free.length;
  }

  /** Takes a free frame, held once. */
  allocate(contents: number): number {
    const frame = this.#free.pop() ?? this.#next();
    this.#counts[frame] = 1;
    this.#contents[frame] = contents;
    return frame;
  }

  hold(frame: number): void {
    if (frame !== zeroFrame) this.#counts[frame] = this.#counts[frame]! + 1;
  }

  /** Gives one reference back. */
  drop(frame: number): void {
    if (frame === zeroFrame) return;
    const left = this.#counts[frame]! - 1;
    invariant(left >= 0, `frame ${frame} is dropped once too often`);
    this.#counts[frame] = left;
    if (left === 0) this.#free.push(frame);
  }

  count(frame: number): number {
    return this.#counts[frame]!;
  }

  contents(frame: number): number {
    return this.#contents[frame]!;
  }

  /** Writes a frame. A device with a stale entry may write one that is free: that is the damage it does. */
  write(frame: number, contents: number): void {
    if (frame !== zeroFrame) this.#contents[frame] = contents;
  }

  /** Checks the counts against those that `expected` holds by frame. Throws InvariantError. */
  verify(expected: ReadonlyMap<number, number>): void {
    for (let frame = 1; frame < this.#used; frame++) {
      const holders = expected.get(frame) ?? 0;
      invariant(
        this.#counts[frame] === holders,
        `frame ${frame} has ${holders} holders and counts ${this.#counts[frame]}`,
      );
    }
  }

  #next(): number {
    if (this.#used === this.#counts.length) {
      const counts = new Int32Array(this.#used * 2);
      counts.set(this.#counts);
      this.#counts = counts;
      const contents = new Float64Array(this.#used * 2);
      contents.set(this.#contents);
      this.#contents = contents;
    }
    return this.#used++;
  }
}
