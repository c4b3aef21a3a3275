/** Writes down the sections that operations raise. */
import type { Invalidation, MaybePromise, RangeToInvalidate } from '@mmu-notifier/core';
import {
  type AddressSpace,
  Device,
  Machine,
  Scheduler,
  type Task,
} from '@mmu-notifier/address-space';
import { FakeNotifier } from './fake-notifier.ts';
import { page } from './set-up.ts';

/** Where the pages of the tests begin: 1 GiB aligned, so huge pages and directories are at round numbers. */
export const base = 0x1000_0000_0000;

class Spy extends FakeNotifier {
  readonly journal: Journal;
  readonly name: string;

  constructor(journal: Journal, name: string) {
    super();
    this.journal = journal;
    this.name = name;
  }

  override invalidateRangeStart(range: RangeToInvalidate): MaybePromise<Invalidation> {
    this.journal.start(this.name, range, true);
    return super.invalidateRangeStart(range);
  }

  override tryInvalidateRangeStart(range: RangeToInvalidate): Invalidation | undefined {
    this.journal.start(this.name, range, false);
    const handle = super.tryInvalidateRangeStart(range);
    if (handle === undefined) this.journal.refused();
    return handle;
  }

  override invalidateRangeEnd(invalidation: Invalidation): void {
    this.journal.end();
    super.invalidateRangeEnd(invalidation);
  }

  override release(): Promise<void> {
    this.journal.note(`release of ${this.name}`);
    return super.release();
  }
}

export class Journal {
  readonly lines: string[] = [];
  machine: Machine | undefined;
  #depth = 0;

  note(line: string): void {
    this.lines.push('  '.repeat(this.#depth) + line);
  }

  start(name: string, { start, end, event, owner }: RangeToInvalidate, blockable: boolean): void {
    const space = [...(this.machine?.addressSpaces ?? [])].find((each) => each.name === name);
    const held = space?.mmapLock.region.load(space.mmapLock.index) ?? 0;
    const lock = held < 0 ? 'write' : held > 0 ? 'read' : 'none';
    const whole = start === 0 && end === Number.MAX_SAFE_INTEGER;
    const where = whole ? 'everything' : `${(start - base) / page}-${(end - base) / page}`;
    const by = owner instanceof Device ? ` owner ${owner.name}` : '';
    const how = blockable ? '' : ' non-blockable';
    const whose = name === 'mm' ? '' : ` in ${name}`;
    this.note(`${event} ${where} lock ${lock}${how}${by}${whose}`);
    this.#depth++;
  }

  refused(): void {
    this.#depth--;
    this.note('would block');
  }

  end(): void {
    this.#depth--;
  }
}

export interface SpyTest {
  readonly machine: Machine;
  readonly space: AddressSpace;
  readonly scheduler: Scheduler;
  /** Runs a task to its end; its result. */
  run<T>(task: Task<T>): Promise<T>;
  /** Runs a task; the sections it raised, one a line, indented by nesting, pages counted from `base`. */
  raised(task: Task<unknown>): Promise<string[]>;
}

/** An address space named `mm` under a spy. */
export function spyOn(): SpyTest {
  const scheduler = new Scheduler({ seed: 1 });
  const journal = new Journal();
  const machine = new Machine({ scheduler, createNotifier: (name) => new Spy(journal, name) });
  journal.machine = machine;
  const space = machine.createAddressSpace('mm');
  const run = async <T>(task: Task<T>): Promise<T> => {
    const done: { value?: T } = {};
    scheduler.spawn(task, (value) => (done.value = value));
    await scheduler.run();
    machine.verify();
    return done.value as T;
  };
  const raised = async (task: Task<unknown>): Promise<string[]> => {
    journal.lines.length = 0;
    await run(task);
    return [...journal.lines];
  };
  return { machine, space, scheduler, run, raised };
}
