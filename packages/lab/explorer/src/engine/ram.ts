/** The explored memory itself: bytes in cells, little-endian. */
import { toBits64, type ElementBytes } from '../memory/elements.ts';
import type { Bits } from '../memory/operation.ts';
import type { Cells } from './cells.ts';

/** Memory in the first cells. */
export class Ram {
  readonly byteLength: number;
  readonly wordCount: number;
  readonly #cells: Cells;

  /** Reserves the first cells: a byte's word is its offset divided by four. */
  constructor(cells: Cells, byteLength: number) {
    this.#cells = cells;
    this.byteLength = byteLength;
    this.wordCount = (byteLength + 3) >> 2;
    cells.reserve(this.wordCount + (this.wordCount & 1));
  }

  /** Zero-extended bits; of 8 bytes, a signed bigint. */
  load(offset: number, bytes: ElementBytes): Bits {
    const { words } = this.#cells;
    if (bytes === 8) return toBits64(words[offset >> 2]!, words[(offset >> 2) + 1]!);
    return this.read(offset, bytes);
  }

  store(offset: number, bytes: ElementBytes, bits: Bits): void {
    if (bytes === 8) {
      const wide = BigInt(bits);
      this.#cells.set(offset >> 2, Number(BigInt.asIntN(32, wide)));
      this.#cells.set((offset >> 2) + 1, Number(BigInt.asIntN(32, wide >> 32n)));
    } else {
      this.write(offset, bytes, bits as number);
    }
  }

  read(offset: number, bytes: 1 | 2 | 4): number {
    const word = this.#cells.words[offset >> 2]!;
    if (bytes === 4) return word;
    return (word >>> ((offset & 3) << 3)) & (bytes === 2 ? 0xffff : 0xff);
  }

  write(offset: number, bytes: 1 | 2 | 4, bits: number): void {
    const index = offset >> 2;
    if (bytes === 4) {
      this.#cells.set(index, bits);
    } else {
      const shift = (offset & 3) << 3;
      const mask = (bytes === 2 ? 0xffff : 0xff) << shift;
      this.#cells.set(index, (this.#cells.words[index]! & ~mask) | ((bits << shift) & mask));
    }
  }
}
