/**
 * The flat B+-tree as an interval index: the items' objects beside it, by handle. Hits come in order of their starts.
 */
import { invariant, type IndexHandle, type IntervalIndex, type Span } from '@mmu-notifier/core';
import { IntervalTree } from '@mmu-notifier/interval-tree';

const capacityFirst = 64;

/** See the file's head. Grows by doubling. */
export class FlatIndex<T extends Span> implements IntervalIndex<T> {
  #tree = createTree(capacityFirst);
  #found = new Int32Array(capacityFirst);
  readonly #items: (T | undefined)[] = [];
  readonly #freeHandles: IndexHandle[] = [];

  get size(): number {
    return this.#tree.size;
  }

  insert(item: T): IndexHandle {
    const handle = this.#freeHandles.pop() ?? this.#items.length;
    if (handle === this.#tree.capacity) this.#grow(handle * 2);
    this.#tree.insert(handle, item.start, item.end - 1);
    this.#items[handle] = item;
    return handle;
  }

  remove(handle: IndexHandle): void {
    invariant(this.#items[handle] !== undefined, `expected a handle of an item, got ${handle}`);
    this.#tree.remove(handle);
    this.#items[handle] = undefined;
    this.#freeHandles.push(handle);
  }

  first({ start, end }: Span): T | undefined {
    const handle = this.#tree.first(start, end - 1);
    return handle < 0 ? undefined : this.#items[handle];
  }

  collect({ start, end }: Span, into: T[]): void {
    const found = this.#found; // as long as the tree's capacity: no hit is left out
    const count = this.#tree.collect(start, end - 1, found);
    for (let at = 0; at < count; at++) into.push(this.#items[found[at]!]!);
  }

  verify(): void {
    this.#tree.verify();
    let size = 0;
    for (const [handle, item] of this.#items.entries()) {
      if (item === undefined) continue;
      size++;
      const isUnder =
        this.#tree.startOf(handle) === item.start && this.#tree.lastOf(handle) === item.end - 1;
      invariant(isUnder, `expected item ${handle} to keep its span [${item.start}, ${item.end})`);
    }
    invariant(size === this.#tree.size, `expected ${this.#tree.size} items, got ${size}`);
  }

  #grow(capacity: number): void {
    const memory = new ArrayBuffer(IntervalTree.byteLength(capacity));
    this.#tree = this.#tree.moveTo(memory, { capacity });
    this.#found = new Int32Array(capacity);
  }
}

function createTree(capacity: number): IntervalTree {
  return IntervalTree.create(new ArrayBuffer(IntervalTree.byteLength(capacity)), { capacity });
}

/** Makes an index: what a scheme takes as its option `createIndex`. */
export function createFlatIndex<T extends Span>(): IntervalIndex<T> {
  return new FlatIndex<T>();
}
