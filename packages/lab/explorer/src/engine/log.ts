/** The results that a re-executed thread is given, up to where it is to go on: the path from a trie's root to a run's end. */
import type { Bits } from '../memory/operation.ts';
import { entryCells, Tape, type Point, type Run } from './trie.ts';

/** A path through a trie, flat. */
export class Log {
  /** Entries as in a tape, and one of code `visible` for each visible operation, whose offset is its number. */
  cells: Int32Array = new Int32Array(1 << 10);
  length = 0;
  readonly points: Point[] = [];
  readonly results: Bits[] = [];

  /** Makes this the log of everything up to the end of `run`. */
  load(run: Run): void {
    this.length = this.points.length = this.results.length = 0;
    const pieces: { run: Run; end: number }[] = [];
    for (let piece: { run: Run; end: number } | undefined = { run, end: run.end }; piece;) {
      pieces.push(piece);
      const { trunk, trunkEnd, from }: Run = piece.run;
      piece =
        trunk !== undefined
          ? { run: trunk, end: trunkEnd }
          : from && { run: from.run, end: from.run.end };
    }
    for (const { run, end } of pieces.reverse()) {
      if (run.trunk === undefined && run.from !== undefined) this.#addVisible(run.from, run.result);
      this.#add(run.trie.tape, run.start, end);
    }
  }

  #addVisible(point: Point, result: Bits): void {
    this.#reserve(entryCells);
    this.cells[this.length] = Tape.visible;
    this.cells[this.length + 1] = this.points.length;
    this.length += entryCells;
    this.points.push(point);
    this.results.push(result);
  }

  #add(tape: Int32Array, start: number, end: number): void {
    this.#reserve(end - start);
    for (let i = start; i < end; i++) this.cells[this.length++] = tape[i]!;
  }

  #reserve(count: number): void {
    if (this.length + count <= this.cells.length) return;
    const larger = new Int32Array((this.length + count) * 2);
    larger.set(this.cells);
    this.cells = larger;
  }
}
