/**
 * Registering and unregistering bos: the device's side of radeon_mn.c.
 *
 * 1. The first bo of an address space registers the callbacks. They stay until the address space goes: its release has
 *    a worker forget the bos and unregister.
 * 2. mn_lock guards the device's notifiers and which notifier a bo has; it is held while callbacks are registered.
 *
 * Lock order: mn_lock, then what a registration with the legacy list takes; or then rmn->lock.
 *
 * Source: Linux drivers/gpu/drm/radeon/radeon_mn.c, v5.3.
 */
import { runSteps, type IndexFactory, type Steps } from '@mmu-notifier/core';
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
import { RadeonMn } from './radeon-mn.ts';
import { SequencedMn } from './sequenced-mn.ts';
import { boWords, UserBo, type BoNotifier } from './user-bo.ts';

/** What a driver is made with, and what its variants differ in. */
export interface RadeonSettings {
  readonly createIndex: IndexFactory;
  readonly defer: Defer;
  /** The variant `fixed`. */
  readonly isSequenced: boolean;
}

const worker: CallContext = { isSync: false, signal: undefined };

/** See the file's head. */
export class RadeonDriver implements Driver<UserBo> {
  readonly workers: WorkQueue;
  readonly #mm: DriverMm;
  readonly #settings: RadeonSettings;
  readonly #memory = new LockMemory('radeon-mn', mutexWords + 1, boWords);
  readonly #mnLock: Mutex;
  #mn: BoNotifier | undefined;
  #registration: Registration | undefined;

  constructor(mm: DriverMm, settings: RadeonSettings) {
    const { region, fixedAt } = this.#memory;
    this.#mm = mm;
    this.#settings = settings;
    this.workers = new WorkQueue(settings.defer);
    this.#mnLock = new Mutex(region, fixedAt, 'mn_lock');
  }

  createSubscription(init: SubscriptionInit): UserBo {
    return new UserBo(init, this.#memory);
  }

  /** Linux: radeon_mn_register. */
  *attach(bo: UserBo, context: CallContext): Steps<void> {
    const mn = yield* this.#get(context);
    yield* mn.register(bo, context) ?? [];
  }

  /** Linux: radeon_mn_unregister. */
  *detach(bo: UserBo, context: CallContext): Steps<void> {
    yield lockIn(this.#mnLock, context);
    try {
      if (bo.mn !== undefined) yield* bo.mn.unregister(bo, context) ?? [];
    } finally {
      this.#mnLock.unlock();
    }
  }

  verify(): void {
    this.#mn?.verify();
  }

  /** Linux: radeon_mn_get. */
  *#get(context: CallContext): Steps<BoNotifier> {
    yield lockIn(this.#mnLock, context);
    try {
      if (this.#mn !== undefined) return this.#mn;
      const mn = this.#create();
      const { list } = this.#mm;
      const { isSync, signal } = context;
      const registered = isSync
        ? list.registerSync(mn)
        : list.register(mn, signal === undefined ? {} : { signal });
      this.#registration = (yield registered) as Registration;
      this.#mn = mn;
      return mn;
    } finally {
      this.#mnLock.unlock();
    }
  }

  /** Linux: radeon_mn_destroy. */
  *#destroy(): Steps<void> {
    const registration = this.#registration;
    if (registration === undefined) return;
    this.#registration = undefined;
    yield lockIn(this.#mnLock, worker);
    yield* this.#mn!.forget(worker) ?? [];
    this.#mn = undefined;
    this.#mnLock.unlock();
    yield this.#mm.list.unregister(registration);
  }

  #create(): BoNotifier {
    const { createIndex, isSequenced } = this.#settings;
    const scheduleDestroy = (): void => this.workers.queue(() => runSteps(this.#destroy()));
    return isSequenced
      ? new SequencedMn(createIndex, scheduleDestroy)
      : new RadeonMn(createIndex, scheduleDestroy);
  }
}
