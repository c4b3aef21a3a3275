/**
 * Registering and unregistering bos: the device's side of amdgpu_mn.c.
 *
 * 1. The first bo of an address space registers the mirror, which waits for a moment without a section. It stays until
 *    the address space goes, whose end has a worker destroy it.
 * 2. mn_lock guards the device's notifiers and which one a bo has; it is held while a mirror is registered.
 *
 * Lock order: mn_lock, then what a registration with the legacy list takes (radeon has the two the other way round);
 * or mn_lock, then amn->lock.
 *
 * Source: Linux drivers/gpu/drm/amd/amdgpu/amdgpu_mn.c, v5.3.
 */
import { runSteps, type DriverLock, type MaybePromise, type Steps } from '@mmu-notifier/core';
import type { IndexFactory } from '@mmu-notifier/core';
import type { Registration } from '@mmu-notifier/hlist-srcu';
import {
  LockMemory,
  lockIn,
  WorkQueue,
  type CallContext,
  type Defer,
  type Driver,
  type DriverMm,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords, RwSemaphore, rwSemaphoreWords } from '@mmu-notifier/sync';
import { AmdgpuMn } from './amdgpu-mn.ts';
import { Bo, type BoSettings } from './bo.ts';
import { collisionWords, Marks, ValidFlags } from './collisions.ts';
import { Nodes, type MnNode } from './nodes.ts';

/** What a driver is made with, and what its variants differ in. */
export interface AmdgpuSettings {
  readonly createIndex: IndexFactory;
  readonly defer: Defer;
  readonly isFixed: boolean;
}

const worker: CallContext = { isSync: false, signal: undefined };

/** See the file's head. */
export class AmdgpuDriver implements Driver<Bo> {
  /** Of the only address space that there is here. */
  readonly mn: AmdgpuMn;
  readonly workers: WorkQueue;
  readonly #mm: DriverMm;
  readonly #mnLock: Mutex;
  readonly #boSettings: BoSettings;
  #registration: Registration | undefined;

  constructor(mm: DriverMm, { createIndex, defer, isFixed }: AmdgpuSettings) {
    const words = mutexWords + rwSemaphoreWords + collisionWords;
    const { region, fixedAt } = new LockMemory('amdgpu-mn', words, 0);
    const lock = new RwSemaphore(region, fixedAt + mutexWords, 'amn->lock');
    const collisionsAt = fixedAt + mutexWords + rwSemaphoreWords;
    this.#mm = mm;
    this.#mnLock = new Mutex(region, fixedAt, 'mn_lock');
    this.#boSettings = { submissionLock: new WriteLock(lock), asksAtFirst: isFixed };
    this.workers = new WorkQueue(defer);
    this.mn = new AmdgpuMn({
      lock,
      nodes: new Nodes(createIndex<MnNode>(), { merges: !isFixed }),
      collisions: isFixed ? new Marks(region, collisionsAt) : new ValidFlags(region, collisionsAt),
      erasesFreed: isFixed,
      scheduleDestroy: () => this.workers.queue(() => runSteps(this.#destroy())),
    });
  }

  createSubscription(init: SubscriptionInit): Bo {
    return new Bo(init, this.#boSettings);
  }

  *attach(bo: Bo, context: CallContext): Steps<void> {
    yield* this.#get(context);
    yield* this.mn.register(bo, context);
  }

  *detach(bo: Bo, context: CallContext): Steps<void> {
    yield lockIn(this.#mnLock, context);
    try {
      yield* this.mn.unregister(bo, context);
    } finally {
      this.#mnLock.unlock();
    }
  }

  verify(): void {
    this.mn.verify();
  }

  /** Linux: amdgpu_mn_get. */
  *#get(context: CallContext): Steps<void> {
    yield lockIn(this.#mnLock, context);
    try {
      if (this.#registration !== undefined) return;
      const { list } = this.#mm;
      const registered = context.isSync ? list.getSync(this.mn) : list.get(this.mn, context.signal);
      this.#registration = (yield registered) as Registration;
    } finally {
      this.#mnLock.unlock();
    }
  }

  /** The worker. */
  *#destroy(): Steps<void> {
    yield lockIn(this.#mnLock, worker);
    yield* this.mn.destroy(worker);
    this.#mnLock.unlock();
    if (this.#registration !== undefined) this.#mm.list.put(this.#registration);
    this.#registration = undefined;
  }
}

/** A rw semaphore held for write, as a driver's lock. */
class WriteLock implements DriverLock {
  readonly #semaphore: RwSemaphore;

  constructor(semaphore: RwSemaphore) {
    this.#semaphore = semaphore;
  }

  tryLock(): boolean {
    return this.#semaphore.tryDownWrite();
  }

  lock(signal?: AbortSignal): MaybePromise<void> {
    return this.#semaphore.downWrite(signal);
  }

  lockSync(): void {
    this.#semaphore.downWriteSync();
  }

  unlock(): void {
    this.#semaphore.upWrite();
  }
}
