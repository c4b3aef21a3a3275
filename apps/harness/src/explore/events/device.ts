/**
 * A device that shadows a page: faults, callbacks, and whether what it holds is right. Its author may have got something wrong.
 */
import {
  overlaps,
  type InvalidationRange,
  type MaybePromise,
  type Seq,
  type Span,
  type Subscription,
} from '@mmu-notifier/core';
import type { EventActor } from '@mmu-notifier/explorer';
import { Finding, type Page, type PageName, type SectionRecord, type Space } from './space.ts';

interface Entry {
  readonly value: number;
  readonly begunAt: number;
  readonly installedAt: number;
}

/** What a device's author got wrong. Each was found in a driver that stands on a right notifier. */
export type Habit =
  /** Takes the sequence number after it read the page. */
  | 'late seq'
  /** Asks `checkRetry`, and installs without the lock. */
  | 'no lock'
  /** Tears down for UNMAP only. */
  | 'one event'
  /** Keeps one flush for both passes, whichever section it is of. */
  | 'one flush'
  /** Changes memory elsewhere while it installs, with its locks held. */
  | 'raises within';

/** How a device is. */
export interface DeviceOptions {
  /** Which page it shadows. Default the page. */
  readonly at?: PageName;
  readonly habit?: Habit;
  /** Its subscription begins a page earlier. */
  readonly isWide?: boolean;
  /** Its callback waits before it has torn down. */
  readonly sleeps?: boolean;
  /** Its install waits before it has installed. */
  readonly installSleeps?: boolean;
  /** Whether its reads must wait until all sections are over that were open over its span when they began. */
  readonly waitsForAll?: boolean;
}

/** A device with a subscription to a page. */
export class Device {
  readonly name: string;
  /** RELEASE sections, and calls of `release`. */
  releases = { sections: 0, calls: 0 };
  subscription: Subscription | undefined;
  /** When its first fault has begun, and perhaps waits. */
  readonly begun: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #space: Space;
  readonly #page: Page;
  readonly #span: Span;
  #entry: Entry | undefined;
  #isClosing = false;
  #isClosed = false;
  readonly #calls = new Map<SectionRecord, number>();
  readonly #habit: Habit | undefined;
  readonly #sleeps: boolean;
  readonly #installSleeps: boolean;
  readonly #waitsForAll: boolean;
  /** Of the habit `one flush`: the section whose flush is on its way. */
  #flush: InvalidationRange | undefined;

  constructor(name: string, space: Space, options: DeviceOptions = {}) {
    const { at = 'page', habit, isWide = false } = options;
    const { sleeps = false, installSleeps = false, waitsForAll = false } = options;
    this.#habit = habit;
    this.#sleeps = sleeps;
    this.#installSleeps = installSleeps;
    this.#waitsForAll = waitsForAll;
    this.name = name;
    this.#space = space;
    this.#page = space[at];
    const { start, end } = this.#page;
    this.#span = { start: isWide ? start - (end - start) : start, end };
    space.devices.push(this);
  }

  get hasEntry(): boolean {
    return this.#entry !== undefined && !this.#isClosing;
  }

  async subscribe(): Promise<void> {
    const comesTooLate = this.#space.isReleased;
    this.subscription = await this.#space.notifier.subscribe(this.#span, {
      invalidate: (range) => this.#invalidate(range),
      ...(this.#habit === 'one flush' ? { finish: (range) => this.#finish(range) } : {}),
      release: () => {
        this.#checkCallback();
        this.releases.calls++;
      },
    });
    if (comesTooLate) {
      throw new Finding(
        'subscribed after the end',
        `${this.name} subscribed to a dead address space`,
      );
    }
  }

  /** A fault before anybody else is there. */
  async hold(): Promise<void> {
    const subscription = this.subscription!;
    const seq = await subscription.readBegin();
    const { pte: value } = this.#page;
    await subscription.publish(seq, () => {
      this.#entry = { value, begunAt: this.#space.tick(), installedAt: this.#space.tick() };
    });
  }

  /**
   * A fault of so many attempts. Returns whether it succeeded.
   *
   * @throws Finding
   */
  async fault(actor: EventActor, attempts = 2): Promise<boolean> {
    const subscription = this.subscription!;
    let inVain = 0;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const { value, begunAt, seq } = await this.#read(actor, subscription);
      await actor.step('publishes');
      const install = (): void => {
        actor.note(`installs ${value}`);
        if (this.#space.isReleased) {
          throw new Finding(
            'installed after the end',
            `${this.name} installs in a dead address space`,
          );
        }
        if (this.#isClosed) {
          throw new Finding(
            'installed after close',
            `${this.name} installs though close has returned`,
          );
        }
        this.#entry = { value, begunAt, installedAt: this.#space.tick() };
        this.judge();
      };
      if (this.#habit === 'no lock') {
        if (!subscription.checkRetry(seq)) {
          await actor.step('installs');
          install();
          return true;
        }
      } else if (await subscription.publish(seq, () => this.#install(actor, install))) return true;
      actor.note('is refused');
      if (!this.#space.wasTouched(this.#page, begunAt)) inVain++;
    }
    if (inVain === attempts) {
      throw new Finding(
        'starved',
        `starved: ${this.name} was refused though nobody touched its page`,
      );
    }
    return false;
  }

  #install(actor: EventActor, install: () => void): MaybePromise<void> {
    if (this.#isClosing) {
      throw new Finding(
        'installed after close began',
        `${this.name} installs though it is closing`,
      );
    }
    if (this.#habit === 'raises within') return this.#raiseWithin(actor, install);
    if (!this.#installSleeps) return install();
    return this.#space.world.later(`install of ${this.name} goes on`, undefined).then(install);
  }

  async #raiseWithin(actor: EventActor, install: () => void): Promise<void> {
    const { notifier, elsewhere } = this.#space;
    const { start, end } = elsewhere;
    await actor.step('changes memory elsewhere');
    await notifier.invalidateRangeEnd(await notifier.invalidateRangeStart({ start, end }));
    install();
  }

  async close(actor: EventActor): Promise<void> {
    await actor.step('closes');
    this.#isClosing = true;
    this.#entry = undefined;
    await this.subscription!.close();
    actor.note('has closed');
    this.#isClosed = true;
  }

  /** @throws Finding when the entry is not what the page table says */
  judge(): void {
    const entry = this.#entry;
    const { pte } = this.#page;
    if (entry === undefined || this.#isClosing || entry.value === pte) return;
    const { shape, words } = this.#overlooked(entry);
    throw new Finding(
      `stale ${shape}`,
      `stale: ${this.name} holds ${entry.value} of the page that is ${pte} now. ${words}`,
    );
  }

  /** @throws Finding */
  judgeRelease(): void {
    const { sections, calls } = this.releases;
    if (sections > 1 || calls > 1) {
      throw new Finding(
        'told twice',
        `${this.name} was told ${Math.max(sections, calls)} times of the end`,
      );
    }
    if (!this.#space.isReleased || this.#isClosing || this.subscription === undefined) return;
    if (calls === 0) {
      throw new Finding('never told', `${this.name} is subscribed and was never told of the end`);
    }
  }

  async #read(
    actor: EventActor,
    subscription: Subscription,
  ): Promise<{ value: number; begunAt: number; seq: Seq }> {
    await actor.step('fault begins');
    const begunAt = this.#space.tick();
    const open = this.#waitsForAll ? this.#space.openOver(this.#span) : [];
    const beginning = subscription.readBegin();
    this.begun.resolve();
    let seq = await beginning;
    const missed = open.find(({ endingAt }) => endingAt === undefined);
    if (missed !== undefined) {
      throw new Finding(
        'read in a section',
        `${this.name} begins to read though the section of ${missed.name} is still open`,
      );
    }
    const waitedUntil = this.#space.tick();
    await actor.step('reads the page');
    const value = this.#page.pte;
    actor.note(`it is ${value}`);
    if (this.#habit !== 'late seq') return { value, begunAt: waitedUntil, seq };
    await actor.step('takes the seq');
    seq = await subscription.readBegin();
    return { value, begunAt, seq };
  }

  #invalidate(range: InvalidationRange): MaybePromise<boolean> {
    this.#checkCallback();
    if (this.#habit === 'one flush') this.#flush = range;
    if (this.#habit === 'one event' && range.event !== 'UNMAP') return true;
    if (range.event === 'RELEASE') this.releases.sections++;
    else if (overlaps(range, this.#span)) this.#countCall();
    else return this.#missed();
    if (!overlaps(range, this.#page)) return true;
    if (!this.#sleeps) return this.#tearDown();
    if (!range.blockable) return false;
    const woken = this.#space.world.later(`callback of ${this.name} goes on`, undefined);
    return woken.then(() => {
      this.#checkCallback();
      return this.#tearDown();
    });
  }

  /** Called for a section elsewhere. */
  #missed(): true {
    if (!this.#space.notifier.traits.filtersByRange) return true;
    this.#space.world.abort(
      new Finding('called for nothing', `${this.name} is called for a section elsewhere`),
    );
    return true;
  }

  /** By a section that starts. Deferred work of the driver may call it at other times, as often as it likes. */
  #countCall(): void {
    const starting = this.#space.starting(this.#span);
    if (starting === undefined) return;
    const calls = (this.#calls.get(starting) ?? 0) + 1;
    this.#calls.set(starting, calls);
    if (calls === 1) return;
    this.#space.world.abort(
      new Finding(
        'called again',
        `${this.name} is called again by the section of ${starting.name}`,
      ),
    );
  }

  #tearDown(): true {
    this.#space.world.note(
      this.#entry === undefined
        ? `callback of ${this.name}: nothing to tear down`
        : `callback of ${this.name}: tears down ${this.#entry.value}`,
    );
    this.#entry = undefined;
    return true;
  }

  async #finish(range: InvalidationRange): Promise<void> {
    await this.#space.world.later(`flush of ${this.name}`, undefined);
    if (this.#flush !== range) {
      const words = `${this.name} waits for the flush of another section`;
      this.#space.world.abort(new Finding('flush of another section', words));
    }
    this.#flush = undefined;
  }

  #checkCallback(): void {
    if (!this.#isClosed) return;
    const words = `a callback of ${this.name} runs though close has returned`;
    this.#space.world.abort(new Finding('called after close', words));
  }

  /** Which part of the section was missed. */
  #overlooked({ begunAt, installedAt }: Entry): { shape: string; words: string } {
    const touching = this.#space.sections.filter(
      ({ span, endedAt = Infinity }) => overlaps(span, this.#page) && endedAt > begunAt,
    );
    const section = touching[0];
    if (section === undefined) return { shape: 'unasked', words: 'No section was raised.' };
    const begun = whenIn(section, begunAt);
    const installed = whenIn(section, installedAt);
    return {
      shape: `${begun}-${installed}`,
      words: `Its fault began ${inWords[begun]} the section of ${section.name}, and published ${inWords[installed]} it.`,
    };
  }
}

type When = 'before' | 'starting' | 'in' | 'after';

const inWords: Readonly<Record<When, string>> = {
  before: 'before',
  starting: 'during the start of',
  in: 'in',
  after: 'after',
};

function whenIn(
  { startedAt, openedAt = Infinity, endedAt = Infinity }: SectionRecord,
  at: number,
): When {
  if (at < startedAt) return 'before';
  if (at < openedAt) return 'starting';
  return at < endedAt ? 'in' : 'after';
}
