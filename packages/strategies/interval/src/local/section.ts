/**
 * A section of one event loop, and the entries that it hits.
 *
 * They are listed when it starts, so nobody walks the tree while it waits for a callback, and the tree changes at once.
 */
import { deferred, Section, type Deferred } from '@mmu-notifier/core';
import type { Entry } from './entry.ts';

/** A section, and whom it hits while it is open. */
export class LocalSection extends Section {
  /** In the order of the tree; behind them those that came later, which are not called. */
  readonly hits: (Entry | undefined)[] = [];
  count = 0;
  /** How many of them start calls. 0 again when it has, or will not any more. */
  toCall = 0;
  /** Where others wait, if any do: until everybody is called, until it ends. */
  #called: Deferred<void> | undefined = undefined;
  #ended: Deferred<void> | undefined = undefined;

  /** One that it hits. */
  add(entry: Entry): void {
    entry.sections++;
    this.hits[this.count++] = entry;
  }

  /** Everybody is called, both times, or nobody will be any more. */
  endCalls(): void {
    this.toCall = 0;
    if (this.#called !== undefined) this.#called = settle(this.#called);
  }

  /** The section is over. */
  forgetHits(): void {
    this.endCalls();
    const { hits, count } = this;
    for (let at = 0; at < count; at++) {
      hits[at]!.sections--;
      hits[at] = undefined; // so that nobody is kept alive
    }
    this.count = 0;
    if (this.#ended !== undefined) this.#ended = settle(this.#ended);
  }

  /** Whether its start is calling an entry, or will yet. */
  isCalling(entry: Entry): boolean {
    const at = this.hits.indexOf(entry);
    return at >= 0 && at < this.toCall;
  }

  untilCalled(): Promise<void> {
    return (this.#called ??= deferred()).promise;
  }

  untilEnded(): Promise<void> {
    return (this.#ended ??= deferred()).promise;
  }
}

function settle(waited: Deferred<void>): undefined {
  waited.resolve();
}
