/**
 * The records of subscriptions: which are in use, and who gets the next.
 *
 * 1. A record is free (on the free list, or from `bump` on) or has one owner. Only its owner gives it back, and only
 *    when nobody else can reach it.
 * 2. The free list is last in, first out: a record is used again while it is in the cache, and by somebody else, so a
 *    handle kept too long shows soon.
 */
import { NotifierError } from '@mmu-notifier/core';
import { SpinLock, type Region } from '@mmu-notifier/sync';
import { Mm, mmAt, State, Sub, subAt } from './layout.ts';

const mmFree = mmAt + Mm.free;
const mmBump = mmAt + Mm.bump;

/** See the file's head. */
export class Slab {
  readonly #region: Region;
  readonly #lock: SpinLock;
  /** Makes room for more, where memory can grow. */
  readonly #grow: (() => void) | undefined;

  constructor(region: Region, grow: (() => void) | undefined) {
    this.#region = region;
    this.#lock = new SpinLock(region, mmAt + Mm.slab, 'interval slab');
    this.#grow = grow;
  }

  /**
   * Takes a record, `detached`. In one event loop it grows when there is none.
   *
   * @throws NotifierError `MMN_OUT_OF_CAPACITY`
   */
  allocate(ops: number, cookie: number): number {
    this.#lock.enter();
    try {
      const handle = this.#take();
      const { words } = this.#region;
      const at = subAt(handle);
      words[at + Sub.state] = State.detached;
      words[at + Sub.ops] = ops;
      words[at + Sub.cookie] = cookie;
      return handle;
    } finally {
      this.#lock.leave();
    }
  }

  /** Gives a record back. Nobody else may know it any more. */
  free(handle: number): void {
    const at = subAt(handle);
    this.#lock.enter();
    const { words } = this.#region;
    words[at + Sub.state] = State.free;
    words[at + Sub.next] = words[mmFree]!;
    words[mmFree] = handle + 1;
    this.#lock.leave();
  }

  /** The records in certain states, at a moment when none comes or goes. */
  handlesWhere(isWanted: (state: number) => boolean): number[] {
    const handles: number[] = [];
    this.#lock.enter();
    const { words } = this.#region;
    for (let handle = 0; handle < words[mmBump]!; handle++) {
      if (isWanted(words[subAt(handle) + Sub.state]!)) handles.push(handle);
    }
    this.#lock.leave();
    return handles;
  }

  #take(): number {
    const { words, capacity } = this.#region;
    const item = words[mmFree]!;
    if (item !== 0) {
      words[mmFree] = words[subAt(item - 1) + Sub.next]!;
      return item - 1;
    }
    const handle = words[mmBump]!;
    if (handle === capacity) {
      if (this.#grow === undefined) {
        throw new NotifierError(
          'MMN_OUT_OF_CAPACITY',
          `expected at most ${capacity} subscriptions in this memory, got one more: create it with a larger capacity`,
        );
      }
      this.#grow();
    }
    this.#region.words[mmBump] = handle + 1;
    return handle;
  }
}
