/**
 * The oracle: which shadow entries are stale.
 *
 * 1. Every change of a page-table entry after which a device must not use what it read before gives the entry
 *    a new version, and happens in a section that covers it, after its start returned.
 * 2. So an entry whose version is not the page table's is stale: the start that should have torn it down
 *    returned, and then the page changed. Nothing else is.
 * 3. Complete: an entry can become stale only when the page changes under it (`changed`) or by being
 *    installed too late (`installed`), and both are looked at in the step in which they happen.
 */
import type { Mm } from './mm.ts';
import type { Mirror } from './mirror.ts';
import { hex, pageBytes } from './pages.ts';
import type { SectionHistory, SectionRecord } from './sections.ts';
import { entryAt, entryFlags } from './shadow-table.ts';
import type { Statistics } from './statistics.ts';

interface Finding {
  readonly mirror: Mirror;
  readonly page: number;
  readonly beganStep: number;
  readonly readStep: number;
  readonly publishedStep: number;
  readonly foundStep: number;
  readonly section: SectionRecord | undefined;
}

/** See the file's head. */
export class Oracle {
  readonly #statistics: Statistics;
  readonly #history: SectionHistory;
  readonly #step: () => number;
  #first: Finding | undefined;

  constructor(statistics: Statistics, history: SectionHistory, step: () => number) {
    this.#statistics = statistics;
    this.#history = history;
    this.#step = step;
  }

  /** In words, how the first stale entry came to be: who, where, which section, which steps, what was missed. */
  get firstStale(): string | undefined {
    return this.#first === undefined ? undefined : explain(this.#first);
  }

  /** Page-table entries of a range have changed in a section, in this step. */
  changed(mm: Mm, from: number, to: number, section: SectionRecord): void {
    mm.mirrors.visit(from, to, (mirror) => {
      if (mirror.shadow.count > 0) this.#audit(mm, mirror, from, to, section);
    });
  }

  /** A mirror has installed an entry, in this step. */
  installed(mm: Mm, mirror: Mirror, page: number): void {
    this.#audit(mm, mirror, page, page + 1, undefined);
  }

  /** A device has used a stale entry. */
  staleRead(): void {
    this.#statistics.staleReads++;
  }

  /** Every device reads the entries that it has in a range. Returns how many of them were stale. */
  readBack(mm: Mm, from: number, to: number): number {
    let stale = 0;
    mm.mirrors.visit(from, to, (mirror) => {
      mirror.shadow.visit(from, to, (_page, values, at) => {
        if ((values[at + entryAt.flags]! & entryFlags.stale) !== 0) stale++;
      });
    });
    this.#statistics.staleReads += stale;
    return stale;
  }

  /** Compares every entry with the page table: what the marks must agree with. Slow; for tests. */
  recount(mm: Mm): number {
    let stale = 0;
    for (const mirror of mm.mirrors.all) {
      mirror.shadow.visit(0, Infinity, (page, values, at) => {
        if (values[at + entryAt.version] !== mm.pageTable.versionAt(page)) stale++;
      });
    }
    return stale;
  }

  #audit(
    mm: Mm,
    mirror: Mirror,
    from: number,
    to: number,
    section: SectionRecord | undefined,
  ): void {
    mirror.shadow.visit(from, to, (page, values, at) => {
      const flags = values[at + entryAt.flags]!;
      if ((flags & entryFlags.stale) !== 0) return;
      if (values[at + entryAt.version] === mm.pageTable.versionAt(page)) return;
      values[at + entryAt.flags] = flags | entryFlags.stale;
      this.#statistics.staleEntries++;
      const readStep = values[at + entryAt.readStep]!;
      this.#first ??= {
        mirror,
        page,
        beganStep: values[at + entryAt.beganStep]!,
        readStep,
        publishedStep: values[at + entryAt.publishedStep]!,
        foundStep: this.#step(),
        section: section ?? this.#history.lastThatChanged(mm.name, page * pageBytes, readStep),
      };
    });
  }
}

function explain(finding: Finding): string {
  const { mirror, page, beganStep, readStep, publishedStep, foundStep, section } = finding;
  const where = `${hex(page * pageBytes)} of ${mirror.space.name} in ${mirror.toString()}`;
  const fault =
    `its fault called readBegin at step ${beganStep}, read the page at step ${readStep} ` +
    `and published at step ${publishedStep}`;
  if (section === undefined) {
    return `stale entry for ${where}: ${fault}; the page changed in between. Missed: publish should have refused`;
  }
  const ended = section.endedStep === 0 ? 'is open still' : `ended at step ${section.endedStep}`;
  const raised =
    `${section.toString()} was started at step ${section.startCalledStep}, ` +
    `its start returned at step ${section.startReturnedStep}, ` +
    `the page changed at step ${Math.min(section.changedStep, foundStep)}, it ${ended}`;
  const missed =
    publishedStep <= section.startCalledStep
      ? `when the start returned at step ${section.startReturnedStep}, the entry should have been torn down`
      : `at step ${publishedStep} publish should have refused`;
  return `stale entry for ${where}: ${fault}; ${raised}. Missed: ${missed}`;
}
