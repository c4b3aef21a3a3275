/**
 * Who is due next: a binary heap, since a scheduler asks at every step.
 *
 *     items[i] is not later than items[2i+1] and items[2i+2]
 */

/** Something that is due at a time; of two that are due at once, the lower number is first. */
export interface Due {
  readonly dueTime: number;
  readonly number: number;
}

/** See the file's head. */
export class Agenda<T extends Due> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isEarlier(item, items[parent]!)) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  /** Takes out the one that is due first. */
  takeFirst(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isEarlier(items[child + 1]!, items[child]!)) child++;
      if (!isEarlier(items[child]!, last)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return first;
  }
}

function isEarlier(a: Due, b: Due): boolean {
  return a.dueTime < b.dueTime || (a.dueTime === b.dueTime && a.number < b.number);
}
