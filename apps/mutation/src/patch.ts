/**
 * A change of one place in one source file, and nothing on the disk: it is made while the module loads. So a mutant is always one of
 * what is shipped now, and one whose place is gone is an error.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** See the file's head. */
export interface Patch {
  /** From the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** The repository's root. */
export const root: string = join(import.meta.dirname, '../../..');

/** The environment variable by which a process, and its workers, learn of their patch. */
export const patchVariable = 'MMN_PATCH';

/** The source with the change made. @throws Error unless the place is there exactly once */
export function patched(source: string, { file, find, replace }: Patch): string {
  const at = source.indexOf(find);
  if (at === -1)
    throw new Error(`expected ${file} to hold ${JSON.stringify(find)}, got it nowhere`);
  if (source.includes(find, at + 1)) {
    throw new Error(`expected ${file} to hold ${JSON.stringify(find)} once, got it twice`);
  }
  return source.slice(0, at) + replace + source.slice(at + find.length);
}

/** The same, of the file as it is. */
export function patchedFile(patch: Patch): string {
  return patched(readFileSync(join(root, patch.file), 'utf8'), patch);
}
