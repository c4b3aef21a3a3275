/**
 * What a notifier of one event loop keeps: an entry for each subscription, and for each open section the entries that it hits.
 *
 * 1. A section's hits are listed when it starts, so nobody walks the tree while it waits for a callback, and the tree changes at once.
 * 2. `sections` of an entry counts the open sections that hit it: its readers wait for them, and for no others. A closer waits for
 *    those of them whose start has not called everybody yet.
 * 3. `seq` is one more with each hit, written under the driver's lock; negative once the address space is gone.
 */
import { deferred, Section, type Deferred, type DriverLock } from '@mmu-notifier/core';
import { Binding, type IntervalOps } from '../binding.ts';
import { nextPriority, type TreeNode } from './tree.ts';

/** `seq` after release. */
const released = -1;

let entryCount = 0;

/** A subscription, as its notifier knows it. */
export class Entry extends Binding implements TreeNode<Entry> {
  start = 0;
  last = 0;
  max = 0;
  left: Entry | undefined = undefined;
  right: Entry | undefined = undefined;
  readonly order: number = ++entryCount;
  readonly priority: number = nextPriority();
  readonly cookie: number;
  seq = 1;
  sections = 0;

  constructor(ops: IntervalOps, cookie: number, defaultLock: DriverLock) {
    super(ops, -1, defaultLock);
    this.cookie = cookie;
  }

  get isReleased(): boolean {
    return this.seq < 0;
  }

  /** Notes a hit. Under the driver's lock. */
  setSeq(): void {
    if (this.seq >= 0) this.seq++;
  }

  /** Notes that the address space is gone. Under the driver's lock, or for a subscription that could not be told. */
  setReleased(): void {
    this.seq = released;
  }
}

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

/** Lists whom a section hits, in order. Nothing below a node reaches further than its `max`, and nothing to its right starts before it. */
export function listHits(root: Entry, section: LocalSection): void {
  for (
    let node: Entry | undefined = root;
    node !== undefined && node.max >= section.start;
    node = node.right
  ) {
    if (node.left !== undefined) listHits(node.left, section);
    if (node.start >= section.end) return;
    if (node.last >= section.start && !node.owns(section)) section.add(node);
  }
}
