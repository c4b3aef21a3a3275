/**
 * What a notifier of one event loop keeps: an entry for each subscription, and for each open section the entries that it hits.
 *
 * 1. A section's hits are listed when it starts, so nobody walks the tree while it waits for a callback, and the tree changes at once.
 * 2. `sections` of an entry counts the open sections that hit it: its readers wait for them, and for no others.
 *    `callers` counts those of them whose start has not called everybody yet: a closer waits for them.
 * 3. `seq` is one more with each hit, written under the driver's lock; negative once the address space is gone.
 */
import { deferred, type Deferred, type DriverLock, type Section } from '@mmu-notifier/core';
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
  callers = 0;

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

/** An open section and whom it hits. Used again by the next section of its slot. */
export class Open {
  readonly section: Section;
  /** In the order of the tree; behind them those that came later, which are not called. */
  readonly hits: (Entry | undefined)[] = [];
  count = 0;
  /** How many of them start calls. */
  toCall = 0;
  /** Whether it is calling: `callers` has it. */
  isCalling = false;
  /** Where others wait, if any do: until everybody is called, until it ends. */
  #called: Deferred<void> | undefined = undefined;
  #ended: Deferred<void> | undefined = undefined;

  constructor(section: Section) {
    this.section = section;
  }

  get isOpen(): boolean {
    return this.section.handle !== 0;
  }

  /** Lists the hits of a section that starts. */
  list(root: Entry | undefined): void {
    if (root !== undefined && root.max >= this.section.start) listBelow(root, this.section, this);
    this.toCall = this.count;
    this.isCalling = this.count !== 0;
  }

  /** One that the start calls. */
  add(entry: Entry): void {
    entry.callers++;
    this.addLate(entry);
  }

  /** One that was inserted since: what the section covers is changing, so it counts as hit. */
  addLate(entry: Entry): void {
    entry.sections++;
    this.hits[this.count++] = entry;
  }

  /** Everybody is called, both times, or nobody will be any more. */
  leaveCalls(): void {
    for (let at = 0; at < this.toCall; at++) this.hits[at]!.callers--;
    this.isCalling = false;
    this.#called?.resolve();
    this.#called = undefined;
  }

  /** The section is over. */
  leave(): void {
    if (this.isCalling) this.leaveCalls();
    for (let at = 0; at < this.count; at++) {
      this.hits[at]!.sections--;
      this.hits[at] = undefined; // so that nobody is kept alive
    }
    this.count = 0;
    this.#ended?.resolve();
    this.#ended = undefined;
  }

  untilCalled(): Promise<void> {
    return (this.#called ??= deferred()).promise;
  }

  untilEnded(): Promise<void> {
    return (this.#ended ??= deferred()).promise;
  }
}

/** In order. Nothing below a node reaches further than its `max`, and nothing to its right starts before it. */
function listBelow(root: Entry, section: Section, open: Open): void {
  for (
    let node: Entry | undefined = root;
    node !== undefined && node.max >= section.start;
    node = node.right
  ) {
    if (node.left !== undefined) listBelow(node.left, section, open);
    if (node.start >= section.end) return;
    if (node.last >= section.start && !node.owns(section)) open.add(node);
  }
}
