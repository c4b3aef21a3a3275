/**
 * Random histories of invalidators and devices in one event loop, interleaved step by step, against an oracle of page
 * versions.
 *
 * The memory is a row of pages, each with a version. An invalidator starts a section, gives each page in it a new
 * version and ends it. A device keeps a shadow of its span: for each page the version that it read. The oracle demands:
 *
 *  1. after every step, an entry's version is its page's;
 *  2. when a start has returned, nobody has an entry in its range, and nobody installs one until its end;
 *  3. a section calls exactly the devices that it overlaps and that were subscribed when it started, each once;
 *     one that would block stops at the first that would;
 *  4. nobody is called, and nothing installed, after a close has returned;
 *  5. after every step, `verify()`.
 *
 * The history chooses who takes the next step, so it replays. When nobody can, and somebody has not finished, a wake-up
 * was lost, and that is an error too.
 */
import assert from 'node:assert/strict';
import type { InvalidationRange, MaybePromise, Subscription } from '@mmu-notifier/core';
import * as fc from 'fast-check';
import { eventLoopTurns, now, World, type Kind } from './world.ts';

const pages = 8;

interface Range {
  readonly start: number;
  readonly end: number;
}
type Manner = 'at once' | 'sleeps' | 'rejects';
type Operation =
  | { readonly kind: 'section'; readonly range: Range; readonly isTry: boolean }
  | { readonly kind: 'subscribe'; readonly range: Range; readonly manner: Manner }
  | { readonly kind: 'fault'; readonly which: number; readonly page: number }
  | { readonly kind: 'close'; readonly which: number };

/** What each task does, and which task takes each step. */
export interface History {
  readonly tasks: readonly (readonly Operation[])[];
  readonly choices: readonly number[];
}

/** Who breaks a rule, for the test that the oracle sees it. */
export type Mutant = 'keeps its shadow' | 'installs without publish' | 'changes too late';

const range = fc
  .tuple(fc.nat(pages - 1), fc.nat(pages - 1))
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) + 1 }));
const manner = fc.constantFrom<Manner>('at once', 'at once', 'sleeps', 'sleeps', 'rejects');
const which = fc.nat(9);
const subscribe = fc.record({ kind: fc.constant('subscribe' as const), range, manner });
const section = fc.record({ kind: fc.constant('section' as const), range, isTry: fc.boolean() });
const fault = fc.record({ kind: fc.constant('fault' as const), which, page: fc.nat(pages - 1) });
const close = fc.record({ kind: fc.constant('close' as const), which });
const operation = fc.oneof(
  { weight: 3, arbitrary: section },
  { weight: 2, arbitrary: subscribe },
  { weight: 5, arbitrary: fault },
  { weight: 2, arbitrary: close },
);

/** Histories of up to four tasks, the first of which begins by subscribing. */
export const histories: fc.Arbitrary<History> = fc.record({
  tasks: fc
    .tuple(
      fc.array(subscribe, { minLength: 1, maxLength: 3 }),
      fc.array(fc.array(operation, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
    )
    .map(([first, [second = [], ...others]]) => [[...first, ...second], ...others]),
  choices: fc.array(fc.nat(100), { minLength: 1, maxLength: 50 }),
});

/** What happened, so that a test can say that everything did. */
export const tally = { sections: 0, wouldBlock: 0, failed: 0, published: 0, refused: 0, closed: 0 };

interface Device {
  readonly span: Range;
  readonly subscription: Subscription;
  /** Version by page. */
  readonly shadow: Map<number, number>;
  isClosed: boolean;
}

const isIn = ({ start, end }: Range, page: number): boolean => page >= start && page < end;

/** See the file's head. */
class Play {
  readonly world: World;
  readonly mutant: Mutant | undefined;
  readonly devices: Device[] = [];
  readonly memory: number[] = Array.from({ length: pages }, () => 0);
  /** Ranges of sections whose start has returned. */
  readonly open = new Set<Range>();
  readonly parked: (() => void)[] = [];
  #versions = 0;

  constructor(kind: Kind, mutant: Mutant | undefined) {
    this.world = new World(kind, 64);
    this.mutant = mutant;
  }

  /** Waits until the history chooses this task. */
  step(): Promise<void> {
    return new Promise((resolve) => void this.parked.push(resolve));
  }

  async perform(operation: Operation): Promise<void> {
    if (operation.kind === 'subscribe') return this.subscribe(operation.range, operation.manner);
    if (operation.kind === 'section') return this.section(operation.range, operation.isTry);
    const device = this.devices[operation.which % this.devices.length];
    if (device === undefined || !device.subscription.isOpen) return;
    if (operation.kind === 'close') return this.close(device);
    if (isIn(device.span, operation.page)) await this.fault(device, operation.page);
  }

  subscribe(span: Range, manner: Manner): void {
    const shadow = new Map<number, number>();
    const invalidate = (range: InvalidationRange): MaybePromise<boolean | void> => {
      assert.ok(!device.isClosed, 'called after its close had returned');
      (range.owner as Device[]).push(device);
      if (manner !== 'at once' && !range.blockable) return false;
      const { start, end } = range;
      const tearDown = (): void => {
        if (this.mutant === 'keeps its shadow') return;
        for (const page of shadow.keys()) if (isIn({ start, end }, page)) shadow.delete(page);
      };
      if (manner === 'at once') return tearDown();
      return this.step().then(() => {
        tearDown();
        if (manner === 'rejects') throw new Error('a callback that rejects');
      });
    };
    const subscription = this.world.subscribe(span.start, span.end, { invalidate });
    const device: Device = { span, subscription, shadow, isClosed: false };
    this.devices.push(device);
  }

  async section(range: Range, isTry: boolean): Promise<void> {
    const { notifier } = this.world;
    const called: Device[] = [];
    const hits = this.openDevices().filter(
      ({ span }) => span.start < range.end && range.start < span.end,
    );
    const started = await this.start({ ...range, owner: called }, isTry);
    tally.sections++;
    assert.equal(new Set(called).size, called.length, 'calls somebody twice');
    assert.ok(
      called.every((device) => hits.includes(device)),
      'calls somebody whom it does not hit',
    );
    const mayHaveStopped = isTry && started === undefined;
    assert.ok(mayHaveStopped || called.length === hits.length, 'misses somebody whom it hits');
    if (started === undefined) return;
    for (const { shadow } of this.openDevices()) {
      for (const page of shadow.keys()) assert.ok(!isIn(range, page), 'an entry survives a start');
    }
    this.open.add(range);
    await this.step();
    if (this.mutant !== 'changes too late') this.change(range);
    await this.step();
    this.open.delete(range);
    now(notifier.invalidateRangeEnd(started));
    if (this.mutant !== 'changes too late') return;
    await this.step();
    this.change(range);
  }

  /** `undefined`: it would block, or a callback failed. */
  async start(range: Range & { readonly owner: unknown }, isTry: boolean) {
    const { notifier } = this.world;
    try {
      if (!isTry) return await notifier.invalidateRangeStart(range);
      const started = notifier.tryInvalidateRangeStart(range);
      if (started === undefined) tally.wouldBlock++;
      return started;
    } catch (error) {
      assert.equal((error as { code?: unknown }).code, 'MMN_CALLBACK_FAILED');
      tally.failed++;
      return undefined;
    }
  }

  change({ start, end }: Range): void {
    this.memory.fill(++this.#versions, start, end);
  }

  async fault(device: Device, page: number): Promise<void> {
    const { subscription, shadow } = device;
    try {
      const seq = await subscription.readBegin();
      await this.step();
      const version = this.memory[page]!;
      await this.step();
      const install = async (): Promise<void> => {
        await this.step();
        assert.ok(!device.isClosed, 'installs after its close had returned');
        if (!subscription.isOpen) return;
        for (const range of this.open) assert.ok(!isIn(range, page), 'installs into a section');
        shadow.set(page, version);
      };
      if (this.mutant === 'installs without publish') await install();
      else if (await subscription.publish(seq, install)) tally.published++;
      else tally.refused++;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'MMN_CLOSED') throw error;
    }
  }

  async close(device: Device): Promise<void> {
    await device.subscription.close();
    device.isClosed = true;
    tally.closed++;
  }

  /** Who looks at its shadow: nobody after it began to close. */
  openDevices(): Device[] {
    return this.devices.filter(({ subscription }) => subscription.isOpen);
  }

  check(): void {
    this.world.notifier.verify();
    for (const { shadow } of this.openDevices()) {
      for (const [page, version] of shadow) assert.equal(version, this.memory[page], 'stale entry');
    }
  }
}

/** Plays a history. Throws what the oracle finds. */
export async function play(history: History, kind: Kind, mutant?: Mutant): Promise<void> {
  const game = new Play(kind, mutant);
  let finished = 0;
  let failure: { readonly error: unknown } | undefined;
  for (const operations of history.tasks) {
    const task = async (): Promise<void> => {
      for (const each of operations) {
        await game.step();
        await game.perform(each);
      }
    };
    void task().then(
      () => void finished++,
      (error: unknown) => void (failure ??= { error }),
    );
  }
  for (let turn = 0; finished < history.tasks.length; turn++) {
    assert.ok(game.parked.length > 0, 'somebody waits, and nobody can wake it');
    const choice = history.choices[turn % history.choices.length]! % game.parked.length;
    game.parked.splice(choice, 1)[0]!();
    await eventLoopTurns(kind === 'event-loop' ? 1 : 4);
    if (failure !== undefined) throw failure.error;
    game.check();
  }
}
