/**
 * A legacy list as small as it can be: everybody registered is called for everything, in order. It writes down what it
 * is called for, in a log that it shares with the test.
 */
import {
  NotifierError,
  SectionTable,
  type ComposableCreateOptions,
  type ComposableNotifier,
  type ComposableStrategy,
  type Invalidation,
  type MaybePromise,
  type RangeToInvalidate,
  type Section,
  type SectionExclusion,
  type Traits,
} from '@mmu-notifier/core';
import { interval, type IntervalNotifier } from '../src/variants.ts';

/** Who is registered: what it does at a start and at an end. `false` at a start: would block. */
export interface ListSubscriber {
  start?(range: Section): MaybePromise<boolean | void>;
  end?(): MaybePromise<void>;
}

const traits: Traits = Object.freeze<Traits>({
  name: 'fake-list',
  variant: 'fake',
  summary: 'a list for tests',
  correct: false,
  filtersByRange: false,
  retryScope: 'none',
  defersChanges: false,
  subscribeWaits: true,
  twoPass: false,
  filtersByOwner: false,
  modes: ['event-loop'],
  knownRaces: [],
});

/** See the file's head. */
export class FakeList implements ComposableNotifier {
  readonly traits = traits;
  readonly log: string[];
  readonly subscribers: ListSubscriber[] = [];
  readonly #exclusion: SectionExclusion;
  readonly #sections = new SectionTable();

  constructor(exclusion: SectionExclusion, log: string[]) {
    this.#exclusion = exclusion;
    this.log = log;
  }

  get hasSubscribers(): boolean {
    return this.subscribers.length > 0;
  }

  register(subscriber: ListSubscriber, signal?: AbortSignal): MaybePromise<void> {
    return this.#exclusion.whenIdle(() => void this.subscribers.push(subscriber), signal);
  }

  registerSync(subscriber: ListSubscriber): void {
    this.#exclusion.whenIdleSync(() => void this.subscribers.push(subscriber));
  }

  async invalidateRangeStart(range: RangeToInvalidate): Promise<Invalidation> {
    this.log.push('list start');
    const section = this.#sections.open(range, true);
    try {
      for (const subscriber of this.subscribers) await subscriber.start?.(section);
    } catch (error) {
      this.#sections.close(section);
      throw error;
    }
    return section.handle as Invalidation;
  }

  invalidateRangeStartSync(range: RangeToInvalidate): Invalidation {
    this.log.push('list start');
    const section = this.#sections.open(range, true);
    for (const subscriber of this.subscribers) void subscriber.start?.(section);
    return section.handle as Invalidation;
  }

  tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined {
    this.log.push('list try');
    const section = this.#sections.open(range, false);
    for (const subscriber of this.subscribers) {
      if (subscriber.start?.(section) === false) {
        this.#sections.close(section);
        return undefined;
      }
    }
    return section.handle as Invalidation;
  }

  async invalidateRangeEnd(invalidation: Invalidation): Promise<void> {
    this.log.push('list end');
    this.#sections.close(this.#sections.find(invalidation));
    for (const subscriber of this.subscribers) await subscriber.end?.();
  }

  invalidateRangeEndSync(invalidation: Invalidation): void {
    this.log.push('list end');
    this.#sections.close(this.#sections.find(invalidation));
    for (const subscriber of this.subscribers) void subscriber.end?.();
  }

  async release(): Promise<void> {
    this.releaseSync();
  }

  releaseSync(): void {
    this.log.push('list release');
  }

  subscribe(): never {
    throw new NotifierError('MMN_OPTION', 'expected register, got subscribe');
  }

  subscribeSync(): never {
    return this.subscribe();
  }

  registerOps(): void {}

  verify(): void {
    this.log.push('list verify');
  }
}

/** A unified notifier that carries such a list, and the log of both. */
export function createMixed(variant = 'landed'): {
  notifier: IntervalNotifier<FakeList>;
  list: FakeList;
  log: string[];
} {
  const log: string[] = [];
  const strategy: ComposableStrategy<FakeList> = {
    name: 'fake-list',
    variants: ['fake'],
    traits: () => traits,
    byteLength: () => 0,
    create: ({ exclusion }: ComposableCreateOptions = {}) => new FakeList(exclusion!, log),
    attach: () => {
      throw new NotifierError('MMN_MEMORY', 'expected nobody to attach');
    },
  };
  const notifier = interval.create({ variant, legacy: strategy });
  return { notifier, list: notifier.legacy, log };
}
