/**
 * The pages behind a mapping that are not its own: a file's page cache, or shared memory.
 *
 * It holds a reference to each of its frames. Shared memory goes with its last mapping; a file that was made
 * with `Machine.createFile` stays.
 */
import type { Frames } from './frames.ts';

/** See the file's head. */
export class Backing {
  readonly name: string;
  readonly #frames: Frames;
  readonly #pages = new Map<number, number>();
  readonly #permanent: boolean;
  readonly #onGone: (backing: Backing) => void;
  #mappings = 0;

  constructor(
    name: string,
    frames: Frames,
    permanent: boolean,
    onGone: (backing: Backing) => void,
  ) {
    this.name = name;
    this.#frames = frames;
    this.#permanent = permanent;
    this.#onGone = onGone;
  }

  /** The frame of a page, read in when it is not there: zeros, if nobody wrote it. */
  frameOf(index: number): number {
    let frame = this.#pages.get(index);
    if (frame === undefined) {
      frame = this.#frames.allocate(0);
      this.#pages.set(index, frame);
    }
    return frame;
  }

  /** The contents of a page, without reading it in. */
  contentsAt(index: number): number {
    const frame = this.#pages.get(index);
    return frame === undefined ? 0 : this.#frames.contents(frame);
  }

  /** Whether this frame is the page's own: a private mapping may have a copy instead. */
  holds(index: number, frame: number): boolean {
    return this.#pages.get(index) === frame;
  }

  /**
   * Forgets the pages from `from` to `to`: a hole, or what a truncation cut off. The frames stay held, and the
   * caller drops them: until then their numbers name nothing else.
   */
  punch(from: number, to: number): number[] {
    const punched: number[] = [];
    for (const [index, frame] of this.#pages) {
      if (index < from || index >= to) continue;
      this.#pages.delete(index);
      punched.push(frame);
    }
    return punched;
  }

  /** One mapping more. */
  map(): void {
    this.#mappings++;
  }

  /** One mapping less. */
  unmap(): void {
    this.#mappings--;
    if (this.#mappings > 0 || this.#permanent) return;
    for (const frame of this.punch(0, Infinity)) this.#frames.drop(frame);
    this.#onGone(this);
  }

  /** Adds this backing's references to `holders`, for `Frames.verify`. */
  countInto(holders: Map<number, number>): void {
    for (const frame of this.#pages.values()) holders.set(frame, (holders.get(frame) ?? 0) + 1);
  }
}
