/**
 * Structures in words, described once: field names and widths in order, as in a C struct.
 *
 * 1. A `word` is 32 bits, a `wide` 64 bits and aligned to 8 bytes.
 * 2. The offset of a word counts words, that of a wide field counts wide words, from the structure's start.
 * 3. A structure's size is a whole number of wide words, so arrays of them stay aligned.
 */
import { NotifierError } from '@mmu-notifier/core';

/** Width of a field: 32 or 64 bits. */
export type FieldWidth = 'word' | 'wide';

/** Offsets of the fields, and the size in words. */
export type Struct<F extends Record<string, FieldWidth>> = {
  readonly [K in keyof F]: number;
} & { readonly sizeWords: number };

/**
 * Computes the offsets of a structure's fields.
 *
 * ```ts
 * const Node = struct({ lock: 'word', seq: 'wide' });
 * // Node.lock === 0 (words), Node.seq === 1 (wide words), Node.sizeWords === 4
 * ```
 *
 * @throws NotifierError `MMN_OPTION` for a width that does not exist
 */
export function struct<const F extends Record<string, FieldWidth>>(fields: F): Struct<F> {
  let at = 0;
  const offsets: Record<string, number> = {};
  for (const [name, width] of Object.entries(fields)) {
    if (width === 'wide') {
      at += at & 1;
      offsets[name] = at >> 1;
      at += 2;
    } else if (width !== 'word') {
      throw new NotifierError(
        'MMN_OPTION',
        `expected the field ${name} to be a word or wide, got ${String(width)}`,
      );
    } else {
      offsets[name] = at;
      at += 1;
    }
  }
  offsets['sizeWords'] = at + (at & 1);
  return Object.freeze(offsets) as Struct<F>;
}

/** The name of the field that a word belongs to, for reports. `undefined` between fields and behind the last. */
export function fieldAt(fields: Record<string, FieldWidth>, word: number): string | undefined {
  const offsets = struct(fields);
  return Object.entries(fields).find(([name, width]) => {
    const offset = offsets[name]!;
    return width === 'wide' ? word >> 1 === offset : word === offset;
  })?.[0];
}
