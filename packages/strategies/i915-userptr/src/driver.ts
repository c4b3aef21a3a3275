/**
 * Making and destroying userptr objects: the device's side of i915_gem_userptr.c.
 *
 * 1. The first object of an address space makes a struct i915_mm_struct with its callbacks; the last one's end leaves
 *    it to a worker to unregister them. An object that comes in between makes another one.
 * 2. struct_mutex is the device's, and so is mm_lock, which is held while callbacks are registered. The rest of what
 *    it guards changes in one step.
 * 3. i915's workers run side by side. Here they stand in two queues, since one that unregisters waits for callbacks,
 *    and one that gets pages must not wait for it.
 *
 * Lock order: mm_lock, then what a registration with the legacy list takes.
 *
 * Source: Linux drivers/gpu/drm/i915/gem/i915_gem_userptr.c, v5.3.
 */
import { isPromise, type IndexFactory, type Steps } from '@mmu-notifier/core';
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
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import { MmuNotifier } from './mmu-notifier.ts';
import { objectWords, UserptrObject, type UserptrNotifier } from './object.ts';
import { SequencedNotifier } from './sequenced-notifier.ts';
import { StructMutex } from './struct-mutex.ts';

/** What a driver is made with, and what its variants differ in. */
export interface UserptrSettings {
  readonly createIndex: IndexFactory;
  readonly defer: Defer;
  readonly isBeingKilled: () => boolean;
  /** The variant `fixed`. */
  readonly isSequenced: boolean;
}

/** struct i915_mm_struct. */
interface MmStruct {
  readonly notifier: UserptrNotifier;
  /** Objects. */
  users: number;
  registration: Registration | undefined;
}

/** See the file's head. */
export class UserptrDriver implements Driver<UserptrObject> {
  /** Gets pages. */
  readonly workers: WorkQueue;
  /** Unregisters callbacks. */
  readonly reapers: WorkQueue;
  readonly structMutex: StructMutex;
  readonly #mm: DriverMm;
  readonly #settings: UserptrSettings;
  readonly #memory = new LockMemory('i915-userptr', 2 * mutexWords, objectWords);
  readonly #mmLock: Mutex;
  readonly #mmStructs = new WeakMap<UserptrObject, MmStruct>();
  #mmStruct: MmStruct | undefined;

  constructor(mm: DriverMm, settings: UserptrSettings) {
    const { region, fixedAt } = this.#memory;
    this.#mm = mm;
    this.#settings = settings;
    this.workers = new WorkQueue(settings.defer);
    this.reapers = new WorkQueue(settings.defer);
    const structMutex = new Mutex(region, fixedAt, 'struct_mutex');
    this.structMutex = new StructMutex(structMutex, settings.isBeingKilled);
    this.#mmLock = new Mutex(region, fixedAt + mutexWords, 'mm_lock');
  }

  createSubscription(init: SubscriptionInit): UserptrObject {
    return new UserptrObject(init, this.#memory);
  }

  /** Linux: i915_gem_userptr_init__mm_struct, then i915_gem_userptr_init__mmu_notifier. Waits to register only. */
  *attach(object: UserptrObject, context: CallContext): Steps<void> {
    const mmStruct = (this.#mmStruct ??= this.#createMmStruct());
    mmStruct.users++;
    this.#mmStructs.set(object, mmStruct);
    object.notifier = mmStruct.notifier;
    try {
      if (mmStruct.registration === undefined) yield* this.#register(mmStruct, context);
    } catch (error) {
      this.detach(object);
      throw error;
    }
    mmStruct.notifier.add(object);
  }

  /** Linux: i915_gem_userptr_release. */
  detach(object: UserptrObject): void {
    const mmStruct = this.#mmStructs.get(object);
    if (mmStruct === undefined) return;
    this.#mmStructs.delete(object);
    mmStruct.notifier.remove(object);
    mmStruct.users--;
    if (mmStruct.users > 0) return;
    this.#mmStruct = undefined;
    const { registration } = mmStruct;
    if (registration !== undefined) {
      this.reapers.queue(() => this.#mm.list.unregister(registration));
    }
  }

  verify(): void {
    this.#mmStruct?.notifier.verify();
  }

  /** Linux: i915_mmu_notifier_find. */
  *#register(mmStruct: MmStruct, context: CallContext): Steps<void> {
    const { list } = this.#mm;
    const { notifier } = mmStruct;
    const locked = lockIn(this.#mmLock, context);
    if (isPromise(locked)) yield locked;
    try {
      if (mmStruct.registration !== undefined) return;
      const registered = context.isSync
        ? list.registerSync(notifier)
        : list.register(notifier, context.signal === undefined ? {} : { signal: context.signal });
      mmStruct.registration = (yield registered) as Registration;
    } finally {
      this.#mmLock.unlock();
    }
  }

  #createMmStruct(): MmStruct {
    const { createIndex, isSequenced } = this.#settings;
    const notifier = isSequenced
      ? new SequencedNotifier(createIndex, this.structMutex)
      : new MmuNotifier(createIndex, this.structMutex, this.workers);
    return { notifier, users: 0, registration: undefined };
  }
}
