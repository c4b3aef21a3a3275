/** A table in the order of its keys that answers later, as IndexedDB or a server does, and tells of changes. */
import { changeRange, stringSpans, type Notifier, type Span } from '@mmu-notifier/core';
import { interval } from '@mmu-notifier/interval';

/** Row keys as addresses: `o:ada:1`, `p:7`. Seven characters are told apart, which is all there is here. */
export const keys = stringSpans();

/** The keys that begin with `prefix`. */
export function spanOf(prefix: string): Span {
  return keys.range(prefix, `${prefix}~`);
}

/** Answers that are held back. */
export class Held {
  readonly #prefix: string;
  #left: number;
  readonly #asked = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();

  constructor(prefix: string, count: number) {
    this.#prefix = prefix;
    this.#left = count;
  }

  /** All of them have been asked. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  release(): void {
    this.#released.resolve();
  }

  async ask(prefix: string): Promise<void> {
    if (prefix !== this.#prefix || this.#left === 0) return;
    if (--this.#left === 0) this.#asked.resolve();
    await this.#released.promise;
  }
}

export class Table {
  readonly notifier: Notifier = interval.create();
  /** Called after each change: all that a naive query has. */
  readonly onChange = new Set<() => void>();
  readonly #rows: Map<string, string>;
  #held: Held | undefined;

  constructor(rows: Iterable<readonly [string, string]>) {
    this.#rows = new Map(rows);
  }

  /** The rows whose key begins with `prefix`, as they are now, but told later. */
  async read(prefix: string): Promise<[string, string][]> {
    const found = [...this.#rows].filter(([key]) => key.startsWith(prefix));
    await new Promise((resolve) => setTimeout(resolve));
    await this.#held?.ask(prefix);
    return found;
  }

  /** Holds back the answers to the next `count` questions for `prefix`: a slow server, when we like. */
  hold(prefix: string, count: number): Held {
    this.#held = new Held(prefix, count);
    return this.#held;
  }

  async put(key: string, value: string): Promise<void> {
    await changeRange(this.notifier, keys.key(key), () => this.#rows.set(key, value));
    for (const tell of this.onChange) tell();
  }
}
