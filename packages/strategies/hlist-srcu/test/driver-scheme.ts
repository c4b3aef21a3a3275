/** The smallest driver: a list of registrations without a lock, no way to notice a collision. For the tests of the base. */
import type {
  DriverLock,
  InvalidationRange,
  MaybePromise,
  Seq,
  Steps,
  Traits,
} from '@mmu-notifier/core';
import { isPromise, overlaps } from '@mmu-notifier/core';
import { Mutex, mutexWords } from '@mmu-notifier/sync';
import type { Registration } from '../src/index.ts';
import {
  defineDriverStrategy,
  DriverCallbacks,
  DriverSubscription,
  driverTraits,
  LockMemory,
  WorkQueue,
  type CallContext,
  type Defer,
  type Driver,
  type DriverMm,
  type DriverStrategy,
  type SubscriptionInit,
} from '../src/driver.ts';

/** With this cookie, a registration is given up as a whole. */
export const wholeCookie = -2;

/** A registration; `log` says what the base asked of it. */
export class Window extends DriverSubscription {
  readonly log: string[] = [];
  protected readonly lock: DriverLock;
  protected readonly callbackLock: DriverLock;
  readonly #driver: Windows;
  readonly #record: number;

  constructor(init: SubscriptionInit, driver: Windows) {
    super(init);
    this.#driver = driver;
    this.#record = driver.memory.take();
    this.lock = init.ops.lock ?? new Mutex(driver.memory.region, this.#record, 'window');
    this.callbackLock = this.lock;
  }

  protected begin(): MaybePromise<Seq> {
    return 7 as Seq;
  }

  protected override published(seq: Seq): void {
    this.log.push(`published ${seq}`);
  }

  protected override callInvalidate(range: InvalidationRange): MaybePromise<boolean | void> {
    if (this.cookie !== wholeCookie) return super.callInvalidate(range);
    this.log.push(`tears down, locked: ${!this.lock.tryLock()}`);
    return super.callInvalidate({ ...range, start: this.start, end: this.end });
  }

  override freed(): void {
    this.log.push('freed');
    this.#driver.memory.free(this.#record);
  }
}

/** Takes a snapshot of its list, and calls whoever is in it. */
export class Windows extends DriverCallbacks implements Driver<Window> {
  readonly memory: LockMemory = new LockMemory('windows', 0, mutexWords);
  readonly work: WorkQueue;
  readonly #windows = new Set<Window>();
  readonly #registered: MaybePromise<Registration>;

  constructor(mm: DriverMm, defer: Defer) {
    super();
    this.work = new WorkQueue(defer);
    this.#registered = mm.list.register(this);
  }

  createSubscription(init: SubscriptionInit): Window {
    return new Window(init, this);
  }

  *attach(window: Window): Steps<void> {
    if (isPromise(this.#registered)) yield this.#registered;
    if (window.cookie === -1) throw new Error('no room');
    this.#windows.add(window);
  }

  detach(window: Window): Steps<void> | void {
    this.#windows.delete(window);
  }

  invalidateRangeStart(
    range: InvalidationRange,
    _cookie: number,
    context: CallContext,
  ): MaybePromise<boolean> {
    const hits = [...this.#windows].filter((window) => overlaps(window, range));
    return this.runIn(this.tearDownEach(hits, range, context), context);
  }

  release(_cookie: number, context: CallContext): MaybePromise<void> {
    return this.runIn(this.releaseEach([...this.#windows], context), context);
  }
}

const traits = driverTraits({
  name: 'windows',
  variant: 'only',
  summary: 'a list',
  correct: false,
  filtersByRange: true,
  retryScope: 'none',
  subscribeWaits: false,
  knownRaces: [{ id: 'X-1', what: 'publishes always' }],
});

export const traitsOfWindows: Traits = traits;

export const windows: DriverStrategy<Window> = defineDriverStrategy<Window>({
  traits: [traits],
  listVariants: { only: 'fixed' },
  createDriver: (mm, { defer }) => new Windows(mm, defer),
});
