/**
 * A vhost device: struct vhost_dev, with the legacy callbacks that tear its maps down. What both variants share.
 *
 * 1. A start raises the count of a virtqueue for each of its areas that it hits, then tears their maps down under
 *    mmu_lock; its end lowers the counts. While a count is not 0, nothing of its virtqueue is mapped.
 * 2. Areas do not change between a start and its end, as far as the device is told of both. How that is seen to is what
 *    the variants differ in (VH-3).
 *
 * A subscription is an area; three of them make a virtqueue, in the order in which they come. The kernel's virtqueues
 * stay as long as their device, and so do these: an area that goes leaves its place to the next one.
 * Lock order: dev->mutex, then what a registration with the legacy list takes; mmu_lock, then a subscriber's own.
 *
 * Source: Linux drivers/vhost/vhost.c, v5.3-rc1 (7f466032dc9e); reverted before v5.3.
 */
import type { InvalidationRange, MaybePromise, Span, Steps } from '@mmu-notifier/core';
import {
  DriverCallbacks,
  LockMemory,
  lockIn,
  type CallContext,
  type Driver,
  type DriverMm,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { mutexWords } from '@mmu-notifier/sync';
import { accessorWords, type Accessors } from './accessors.ts';
import { Area } from './area.ts';
import { Virtqueue, virtqueueWords } from './virtqueue.ts';

/** See the file's head. */
export abstract class Vhost extends DriverCallbacks implements Driver<Area> {
  readonly virtqueues: Virtqueue[] = [];
  protected readonly mm: DriverMm;
  /** dev->mutex, then what the accessors take. */
  protected readonly memory: LockMemory = new LockMemory(
    'vhost',
    mutexWords + accessorWords,
    virtqueueWords,
  );
  abstract readonly accessors: Accessors;
  readonly #withRoom = new Set<Virtqueue>();
  /** At least those whose sections are still going to end. */
  readonly #raised = new Set<Virtqueue>();
  #isReleased = false;

  constructor(mm: DriverMm) {
    super();
    this.mm = mm;
  }

  createSubscription(init: SubscriptionInit): Area {
    const [virtqueue = this.#addVirtqueue()] = this.#withRoom;
    const area = new Area(init, virtqueue, this);
    if (!virtqueue.hasRoom) this.#withRoom.delete(virtqueue);
    return area;
  }

  /** An area has left its place. */
  freed({ virtqueue }: Area): void {
    this.#withRoom.add(virtqueue);
  }

  abstract attach(area: Area, context: CallContext): Steps<void>;
  abstract detach(area: Area, context: CallContext): Steps<void>;
  abstract invalidateRangeEnd(range: InvalidationRange): void;

  /**
   * Ours: vhost has no such callback, since it holds the address space in use while it is open. Unregistering calls it
   * as well, and then it does nothing.
   */
  release(_cookie: number, context: CallContext): MaybePromise<void> {
    if (!this.mm.isReleased || this.#isReleased) return undefined;
    this.#isReleased = true;
    this.forsakeSections();
    return this.runIn(this.releaseEach(this.areas(), context), context);
  }

  verify(): void {
    for (const virtqueue of this.virtqueues) virtqueue.verify();
  }

  /** Linux: vhost_map_range_overlap. */
  protected abstract overlaps(area: Area, range: Span): boolean;

  /** The areas whose addresses are set. */
  protected areas(): Area[] {
    const areas: Area[] = [];
    for (const virtqueue of this.virtqueues) {
      for (const area of virtqueue.areas) if (area?.isSet === true) areas.push(area);
    }
    return areas;
  }

  protected hits(range: Span): Area[] {
    return this.areas().filter((area) => this.overlaps(area, range));
  }

  /** A start's work on what it hits. The counts are up before anything waits. */
  protected *unmapEach(
    hits: readonly Area[],
    range: InvalidationRange,
    context: CallContext,
  ): Steps<boolean> {
    for (const area of hits) {
      this.raise(area.virtqueue);
      area.turns++;
    }
    try {
      return yield* this.tearDownEach(hits, range, context);
    } catch (error) {
      this.invalidateRangeEnd(range); // ours: vhost's own start cannot fail
      throw error;
    }
  }

  protected raise(virtqueue: Virtqueue): void {
    virtqueue.raise();
    this.#raised.add(virtqueue);
  }

  /** No ends come any more of the sections that are open. */
  protected forsakeSections(): void {
    for (const virtqueue of this.#raised) virtqueue.forsake();
    this.#raised.clear();
  }

  /** Takes the area's map away for good. Linux: vhost_uninit_vq_maps. */
  protected *uninit(area: Area, context: CallContext, act: () => void): Steps<void> {
    const { mmuLock } = area.virtqueue;
    yield lockIn(mmuLock, context);
    area.isSet = false;
    act();
    mmuLock.unlock();
  }

  #addVirtqueue(): Virtqueue {
    const virtqueue = new Virtqueue(this.memory, this.memory.take());
    this.virtqueues.push(virtqueue);
    this.#withRoom.add(virtqueue);
    return virtqueue;
  }
}
