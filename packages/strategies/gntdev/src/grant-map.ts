/**
 * A map of another domain's pages, and the memory it lies in: struct gntdev_grant_map. What both variants share.
 *
 * 1. It is on one of the driver's two lists from the end of attach to the end of detach: on the second one after the
 *    program has given it up, while it is mapped still.
 * 2. Others may use its pages (a GPU that took them as user memory): until they leave, the pages cannot be given back to
 *    the domain that granted them.
 * 3. `lock` is ours, or the subscriber's: it serialises tearing down against publishing. gntdev maps grants with no
 *    lock at all, and unmaps them with priv->lock.
 */
import type { DriverLock, Span } from '@mmu-notifier/core';
import { isPromise, overlaps, type MaybePromise } from '@mmu-notifier/core';
import {
  DriverSubscription,
  runIn,
  type CallContext,
  type LockMemory,
  type SubscriptionInit,
} from '@mmu-notifier/hlist-srcu/driver';
import { Mutex, mutexWords, WaitQueue, waitQueueWords, type Waiting } from '@mmu-notifier/sync';
import type { Gntdev } from './gntdev.ts';

/** Words of a map: its lock, and the queue of those who wait for its pages. */
export const grantMapWords: number = mutexWords + waitQueueWords + 1;

/** See the file's head. */
export abstract class GrantMap extends DriverSubscription {
  protected readonly lock: DriverLock;
  protected readonly callbackLock: DriverLock;
  readonly #driver: Gntdev;
  readonly #memory: LockMemory;
  /** First of its words. */
  readonly #record: number;
  readonly #users = new Set<Span>();
  readonly #left: WaitQueue;

  constructor(init: SubscriptionInit, driver: Gntdev) {
    super(init);
    const { memory } = driver;
    const { region } = memory;
    this.#driver = driver;
    this.#memory = memory;
    this.#record = memory.take();
    this.lock = init.ops.lock ?? new Mutex(region, this.#record, 'grant map');
    this.callbackLock = this.lock;
    this.#left = new WaitQueue(region, this.#record + mutexWords);
  }

  /**
   * The program gives it up; it stays mapped where it is, until it is closed. May wait for sections that unmap. Again is
   * harmless. Linux: gntdev_ioctl_unmap_grant_ref.
   */
  giveUp(signal?: AbortSignal): MaybePromise<void> {
    const { lock } = this.#driver;
    const locked = lock.lock(signal);
    const give = (): void => {
      this.#driver.giveUp(this);
      lock.unlock();
    };
    return isPromise(locked) ? locked.then(give) : give();
  }

  /**
   * Somebody else uses its pages, or some of them, until he calls what is returned: he has a reference to them
   * (get_user_pages).
   */
  usePages(pages: Span = this): () => void {
    const user = { start: pages.start, end: pages.end };
    this.#users.add(user);
    return () => {
      this.#users.delete(user);
      this.#left.wakeAll();
      this.userLeft();
    };
  }

  /** Where it is mapped, for sections to compare with; `undefined`: nowhere. */
  abstract readonly mappedAt: Span | undefined;

  override freed(): void {
    this.#memory.free(this.#record);
  }

  /** Somebody else uses its pages no more. */
  protected userLeft(): void {}

  protected isUsed(range: Span): boolean {
    for (const user of this.#users) if (overlaps(user, range)) return true;
    return false;
  }

  /** Waits until nobody else uses its pages in the range. */
  protected untilUnused(range: Span, context: CallContext): MaybePromise<void> {
    if (!this.isUsed(range)) return undefined;
    return runIn(this.#leaving(range), context);
  }

  *#leaving(range: Span): Waiting<void> {
    yield* this.#left.wait(() => !this.isUsed(range));
  }
}
