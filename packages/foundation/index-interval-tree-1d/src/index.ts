/**
 * The npm package interval-tree-1d as an {@link IntervalIndex}.
 *
 * 1. Its `remove` loses other intervals (1.0.4, issue 17 of its repository), so it is never called. A removed entry
 *    stays in the tree without its item, a tombstone that searches skip.
 * 2. There are never more tombstones than items, but for a few: a removal that would break this builds the tree
 *    anew, so that its cost is spread over the removals before it.
 * 3. It keeps closed intervals of numbers: `[start, end)` becomes `[start, end - 1]`, exact for safe integers.
 *
 * Source: interval-tree-1d 1.0.4 by Mikola Lysenko, a centred interval tree; tombstones and rebuilding are ours.
 */
import { invariant, type IndexHandle, type IntervalIndex, type Span } from '@mmu-notifier/core';
import createTree from 'interval-tree-1d';

/** What the tree holds: start, last, and the item unless it was removed. */
type Entry<T> = [start: number, last: number, item: T | undefined];

/** Tombstones that are not worth a rebuilding. */
const tombstonesFree = 16;

/** See the file's head. Inserting and searching cost what they cost in interval-tree-1d; nothing waits. */
export class IntervalTree1dIndex<T extends Span> implements IntervalIndex<T> {
  #tree = createTree<Entry<T>>();
  readonly #entries: (Entry<T> | undefined)[] = [];
  readonly #freeHandles: IndexHandle[] = [];
  #size = 0;
  #tombstones = 0;

  get size(): number {
    return this.#size;
  }

  insert(item: T): IndexHandle {
    const entry: Entry<T> = [item.start, item.end - 1, item];
    this.#tree.insert(entry);
    const handle = this.#freeHandles.pop() ?? this.#entries.length;
    this.#entries[handle] = entry;
    this.#size++;
    return handle;
  }

  remove(handle: IndexHandle): void {
    const entry = this.#entries[handle];
    invariant(entry !== undefined, `expected a handle of an item, got ${handle}`);
    entry[2] = undefined;
    this.#entries[handle] = undefined;
    this.#freeHandles.push(handle);
    this.#size--;
    this.#tombstones++;
    if (this.#tombstones > this.#size + tombstonesFree) this.#rebuild();
  }

  first({ start, end }: Span): T | undefined {
    return this.#tree.queryInterval(start, end - 1, itemOf) as T | undefined;
  }

  collect({ start, end }: Span, into: T[]): void {
    this.#tree.queryInterval(start, end - 1, (entry) => {
      if (entry[2] !== undefined) into.push(entry[2]);
    });
  }

  verify(): void {
    const held = this.#tree.intervals;
    const live = held.filter((entry) => entry[2] !== undefined);
    invariant(
      live.length === this.#size && new Set(live).size === this.#size,
      `expected ${this.#size} items in the tree, got ${live.length}`,
    );
    const tombstones = held.length - live.length;
    invariant(
      tombstones === this.#tombstones && tombstones <= this.#size + tombstonesFree,
      `expected ${this.#tombstones} tombstones, got ${tombstones}`,
    );
    for (const entry of this.#entries) {
      if (entry === undefined) continue;
      const [start, last, item] = entry;
      invariant(
        item?.start === start && item.end === last + 1,
        `expected an item to keep its span [${start}, ${last + 1})`,
      );
    }
  }

  #rebuild(): void {
    this.#tree = createTree(this.#entries.filter((entry) => entry !== undefined));
    this.#tombstones = 0;
  }
}

function itemOf<T>(entry: Entry<T>): T | undefined {
  return entry[2];
}

/** Makes an index: what a scheme takes as its option `createIndex`. */
export function createIntervalTree1dIndex<T extends Span>(): IntervalIndex<T> {
  return new IntervalTree1dIndex<T>();
}
