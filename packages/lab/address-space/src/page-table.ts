/**
 * The page table: sparse, so that terabytes of reservation cost nothing, and typed, so that a look-up costs
 * nanoseconds.
 *
 *     directories, sorted      one per populated GiB: what the kernel's pud points to
 *       leaves[512]            one per populated 2 MiB: a pmd
 *         frames, flags, versions [512]
 *
 * 1. `flags` is 0 exactly where nothing is mapped; `frames` and `versions` are then 0 too.
 * 2. `version` is unique in the machine and new at every change after which a device must not use what it
 *    read before. A change that only permits more (read-only to writable, absent to present) keeps it or sets
 *    it for the first time.
 * 3. `used` counts the entries that are not 0; a leaf with none goes away. A directory stays until
 *    {@link PageTable.freeTables}, as page-table pages stay until munmap: mprotect looks at it.
 * 4. Of a huge leaf all 512 entries are present.
 */
import { hugePages } from './pages.ts';

const leafBits = 9;
const indexMask = hugePages - 1;
const directoryLeaves = 512;
/** Pages of a directory: 1 GiB. */
export const directoryPages: number = directoryLeaves * hugePages;

/** 512 entries. */
export class Leaf {
  readonly frames: Int32Array = new Int32Array(hugePages);
  readonly flags: Uint8Array = new Uint8Array(hugePages);
  readonly versions: Float64Array = new Float64Array(hugePages);
  used = 0;
  /** Mapped by one entry of 2 MiB. */
  huge = false;

  set(index: number, frame: number, flags: number, version: number): void {
    if (this.flags[index] === 0) this.used++;
    this.frames[index] = frame;
    this.flags[index] = flags;
    this.versions[index] = version;
  }

  clear(index: number): void {
    if (this.flags[index] === 0) return;
    this.frames[index] = 0;
    this.flags[index] = 0;
    this.versions[index] = 0;
    this.used--;
    this.huge = false;
  }
}

class Directory {
  readonly number: number;
  readonly leaves: (Leaf | undefined)[] = Array.from<undefined>({ length: directoryLeaves });
  leafCount = 0;

  constructor(number: number) {
    this.number = number;
  }
}

/** Called with a leaf, the page of its first entry, and the entries that are in the range. */
export type LeafVisitor = (leaf: Leaf, base: number, first: number, end: number) => void;

/** See the file's head. All arguments are page numbers; ranges exclude their end. */
export class PageTable {
  readonly #directories: Directory[] = [];
  #last: Directory | undefined;

  /** The leaf that maps a page, if there is one. The page's entry is at {@link indexInLeaf}. */
  leafAt(page: number): Leaf | undefined {
    const number = Math.floor(page / directoryPages);
    let directory = this.#last;
    if (directory === undefined || directory.number !== number) {
      directory = this.#directories[this.#position(number)];
      if (directory === undefined || directory.number !== number) return undefined;
      this.#last = directory;
    }
    return directory.leaves[(page - number * directoryPages) >> leafBits];
  }

  /** The same, made when missing. */
  leafFor(page: number): Leaf {
    const found = this.leafAt(page);
    if (found !== undefined) return found;
    const number = Math.floor(page / directoryPages);
    const at = this.#position(number);
    let directory = this.#directories[at];
    if (directory === undefined || directory.number !== number) {
      directory = new Directory(number);
      this.#directories.splice(at, 0, directory);
    }
    const leaf = new Leaf();
    directory.leaves[(page - number * directoryPages) >> leafBits] = leaf;
    directory.leafCount++;
    this.#last = directory;
    return leaf;
  }

  /** The entry's flags, 0 when nothing is mapped. */
  flagsAt(page: number): number {
    return this.leafAt(page)?.flags[indexInLeaf(page)] ?? 0;
  }

  /** The entry's version, 0 when nothing is mapped. */
  versionAt(page: number): number {
    return this.leafAt(page)?.versions[indexInLeaf(page)] ?? 0;
  }

  frameAt(page: number): number {
    return this.leafAt(page)?.frames[indexInLeaf(page)] ?? 0;
  }

  /** Visits the leaves that a range touches, in order. The visitor may clear entries, but not add any. */
  visit(from: number, to: number, visitor: LeafVisitor): void {
    const directories = this.#directories;
    const first = this.#position(Math.floor(from / directoryPages));
    for (let at = first; at < directories.length; at++) {
      const directory = directories[at]!;
      const base = directory.number * directoryPages;
      if (base >= to) return;
      if (directory.leafCount === 0) continue;
      const leafFirst = from > base ? (from - base) >> leafBits : 0;
      const leafLast = to < base + directoryPages ? (to - 1 - base) >> leafBits : indexMask;
      for (let number = leafFirst; number <= leafLast; number++) {
        const leaf = directory.leaves[number];
        if (leaf === undefined) continue;
        const leafBase = base + number * hugePages;
        visitor(
          leaf,
          leafBase,
          from > leafBase ? from - leafBase : 0,
          to < leafBase + hugePages ? to - leafBase : hugePages,
        );
        if (leaf.used === 0) {
          directory.leaves[number] = undefined;
          directory.leafCount--;
        }
      }
    }
  }

  /** The pages of a range for which the flags have one of `mask`, as a list: for who waits between them. */
  pagesWith(mask: number, from: number, to: number): number[] {
    const pages: number[] = [];
    this.visit(from, to, ({ flags }, base, first, end) => {
      for (let index = first; index < end; index++) {
        if ((flags[index]! & mask) !== 0) pages.push(base + index);
      }
    });
    return pages;
  }

  /** How many entries of a range are not empty. */
  populatedCount(from: number, to: number): number {
    let count = 0;
    this.visit(from, to, ({ flags }, _base, first, end) => {
      for (let index = first; index < end; index++) if (flags[index] !== 0) count++;
    });
    return count;
  }

  /** The first page of the range that lies in a GiB with page tables, even empty ones; or `undefined`. */
  firstWithTables(from: number, to: number): number | undefined {
    const directory = this.#directories[this.#position(Math.floor(from / directoryPages))];
    if (directory === undefined) return undefined;
    const page = Math.max(from, directory.number * directoryPages);
    return page < to ? page : undefined;
  }

  /** Frees the directories in a range that map nothing: munmap's free_pgtables. */
  freeTables(from: number, to: number): void {
    const directories = this.#directories;
    const first = this.#position(Math.floor(from / directoryPages));
    let end = first;
    let kept = first;
    for (; end < directories.length; end++) {
      const directory = directories[end]!;
      if (directory.number * directoryPages >= to) break;
      if (directory.leafCount > 0) directories[kept++] = directory;
    }
    if (kept === end) return;
    directories.splice(kept, end - kept);
    this.#last = undefined;
  }

  /** Where the directory of a number is, or would be inserted. */
  #position(number: number): number {
    const directories = this.#directories;
    let low = 0;
    let high = directories.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (directories[middle]!.number < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Where a page's entry is in its leaf. */
export function indexInLeaf(page: number): number {
  return page - Math.floor(page / hugePages) * hugePages;
}

/** The first page of the huge page that a page lies in. */
export function hugeBase(page: number): number {
  return page - indexInLeaf(page);
}
