/** Operations files for the processes that observe. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary folder of files that are made when first asked for. */
export class OperationsFolder {
  readonly #folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-bench-'));
  readonly #made = new Set<string>();

  file(name: string, make: () => ArrayBuffer): string {
    const file = join(this.#folder, name.replaceAll(' ', '-'));
    if (!this.#made.has(file)) {
      writeFileSync(file, new Uint8Array(make()));
      this.#made.add(file);
    }
    return file;
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A file's bytes in a buffer of their own. */
export function readBytes(file: string): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  return (buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength);
}
