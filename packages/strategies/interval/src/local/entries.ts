/**
 * The entries in the tree of one event loop: a B+-tree of two levels, which are arrays.
 *
 * 1. Leaves are in order of start, and so are the entries in each; who came first stands before who has the same start.
 * 2. No leaf is empty or has more than {@link leafMax} entries; two neighbours have more than half of that together.
 * 3. `reaches[k]` is the largest `last` in the leaves up to `k`, so it never falls.
 *
 * A search looks for the first leaf that reaches its range, then goes on until leaves start behind it. That is one leaf or two as a rule;
 * where an early entry is as long as all the others together, every leaf's maximum is looked at, one in {@link leafMax} entries.
 * Ours. The tree of `@mmu-notifier/interval-tree` has more levels and lives in words; it is faster where 100,000 subscribe.
 */
import type { Entry } from './entry.ts';
import type { LocalSection } from './section.ts';

const leafMax = 32;

/** Some neighbours. Their ends stand beside them, so that a search touches none that it does not hit. */
export interface Leaf {
  readonly starts: number[];
  readonly lasts: number[];
  readonly entries: Entry[];
  /** The largest of `lasts`. */
  max: number;
}

/** See the file's head. */
export class Entries {
  readonly leaves: Leaf[] = [];
  /** Where each leaf starts. */
  readonly starts: number[] = [];
  readonly reaches: number[] = [];
  /** The last of `reaches`, or -1: what starts behind it hits nobody. */
  reach = -1;

  /** Adds to a section whom it hits, in order: its start calls them. */
  addHits(section: LocalSection): void {
    const { leaves, starts, reaches } = this;
    const count = leaves.length;
    let k = count === 1 ? 0 : firstNotBelow(reaches, section.start);
    for (; k < count && starts[k]! < section.end; k++) {
      const leaf = leaves[k]!;
      if (leaf.max >= section.start) addHitsOf(leaf, section);
    }
    section.toCall = section.count;
  }

  insert(entry: Entry): void {
    const { leaves, starts, reaches } = this;
    const { start, last } = entry;
    if (leaves.length === 0) leaves.push({ starts: [], lasts: [], entries: [], max: -1 });
    // Behind all that start where it does: in the last leaf that starts before, or at, its own start.
    const k = Math.max(firstNotBelow(starts, start + 1) - 1, 0);
    const leaf = leaves[k]!;
    const place = firstNotBelow(leaf.starts, start + 1);
    insertAt(leaf.starts, place, start);
    insertAt(leaf.lasts, place, last);
    insertAt(leaf.entries, place, entry);
    entry.leaf = leaf;
    if (leaf.entries.length > leafMax) {
      leaves.splice(k + 1, 0, splitOff(leaf));
      starts.splice(k + 1, 0, 0);
      reaches.splice(k + 1, 0, 0);
    }
    this.#update(k);
  }

  /** Takes an entry out, if it is in. */
  remove(entry: Entry): void {
    const { leaf } = entry;
    if (leaf === undefined) return;
    entry.leaf = undefined;
    const place = leaf.entries.indexOf(entry);
    removeAt(leaf.starts, place);
    removeAt(leaf.lasts, place);
    removeAt(leaf.entries, place);
    const k = this.leaves.indexOf(leaf);
    this.#join(k);
    this.#join(k - 1);
    this.#update(Math.max(k - 1, 0));
  }

  /** Joins a leaf with the next one, if both are small. */
  #join(k: number): void {
    const { leaves } = this;
    if (k < 0 || k >= leaves.length) return;
    const leaf = leaves[k]!;
    const next = k + 1 < leaves.length ? leaves[k + 1] : undefined;
    const room = leafMax / 2 - leaf.entries.length;
    if (next !== undefined && next.entries.length <= room) {
      for (const entry of leaf.entries) entry.leaf = next;
      next.starts.unshift(...leaf.starts);
      next.lasts.unshift(...leaf.lasts);
      next.entries.unshift(...leaf.entries);
    } else if (leaf.entries.length > 0) {
      return;
    }
    for (const list of [leaves, this.starts, this.reaches]) list.splice(k, 1);
  }

  /** What the inner level knows of two leaves that have changed, and of those behind as far as it matters. */
  #update(first: number): void {
    const { leaves, starts, reaches } = this;
    let reach = first === 0 ? -1 : reaches[first - 1]!;
    for (let k = first; k < leaves.length; k++) {
      const leaf = leaves[k]!;
      if (k < first + 2) {
        starts[k] = leaf.starts[0]!;
        leaf.max = largestOf(leaf.lasts);
      }
      reach = Math.max(reach, leaf.max);
      if (k >= first + 2 && reaches[k] === reach) break;
      reaches[k] = reach;
    }
    this.reach = reaches.at(-1) ?? -1;
  }
}

function addHitsOf({ starts, lasts, entries }: Leaf, section: LocalSection): void {
  for (let at = 0; at < entries.length && starts[at]! < section.end; at++) {
    if (lasts[at]! < section.start) continue;
    const entry = entries[at]!;
    if (!entry.owns(section)) section.add(entry);
  }
}

/** The upper half of a leaf, as a leaf of its own. */
function splitOff({ starts, lasts, entries }: Leaf): Leaf {
  const half = entries.length >> 1;
  const upper: Leaf = {
    starts: starts.splice(half),
    lasts: lasts.splice(half),
    entries: entries.splice(half),
    max: -1,
  };
  for (const entry of upper.entries) entry.leaf = upper;
  return upper;
}

/** As `splice` does, which allocates what it takes out, and takes longer for so few. */
function insertAt<T>(list: T[], place: number, item: T): void {
  list.push(item);
  for (let at = list.length - 1; at > place; at--) list[at] = list[at - 1]!;
  list[place] = item;
}

function removeAt<T>(list: T[], place: number): void {
  for (let at = place + 1; at < list.length; at++) list[at - 1] = list[at]!;
  list.pop();
}

function largestOf(numbers: readonly number[]): number {
  let largest = -1;
  for (let at = 0; at < numbers.length; at++) if (numbers[at]! > largest) largest = numbers[at]!;
  return largest;
}

/** The first place of a list that never falls whose number is at least `bound`, or its length. */
function firstNotBelow(list: readonly number[], bound: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
