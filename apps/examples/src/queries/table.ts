/** A table in the order of its keys that answers later, as IndexedDB or a server does, and tells of changes. */
import { changeRange, stringSpans, type Notifier, type Span } from '@mmu-notifier/core';
import { interval } from '@mmu-notifier/interval';

/** Row keys as addresses: `o:ada:1`, `p:7`. Seven characters are told apart, which is all there is here. */
export const keys = stringSpans();

/** The keys that begin with `prefix`. */
export function spanOf(prefix: string): Span {
  return keys.range(prefix, `${prefix}~`);
}

export class Table {
  readonly notifier: Notifier = interval.create();
  /** Called after each change: all that a naive query has. */
  readonly onChange = new Set<() => void>();
  /** How long an answer takes, in milliseconds, by the number of the question. */
  delayMs: (question: number) => number = () => 5;
  readonly #rows: Map<string, string>;
  #questions = 0;

  constructor(rows: Iterable<readonly [string, string]>) {
    this.#rows = new Map(rows);
  }

  /** The rows whose key begins with `prefix`, as they are now, but told later. */
  async read(prefix: string): Promise<[string, string][]> {
    const found = [...this.#rows].filter(([key]) => key.startsWith(prefix));
    const delayMs = this.delayMs(++this.#questions);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    return found;
  }

  async put(key: string, value: string): Promise<void> {
    await changeRange(this.notifier, keys.key(key), () => this.#rows.set(key, value));
    for (const tell of this.onChange) tell();
  }
}
