/**
 * Registering and deregistering memory regions: ib_umem_odp_get and ib_umem_odp_release.
 *
 * The first region of an address space makes a per_mm and registers its callbacks; the last one's end unregisters
 * them without waiting, since by then no section has anything to do there. The next region makes another per_mm.
 *
 * Lock order: per_mm_list_lock, then what a registration with the legacy list takes; or then the guard.
 */
import type { IndexFactory, Steps } from '@mmu-notifier/core';
import type { Registration } from '@mmu-notifier/hlist-srcu';
import {
  LockMemory,
  lockIn,
  type CallContext,
  type Driver,
  type DriverMm,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import { PerMm } from './per-mm.ts';
import { guardWords, HeldSemaphore, SectionCount, type SectionGuard } from './section-guard.ts';
import { Umem, umemWords } from './umem.ts';

/** What a variant differs in. */
export interface UmemOdpSettings {
  readonly createIndex: IndexFactory;
  /** umem_rwsem is held from start to end. */
  readonly holdsSemaphore: boolean;
}

/** See the file's head. */
export class UmemOdpDriver implements Driver<Umem> {
  readonly #mm: DriverMm;
  readonly #settings: UmemOdpSettings;
  readonly #memory = new LockMemory('umem-odp', mutexWords + 1, umemWords);
  readonly #perMmListLock: Mutex;
  #perMm: PerMm | undefined;
  readonly #registrations = new WeakMap<PerMm, Registration>();

  constructor(mm: DriverMm, settings: UmemOdpSettings) {
    this.#mm = mm;
    this.#settings = settings;
    this.#perMmListLock = new Mutex(this.#memory.region, this.#memory.fixedAt, 'per_mm_list_lock');
  }

  createSubscription(init: SubscriptionInit): Umem {
    return new Umem(init, this.#memory);
  }

  *attach(umem: Umem, context: CallContext): Steps<void> {
    try {
      const perMm = yield* this.#getPerMm(umem, context);
      yield* perMm.insert(umem, context);
    } catch (error) {
      yield* this.detach(umem, { isSync: context.isSync, signal: undefined });
      throw error;
    }
  }

  *detach(umem: Umem, context: CallContext): Steps<void> {
    const { perMm } = umem;
    if (perMm !== undefined) {
      yield* perMm.remove(umem, context);
      yield* this.#putPerMm(umem, perMm, context);
    }
  }

  verify(): void {
    this.#perMm?.verify();
  }

  /** Linux: get_per_mm. */
  *#getPerMm(umem: Umem, context: CallContext): Steps<PerMm> {
    yield lockIn(this.#perMmListLock, context);
    try {
      let perMm = this.#perMm;
      if (perMm === undefined) {
        perMm = new PerMm(this.#createGuard(), this.#settings.createIndex<Umem>());
        const { list } = this.#mm;
        const registered = context.isSync ? list.getSync(perMm) : list.get(perMm, context.signal);
        this.#registrations.set(perMm, (yield registered) as Registration);
        this.#perMm = perMm;
      }
      perMm.regionCount++;
      umem.perMm = perMm;
      umem.isCounted = true;
      return perMm;
    } finally {
      this.#perMmListLock.unlock();
    }
  }

  /** Linux: put_per_mm. */
  *#putPerMm(umem: Umem, perMm: PerMm, context: CallContext): Steps<void> {
    if (umem.isCounted) {
      yield lockIn(this.#perMmListLock, context);
      umem.isCounted = false;
      perMm.regionCount--;
      if (perMm.regionCount === 0) this.#perMm = undefined;
      this.#perMmListLock.unlock();
    }
    if (perMm.regionCount === 0 && perMm.isActive) {
      yield* perMm.deactivate(context);
      // The kernel's mmu_notifier_unregister_no_release and mmu_notifier_call_srcu: a put that is the last one.
      this.#mm.list.put(this.#registrations.get(perMm)!);
    }
    umem.perMm = undefined;
  }

  #createGuard(): SectionGuard {
    const { region, fixedAt } = new LockMemory('umem-odp per_mm', guardWords, 0);
    return this.#settings.holdsSemaphore
      ? new HeldSemaphore(region, fixedAt)
      : new SectionCount(region, fixedAt);
  }
}
