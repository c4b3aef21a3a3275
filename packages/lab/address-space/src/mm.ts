/**
 * The state of one address space, and the primitives that its operations are made of.
 *
 * 1. Page-table entries of a page that some device may have mirrored change only in a section that covers the
 *    page, after its start returned and before its end is called; whoever changed them calls `changed` in the
 *    same step. Absent to present, and read-only to writable, need no section.
 * 2. Mappings change under the mmap lock, held for write. Page-table entries change under it for read or write,
 *    or without it (reclaim and its like): so an operation that waited looks again at the entries it saw.
 * 3. Lock order: a device's own lock, mmap lock, whatever the notifier takes. Nobody waits for the end of a
 *    section with the mmap lock held, but for callbacks everybody does.
 */
import type { InvalidationEvent, Notifier, Span } from '@mmu-notifier/core';
import { headerWords, Region, RwSemaphore, rwSemaphoreWords } from '@mmu-notifier/sync';
import type { Machine } from './machine.ts';
import { MirrorIndex } from './mirror-index.ts';
import { PageTable } from './page-table.ts';
import { pageBytes, pageOf } from './pages.ts';
import { isPromise, waitFor, type Task } from './scheduler.ts';
import { SectionRecord } from './sections.ts';
import { SpanSet } from './span-set.ts';
import { VmaList } from './vma.ts';

/** A device's attempt to read a page: what tells true collisions from false ones. */
export interface ReadInFlight {
  readonly page: number;
  /** A section that covers the page was open at some time since `readBegin` returned. */
  collided: boolean;
}

/** See the file's head. */
export class Mm {
  readonly machine: Machine;
  readonly name: string;
  readonly notifier: Notifier;
  readonly pageTable: PageTable = new PageTable();
  readonly vmas: VmaList = new VmaList();
  readonly mirrors: MirrorIndex = new MirrorIndex();
  readonly mmapLock: RwSemaphore;
  /** What was mapped once and is no longer: a fault there is refused. */
  readonly unmapped: SpanSet = new SpanSet();
  /** Whose the pages are that a device holds, by page. */
  readonly deviceOwners: Map<number, unknown> = new Map();
  readonly openSections: SectionRecord[] = [];
  readonly reads: Set<ReadInFlight> = new Set();
  /** The end of the heap, in bytes, when it is known. */
  breakEnd: number | undefined;
  /** From the beginning of its exit. */
  isDying = false;

  constructor(machine: Machine, name: string, notifier: Notifier) {
    this.machine = machine;
    this.name = name;
    this.notifier = notifier;
    const byteLength = (headerWords + rwSemaphoreWords) * Int32Array.BYTES_PER_ELEMENT;
    const region = Region.create({ kind: 'mm', capacity: 1, byteLength });
    this.mmapLock = new RwSemaphore(region, headerWords, 'mmap lock');
  }

  /** Starts a section. Others may run before the start is called, and after it returned. */
  *startSection(span: Span, event: InvalidationEvent, owner?: unknown): Task<SectionRecord> {
    yield;
    const section = this.#open(span, event, true, owner);
    try {
      const handle = this.notifier.invalidateRangeStart(section);
      section.handle = isPromise(handle)
        ? yield* waitFor(handle, `the start of ${section.toString()}`)
        : handle;
    } catch (error) {
      this.#close(section);
      throw error;
    }
    this.#started(section);
    yield;
    return section;
  }

  /** Starts a section that must not wait; `undefined`: it would have had to. */
  tryStartSection(span: Span, event: InvalidationEvent): SectionRecord | undefined {
    const section = this.#open(span, event, false, undefined);
    const handle = this.notifier.tryInvalidateRangeStart(section);
    if (handle === undefined) {
      this.machine.statistics.wouldBlock++;
      this.#close(section);
      return undefined;
    }
    section.handle = handle;
    this.#started(section);
    return section;
  }

  /** Ends a section; then every device reads back what it has in the range. */
  *endSection(section: SectionRecord): Task<void> {
    yield;
    const ended = this.notifier.invalidateRangeEnd(section.handle);
    if (isPromise(ended)) yield* waitFor(ended, `the end of ${section.toString()}`);
    section.endedStep = this.machine.scheduler.steps;
    this.#close(section);
    const { machine } = this;
    if (machine.readsBack) {
      machine.oracle.readBack(this, pageOf(section.start), Math.ceil(section.end / pageBytes));
    }
  }

  /** Page-table entries in the range have changed, in this step, in `section`. */
  changed(section: SectionRecord, from: number, to: number): void {
    section.changedStep = this.machine.scheduler.steps;
    this.machine.oracle.changed(this, from, to, section);
  }

  *lockForWrite(): Task<void> {
    yield;
    const locked = this.mmapLock.downWrite();
    if (isPromise(locked)) yield* waitFor(locked, `the mmap lock of ${this.name}, for write`);
  }

  *lockForRead(): Task<void> {
    yield;
    const locked = this.mmapLock.downRead();
    if (isPromise(locked)) yield* waitFor(locked, `the mmap lock of ${this.name}, for read`);
  }

  /** A device began to read a page: `readBegin` has returned. */
  beginRead(page: number): ReadInFlight {
    const address = page * pageBytes;
    const collided = this.openSections.some(
      ({ start, end }) => start < address + pageBytes && address < end,
    );
    const read = { page, collided };
    this.reads.add(read);
    return read;
  }

  endRead(read: ReadInFlight): void {
    this.reads.delete(read);
  }

  #open(
    { start, end }: Span,
    event: InvalidationEvent,
    blockable: boolean,
    owner: unknown,
  ): SectionRecord {
    const { machine } = this;
    const number = ++machine.sectionNumber;
    const section = new SectionRecord(number, this.name, start, end, event, blockable, owner);
    section.startCalledStep = machine.scheduler.steps;
    for (const read of this.reads) {
      const address = read.page * pageBytes;
      if (start < address + pageBytes && address < end) read.collided = true;
    }
    this.openSections.push(section);
    return section;
  }

  #started(section: SectionRecord): void {
    const { machine } = this;
    section.startReturnedStep = machine.scheduler.steps;
    machine.statistics.sections++;
    machine.history.add(section);
  }

  #close(section: SectionRecord): void {
    const { openSections } = this;
    const last = openSections.pop()!;
    if (last !== section) openSections[openSections.indexOf(section)] = last;
  }
}
