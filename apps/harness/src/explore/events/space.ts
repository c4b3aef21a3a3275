/**
 * An address space of three pages, and a judge who sees everything that happens to it and to the devices that shadow it.
 *
 * 1. A page's entry is the number of its contents; it goes up when the page changes. A device's shadow entry is the
 *    number that it read. Whenever a page changes or an entry is installed, an entry of an open subscription must be
 *    what the page table says.                                                                              [R2]
 * 2. When close has begun, nothing is installed that waited; when it has returned, no callback runs.         [U1]
 * 3. Whoever is subscribed when the address space dies is told of it once, and holds nothing from then on; nobody else
 *    comes after.                                                                                            [L1]
 * 4. A section calls a device at most once, and one elsewhere not at all if the strategy filters by range.   [S2]
 * 5. A fault succeeds in one of its attempts, unless a section touched its page meanwhile.
 *
 * Each violation has a shape, which says what was missed, in few words: see {@link Finding}.
 */
import type { Notifier, Span } from '@mmu-notifier/core';
import { codeOf, overlaps } from '@mmu-notifier/core';
import type { EventWorld } from '@mmu-notifier/explorer';
import type { Device } from './device.ts';

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

/** Where the page is. */
export const pageSpan: Span = { start: 0x1000, end: 0x2000 };

/** Which page of a {@link Space}. */
export type PageName = 'page' | 'elsewhere' | 'below';

/** A section, in the judge's time: undefined is yet to come. */
export interface SectionRecord {
  readonly name: string;
  readonly span: Span;
  readonly startedAt: number;
  openedAt?: number;
  /** Its end has begun. */
  endingAt?: number;
  endedAt?: number;
}

/** See the file's head. */
export class Space {
  readonly page: Page = { name: 'the page', ...pageSpan, pte: 1 };
  /** Never changes in a situation that does not say so. */
  readonly elsewhere: Page = { name: 'the page elsewhere', start: 0x400000, end: 0x401000, pte: 1 };
  /** Ends where the page begins. */
  readonly below: Page = { name: 'the page below', start: 0, end: 0x1000, pte: 1 };
  readonly notifier: Notifier;
  /** Somebody else refuses every start that may not wait. */
  isRefusedByOthers = false;
  readonly world: EventWorld;
  readonly devices: Device[] = [];
  readonly sections: SectionRecord[] = [];
  isReleased = false;
  /** While a task that is being killed starts a section. */
  isKilled = false;
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
      ({ span: of, endedAt = Infinity }) => overlaps(of, span) && endedAt > since,
    );
  }

  /** The section over it that is starting, if there is one and no other. */
  starting(span: Span): SectionRecord | undefined {
    const starting = this.sections.filter(
      ({ span: of, openedAt, endedAt }) =>
        overlaps(of, span) && openedAt === undefined && endedAt === undefined,
    );
    return starting.length === 1 ? starting[0] : undefined;
  }

  /** The sections over it that are open. */
  openOver(span: Span): SectionRecord[] {
    return this.sections.filter(
      ({ span: of, openedAt, endingAt }) =>
        overlaps(of, span) && openedAt !== undefined && endingAt === undefined,
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

/** Runs something that may find the address space or the subscription gone. */
export async function unlessGone(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (codeOf(error) !== 'MMN_RELEASED' && codeOf(error) !== 'MMN_CLOSED') throw error;
  }
}
