/**
 * The two that use mmu_rb: struct mmu_rb_ops.
 *
 * Expected receive programs the pages of a buffer into entries of the hardware's receive array, "TIDs". When a section
 * hits one, v5.3 notes it and raises an event; the library in user space (PSM) asks which TIDs are invalid when it
 * comes to it, and frees them. Until then the hardware writes into the old pages (HFI-4). The variant `fixed` takes the
 * entry from the hardware in the callback.
 *
 * User SDMA keeps the buffers that it sent from in a cache. When a section hits one, v5.3 drops it, unless packets that
 * use it are on their way: then it stays, and the next request finds it there with its old pages (HFI-2). The variant
 * `fixed` drops it all the same; its pages stay pinned until the packets are gone.
 *
 * Sources: Linux drivers/infiniband/hw/hfi1/user_exp_rcv.c and user_sdma.c, v5.3. The variant: "IB/hfi1: Immediately
 * remove invalid memory from hardware" (v6.2), and c9358de193ec (v6.4).
 */
import { callbackRefused, type InvalidationRange } from '@mmu-notifier/core';
import { WorkQueue, type CallContext, type Defer } from '@mmu-notifier/hlist-srcu/driver';
import type { UserBuffer } from './user-buffer.ts';

const plain: CallContext = { isSync: false, signal: undefined };

/** What a user of mmu_rb supplies. Nothing waits. */
export interface MmuRbUser {
  /** Something was published for the buffer. */
  insert(buffer: UserBuffer): void;
  /** A section hit it: whether its start is to tear it down. */
  invalidate(buffer: UserBuffer): boolean;
  /** In the worker, when it was torn down: its pages are given up after that. */
  remove(): Promise<void> | void;
}

/** What a user differs in. */
export interface UserSettings {
  readonly defer: Defer;
  readonly isFixed: boolean;
}

/** See the file's head. */
export class ExpectedReceive implements MmuRbUser {
  /** The library in user space: comes to it when `defer` says. */
  readonly #library: WorkQueue;
  readonly #isFixed: boolean;

  constructor({ defer, isFixed }: UserSettings) {
    this.#library = new WorkQueue(defer);
    this.#isFixed = isFixed;
  }

  insert(): void {}

  /** Linux: tid_rb_invalidate. */
  invalidate(buffer: UserBuffer): boolean {
    if (this.#isFixed) return true;
    if (!buffer.isFreed) {
      buffer.isFreed = true;
      this.#library.queue(() => free(buffer));
    }
    return false;
  }

  remove(): void {}
}

/** The library frees a TID. Linux: hfi1_user_exp_rcv_clear. */
async function free(buffer: UserBuffer): Promise<void> {
  if (!buffer.isFreed) return; // closed, or released
  const { start, end } = buffer;
  const range: InvalidationRange = {
    start,
    end,
    event: 'CLEAR',
    blockable: true,
    owner: undefined,
  };
  if (!(await buffer.tearDown(range, plain))) throw callbackRefused();
}

/** See the file's head. */
export class UserSdma implements MmuRbUser {
  /** The hardware's engine: packets are gone when `defer` says. */
  readonly #engine: WorkQueue;
  readonly #isFixed: boolean;

  constructor({ defer, isFixed }: UserSettings) {
    this.#engine = new WorkQueue(defer);
    this.#isFixed = isFixed;
  }

  insert(buffer: UserBuffer): void {
    buffer.packets++;
    this.#engine.queue(() => void buffer.packets--);
  }

  /** Linux: sdma_rb_invalidate. */
  invalidate(buffer: UserBuffer): boolean {
    return this.#isFixed || buffer.packets === 0;
  }

  remove(): Promise<void> | void {
    return this.#engine.drain();
  }
}
