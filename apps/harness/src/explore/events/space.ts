/**
 * An address space of two pages, the devices that shadow it, and a judge who sees everything.
 *
 * 1. A page's entry is the number of its contents; it goes up when the page changes. A device's shadow entry is the
 *    number that it read. Whenever a page changes or an entry is installed, an entry of an open subscription must be
 *    what the page table says.                                                                              [R2]
 * 2. When close has returned, no callback runs.                                                              [U1]
 * 3. Whoever is subscribed when the address space dies is told of it once, and holds nothing from then on; nobody else
 *    comes after.                                                                                            [L1]
 * 4. A fault succeeds in one of its attempts, unless a section touched its page meanwhile.
 *
 * Each violation has a shape, which says what was missed, in few words: see {@link Finding}.
 */
import type { InvalidationRange, Notifier, Seq, Span, Subscription } from '@mmu-notifier/core';
import { codeOf } from '@mmu-notifier/core';
import type { EventActor, EventWorld } from '@mmu-notifier/explorer';

/** A promise was broken. */
export class Finding extends Error {
  override readonly name = 'Finding';
  /**
   * `stale WHEN-WHEN`: where the fault began and where it published, as seen from the section that changed the page:
   * `before` it, while it is `starting`, `in` it, `after` it. Others in words.
   */
  readonly shape: string;

  constructor(shape: string, message: string = shape) {
    super(message);
    this.shape = shape;
  }
}

/** A page of the address space. */
export interface Page extends Span {
  readonly name: string;
  pte: number;
}

/** A section, in the judge's time: undefined is yet to come. */
export interface SectionRecord {
  readonly name: string;
  readonly span: Span;
  readonly startedAt: number;
  openedAt?: number;
  endedAt?: number;
}

interface Entry {
  readonly value: number;
  readonly begunAt: number;
  readonly installedAt: number;
}

/** See the file's head. */
export class Space {
  readonly page: Page = { name: 'the page', start: 0x1000, end: 0x2000, pte: 1 };
  /** Never changes in a situation that does not say so. */
  readonly elsewhere: Page = { name: 'the page elsewhere', start: 0x400000, end: 0x401000, pte: 1 };
  readonly notifier: Notifier;
  readonly world: EventWorld;
  readonly devices: Device[] = [];
  readonly sections: SectionRecord[] = [];
  isReleased = false;
  #now = 0;

  constructor(notifier: Notifier, world: EventWorld) {
    this.notifier = notifier;
    this.world = world;
  }

  /** The next moment. */
  tick(): number {
    return ++this.#now;
  }

  open(name: string, span: Span): SectionRecord {
    const section = { name, span, startedAt: this.tick() };
    this.sections.push(section);
    return section;
  }

  /** The address space is dead: nobody holds or installs anything any more. */
  releaseOver(): void {
    this.isReleased = true;
    for (const device of this.devices) {
      if (device.hasEntry) {
        throw new Finding(
          'held after the end',
          `${device.name} holds an entry of a dead address space`,
        );
      }
    }
  }

  /** The page table changes, in a section. */
  change(page: Page): void {
    page.pte++;
    this.world.note(`${page.name}: ${page.pte}`);
    for (const device of this.devices) device.judge();
  }

  /** Whether a section touched the span at any time since then. */
  wasTouched(span: Span, since: number): boolean {
    return this.sections.some(
      ({ span: { start, end }, endedAt = Infinity }) =>
        start < span.end && span.start < end && endedAt > since,
    );
  }

  /** When everybody is done. */
  judge(): void {
    for (const device of this.devices) {
      device.judge();
      device.judgeRelease();
    }
    this.notifier.verify();
  }
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
  | 'one flush';

/** A device with a subscription to the page. */
export class Device {
  readonly name: string;
  /** RELEASE sections, and calls of `release`. */
  releases = { sections: 0, calls: 0 };
  subscription: Subscription | undefined;
  readonly #space: Space;
  readonly #page: Page;
  #entry: Entry | undefined;
  #isClosing = false;
  #isClosed = false;
  readonly #habit: Habit | undefined;
  /** Of the habit `one flush`: the section whose flush is on its way. */
  #flush: InvalidationRange | undefined;

  constructor(name: string, space: Space, habit?: Habit) {
    this.#habit = habit;
    this.name = name;
    this.#space = space;
    this.#page = space.page;
    space.devices.push(this);
  }

  get hasEntry(): boolean {
    return this.#entry !== undefined && !this.#isClosing;
  }

  async subscribe(): Promise<void> {
    this.subscription = await this.#space.notifier.subscribe(this.#page, {
      invalidate: (range) => this.#tearDown(range),
      ...(this.#habit === 'one flush' ? { finish: (range) => this.#finish(range) } : {}),
      release: () => {
        this.#checkCallback();
        this.releases.calls++;
      },
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
        this.#entry = { value, begunAt, installedAt: this.#space.tick() };
        this.judge();
      };
      if (this.#habit === 'no lock') {
        if (!subscription.checkRetry(seq)) {
          await actor.step('installs');
          install();
          return true;
        }
      } else if (await subscription.publish(seq, install)) return true;
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
    const { shape, words } = this.#missed(entry);
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
    let seq = await subscription.readBegin();
    const waitedUntil = this.#space.tick();
    await actor.step('reads the page');
    const value = this.#page.pte;
    actor.note(`it is ${value}`);
    if (this.#habit !== 'late seq') return { value, begunAt: waitedUntil, seq };
    await actor.step('takes the seq');
    seq = await subscription.readBegin();
    return { value, begunAt, seq };
  }

  #tearDown(range: InvalidationRange): void {
    this.#checkCallback();
    if (this.#habit === 'one flush') this.#flush = range;
    if (this.#habit === 'one event' && range.event !== 'UNMAP') return;
    if (range.event === 'RELEASE') this.releases.sections++;
    if (range.end <= this.#page.start || this.#page.end <= range.start) return;
    this.#space.world.note(
      this.#entry === undefined
        ? `callback of ${this.name}: nothing to tear down`
        : `callback of ${this.name}: tears down ${this.#entry.value}`,
    );
    this.#entry = undefined;
  }

  async #finish(range: InvalidationRange): Promise<void> {
    await this.#space.world.later(`flush of ${this.name}`, undefined);
    if (this.#flush !== range) {
      throw new Finding(
        'flush of another section',
        `${this.name} waits for the flush of another section`,
      );
    }
    this.#flush = undefined;
  }

  #checkCallback(): void {
    if (this.#isClosed) {
      throw new Finding(
        'called after close',
        `a callback of ${this.name} runs though close has returned`,
      );
    }
  }

  /** Which part of the section was missed. */
  #missed({ begunAt, installedAt }: Entry): { shape: string; words: string } {
    const touching = this.#space.sections.filter(
      ({ span, endedAt = Infinity }) => span.start < this.#page.end && endedAt > begunAt,
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

/** Runs something that may find the address space or the subscription gone. */
export async function unlessGone(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (codeOf(error) !== 'MMN_RELEASED' && codeOf(error) !== 'MMN_CLOSED') throw error;
  }
}
