/** What a caller may get wrong about memory, looked at before anything is laid out, found or moved. */
import { IntervalTreeError } from './errors.ts';
import { byteLengthOf, BYTES_MAX, SLOTS } from './layout.ts';

/** Bytes that `capacity` intervals can need. @throws IntervalTreeError `MMN_TREE_CAPACITY` */
export function checkedByteLength(capacity: number, fanOut: number): number {
  if (!Number.isInteger(fanOut) || fanOut < 4 || fanOut > SLOTS) {
    throw new IntervalTreeError(
      'MMN_TREE_CAPACITY',
      `expected a fan-out from 4 to ${SLOTS}, got ${String(fanOut)}`,
    );
  }
  const byteLength = byteLengthOf(capacity, fanOut);
  if (!(byteLength <= BYTES_MAX)) {
    throw new IntervalTreeError(
      'MMN_TREE_CAPACITY',
      `expected a capacity from 1 to what fits in ${BYTES_MAX} bytes, got ${String(capacity)}`,
    );
  }
  return byteLength;
}

/** @throws IntervalTreeError `MMN_TREE_MEMORY` unless there are so many bytes from `byteOffset` on */
export function checkRoom(
  memory: ArrayBufferLike,
  byteOffset: number,
  byteLength: number,
  what: string,
): void {
  if (!Number.isInteger(byteOffset) || byteOffset < 0 || byteOffset % 8 !== 0) {
    throw new IntervalTreeError(
      'MMN_TREE_MEMORY',
      `expected a byteOffset that is a multiple of 8, got ${String(byteOffset)}`,
    );
  }
  const tag = Object.prototype.toString.call(memory).slice(8, -1);
  if (tag !== 'ArrayBuffer' && tag !== 'SharedArrayBuffer') {
    throw new IntervalTreeError(
      'MMN_TREE_MEMORY',
      `expected an ArrayBuffer or a SharedArrayBuffer, got ${tag}`,
    );
  }
  if (memory.byteLength - byteOffset < byteLength) {
    throw new IntervalTreeError(
      'MMN_TREE_MEMORY',
      `expected ${byteLength} bytes from byte ${byteOffset} on, which ${what} need, got memory that ends at byte ${memory.byteLength}`,
    );
  }
}

/** Both, for a tree. @throws IntervalTreeError `MMN_TREE_CAPACITY`, `MMN_TREE_MEMORY` */
export function checkPlace(
  memory: ArrayBufferLike,
  byteOffset: number,
  capacity: number,
  fanOut: number,
): void {
  const byteLength = checkedByteLength(capacity, fanOut);
  checkRoom(memory, byteOffset, byteLength, `${capacity} intervals`);
}
