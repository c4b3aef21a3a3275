/**
 * A virtual machine: struct kvm, with the callbacks of its mmu notifier. The correct algorithm of the ad-hoc ones.
 *
 * 1. `count` sections are open in the address space, wherever they are; `seq` have ended. Both change with no wait
 *    in between; a start raises `count` under mmu_lock before it unmaps anything.
 * 2. An end turns `seq` first and lowers `count` after; a fault looks at `count` first and at `seq` after:
 *
 *        end                                  fault, with mmu_lock
 *        ------------------------------------ ------------------------------------
 *        seq++
 *                                             count? -> still raised: tries again
 *        count--
 *                                             count? -> 0; then seq? -> differs: tries again
 *        Required: no fault that began before sees 0 and its own seq.                            [R2] (KVM-1)
 *
 * 3. Memory slots stand in an array that every section scans from end to end. The kernel replaces the array under
 *    kvm->srcu; here a section takes its hits in one step, so the array changes in place.
 * 4. Variant `ranged`: while sections are open, [rangeStart, rangeEnd) covers all of them; it only widens until none
 *    is open. A fault outside of it may go on (KVM-3).
 *
 * mmu_lock is a spin lock in the kernel, under which nobody waits. Subscribers here may, so it is a mutex; a
 * non-blockable start that finds it held is refused, where KVM spins (on PREEMPT_RT it sleeps: KVM-6).
 * Lock order: mmu_lock, then a subscriber's own.
 *
 * Source: Linux virt/kvm/kvm_main.c, v5.3; `ranged`: 4a42d848db95, v5.12.
 */
import {
  invariant,
  isPromise,
  overlaps,
  type InvalidationRange,
  type MaybePromise,
  type Seq,
  type Span,
  type Steps,
} from '@mmu-notifier/core';
import type { Registration } from '@mmu-notifier/hlist-srcu';
import {
  Completion,
  DriverCallbacks,
  LockMemory,
  lockIn,
  type CallContext,
  type Driver,
  type DriverMm,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import { Memslot } from './memslot.ts';

/** See the file's head. */
export class Kvm extends DriverCallbacks implements Driver<Memslot> {
  readonly mmuLock: Mutex;
  /** mmu_notifier_count. */
  count = 0;
  /** mmu_notifier_seq. */
  seq = 0;
  #rangeStart = 0;
  #rangeEnd = 0;
  readonly #isRanged: boolean;
  readonly #slots: Memslot[] = [];
  /** Done while `count` is 0. */
  readonly #idle: Completion;
  readonly #registered: MaybePromise<Registration>;

  constructor(mm: DriverMm, { isRanged }: { readonly isRanged: boolean }) {
    super();
    this.#isRanged = isRanged;
    const { region, fixedAt } = new LockMemory('kvm', mutexWords + Completion.words, 0);
    this.mmuLock = new Mutex(region, fixedAt, 'mmu_lock');
    this.#idle = new Completion(region, fixedAt + mutexWords, true);
    this.#registered = mm.list.register(this);
  }

  // The notifier's callbacks.

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    if (!range.blockable) return this.mmuLock.tryLock() && this.#unmap(range, context);
    const locked = lockIn(this.mmuLock, context);
    return isPromise(locked)
      ? locked.then(() => this.#unmap(range, context))
      : this.#unmap(range, context);
  }

  invalidateRangeEnd(): void {
    this.seq++;
    this.#lower();
  }

  /** Linux: kvm_arch_flush_shadow_all. The list tells no ends after it, so nobody may wait for one. */
  release(_cookie: number, context: CallContext): MaybePromise<void> {
    return this.runIn(this.#flushAll(context), context);
  }

  // Memory slots.

  createSubscription(init: SubscriptionInit): Memslot {
    return new Memslot(init, this);
  }

  /** Waits for the machine's own registration only; sections that are open already are counted already. */
  *attach(slot: Memslot): Steps<void> {
    if (isPromise(this.#registered)) yield this.#registered;
    slot.index = this.#slots.push(slot) - 1;
  }

  detach(slot: Memslot): void {
    if (slot.index === undefined) return;
    const last = this.#slots.pop()!;
    if (last !== slot) {
      this.#slots[slot.index] = last;
      last.index = slot.index;
    }
    slot.index = undefined;
  }

  // Faults.

  /** Whether an open section may concern the slot. */
  isRaisedFor(slot: Span): boolean {
    if (this.count === 0) return false;
    return !this.#isRanged || (slot.start < this.#rangeEnd && this.#rangeStart < slot.end);
  }

  /** Linux: mmu_notifier_retry, and mmu_notifier_retry_hva. */
  collided(slot: Span, seq: Seq): boolean {
    return this.isRaisedFor(slot) || this.seq !== seq;
  }

  /** Waits until no section is open, once. Ours: KVM's fault goes back to the guest, and faults again. */
  untilIdle(context: CallContext): MaybePromise<unknown> {
    return this.#idle.wait(Infinity, context);
  }

  verify(): void {
    invariant(this.count >= 0, `expected mmu_notifier_count of at least 0, got ${this.count}`);
    invariant(this.#idle.isDone || this.count > 0, 'faults wait though no section is open');
    for (const [index, slot] of this.#slots.entries()) {
      invariant(slot.index === index, `slot ${index} has index ${slot.index}`);
    }
  }

  /** With mmu_lock held; gives it back. */
  #unmap(range: InvalidationRange, context: CallContext): MaybePromise<boolean> {
    this.#raise(range);
    const hits = this.#slots.filter((slot) => overlaps(slot, range));
    if (hits.length > 0) return this.runIn(this.#tearDown(hits, range, context), context);
    this.mmuLock.unlock();
    return true;
  }

  *#tearDown(
    hits: readonly Memslot[],
    range: InvalidationRange,
    context: CallContext,
  ): Steps<boolean> {
    try {
      const isTornDown = yield* this.tearDownEach(hits, range, context);
      if (!isTornDown) this.#lower(); // nothing changes: as if it had not been                        [N2]
      return isTornDown;
    } catch (error) {
      this.invalidateRangeEnd(); // what was torn down nobody knows: faults try again
      throw error;
    } finally {
      this.mmuLock.unlock();
    }
  }

  *#flushAll(context: CallContext): Steps<void> {
    yield lockIn(this.mmuLock, context);
    this.#raise({ start: 0, end: Infinity });
    try {
      yield* this.releaseEach([...this.#slots], context);
    } finally {
      this.invalidateRangeEnd();
      this.#idle.complete();
      this.mmuLock.unlock();
    }
  }

  #raise({ start, end }: Span): void {
    if (this.count === 0) {
      this.#idle.reinit();
      this.#rangeStart = start;
      this.#rangeEnd = end;
    } else {
      this.#rangeStart = Math.min(this.#rangeStart, start);
      this.#rangeEnd = Math.max(this.#rangeEnd, end);
    }
    this.count++;
  }

  #lower(): void {
    this.count--;
    if (this.count === 0) this.#idle.complete();
  }
}
