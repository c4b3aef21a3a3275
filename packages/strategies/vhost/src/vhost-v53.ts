/**
 * vhost as it was in v5.3-rc1. Whenever an address changes, the device's callbacks are unregistered and registered
 * anew, so that they may look at addresses without a lock:
 *
 *        section                              VHOST_SET_VRING_ADDR
 *        ------------------------------------ ------------------------------------
 *        start: count++
 *                                             unregister
 *                                             the address changes
 *        end: nobody is called
 *                                             register
 *        Required: the count is 0 again. It is not, and nothing is ever mapped there any more.   (VH-3)
 *
 * While they are unregistered, the maps of all other areas stay in use, and nobody is told of a section: part of VH-3
 * here, by our reading. Registering waits for a moment without sections, which may be long.
 */
import type { InvalidationRange, MaybePromise, Span, Steps } from '@mmu-notifier/core';
import type { Registration } from '@mmu-notifier/hlist-srcu';
import { lockIn, type CallContext, type DriverMm } from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import { UnderRcu } from './accessors.ts';
import type { Area } from './area.ts';
import { Vhost } from './vhost.ts';

/** See the file's head. */
export class VhostAsOfV53 extends Vhost {
  readonly accessors: UnderRcu;
  /** dev->mutex: one address changes at a time. */
  readonly #mutex: Mutex;
  #registration: Registration | undefined = undefined;

  constructor(mm: DriverMm) {
    super(mm);
    const { region, fixedAt } = this.memory;
    this.#mutex = new Mutex(region, fixedAt, 'dev->mutex');
    this.accessors = new UnderRcu(this.memory, fixedAt + mutexWords);
  }

  /** Refuses what is not blockable before it has looked at anything (VH-5). */
  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    if (!range.blockable) return false;
    const hits = this.hits(range);
    return hits.length === 0 || this.runIn(this.unmapEach(hits, range, context), context);
  }

  invalidateRangeEnd(range: InvalidationRange): void {
    for (const area of this.hits(range)) area.virtqueue.lower();
  }

  *attach(area: Area, context: CallContext): Steps<void> {
    yield lockIn(this.#mutex, context);
    try {
      yield* this.#unregister(context);
      area.isSet = true;
      yield* this.#register(context);
    } finally {
      this.#mutex.unlock();
    }
  }

  /** Marks nothing dirty: "vhost: mark dirty pages during map uninit" came later (VH-2). */
  *detach(area: Area, context: CallContext): Steps<void> {
    yield lockIn(this.#mutex, context);
    try {
      if (area.isSet) {
        yield* this.#unregister(context);
        yield* this.uninit(area, context, () => void (area.isMapped = false));
      }
      const isNeeded = this.#registration === undefined && this.areas().length > 0;
      if (isNeeded && !this.mm.isReleased) yield* this.#register(context);
    } finally {
      this.#mutex.unlock();
    }
  }

  /** The range's end counts as a part of it (VH-1). */
  protected overlaps(area: Area, { start, end }: Span): boolean {
    return area.start <= end && start < area.end;
  }

  *#unregister({ isSync }: CallContext): Steps<void> {
    const registration = this.#registration;
    if (registration === undefined) return;
    const { list } = this.mm;
    yield isSync ? list.unregisterSync(registration) : list.unregister(registration);
    this.#registration = undefined;
    this.forsakeSections();
  }

  /** Takes no notice of an interrupted registration: the area counts as watched, and is not (VH-5). */
  *#register({ isSync, signal }: CallContext): Steps<void> {
    const { list } = this.mm;
    const options = signal === undefined ? {} : { signal };
    try {
      const registered = isSync ? list.registerSync(this) : list.register(this, options);
      this.#registration = (yield registered) as Registration;
    } catch (error) {
      const isWanted = signal?.aborted !== true && !this.mm.isReleased;
      if (isWanted) throw error;
    }
  }
}
