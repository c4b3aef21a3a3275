/** Blocks of a file, decoded: slow enough that somebody may write meanwhile. */
import { open } from 'node:fs/promises';

export const blockBytes = 16;

/** The bytes of a block, as they are now. */
export async function readBlock(path: string, block: number): Promise<Buffer> {
  await using file = await open(path);
  const bytes = Buffer.alloc(blockBytes);
  await file.read(bytes, 0, blockBytes, block * blockBytes);
  return bytes;
}

/** A cache that drops what changes, and has the bug. */
export class NaiveCache {
  readonly #blocks = new Map<number, string>();
  readonly #load: (block: number) => Promise<string>;

  constructor(load: (block: number) => Promise<string>) {
    this.#load = load;
  }

  async get(block: number): Promise<string> {
    const found = this.#blocks.get(block);
    if (found !== undefined) return found;
    const decoded = await this.#load(block);
    this.#blocks.set(block, decoded); // of bytes that may have changed since
    return decoded;
  }

  drop(start: number, end: number): void {
    for (const block of this.#blocks.keys()) {
      if (block * blockBytes < end && start < (block + 1) * blockBytes) this.#blocks.delete(block);
    }
  }
}
