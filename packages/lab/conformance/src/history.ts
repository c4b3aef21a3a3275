/**
 * Random histories of invalidators and devices in one event loop, interleaved step by step, against an oracle of page
 * versions.
 *
 * The memory is a row of pages, each with a version. An invalidator starts a section, gives each page in it a new
 * version and ends it. A device keeps a shadow of its span: for each page the version that it read. The oracle demands:
 *
 *  1. after every step, an entry's version is its page's;                                              [R2]
 *  2. when a start has returned, nobody has an entry in its range, and nobody installs one until its end;   [S1] [S5]
 *  3. a section calls nobody twice, nobody whom it need not, and everybody whom it must: who was subscribed when it
 *     started and is still open when it returns; while changes are deferred, newcomers may be left out;    [S1] [S3]
 *  4. nobody is called, and nothing installed, after a close has returned;                              [U1]
 *  5. after every step, `verify()`.
 *
 * The history chooses who takes the next step, so it replays. When nobody can, and somebody has not finished, a wake-up
 * was lost, and that is an error too.
 */
import {
  codeOf,
  overlaps,
  type Invalidation,
  type InvalidationRange,
  type MaybePromise,
  type Span,
  type Strategy,
  type Subscription,
} from '@mmu-notifier/core';
import { delay } from '@mmu-notifier/sync';
import { check, equal, fail } from './check.ts';
import type { Mode } from './subject.ts';
import { turns } from './turns.ts';
import { World } from './world.ts';

/** How a device's `invalidate` behaves. */
export type Manner = 'at once' | 'sleeps' | 'rejects';

/** What a task does. `which` counts devices in the order of their subscribing, and again from the first. */
export type Operation =
  | {
      readonly kind: 'section';
      readonly start: number;
      readonly end: number;
      readonly isTry: boolean;
    }
  | {
      readonly kind: 'subscribe';
      readonly start: number;
      readonly end: number;
      readonly manner: Manner;
    }
  | { readonly kind: 'fault'; readonly which: number; readonly page: number }
  | { readonly kind: 'close'; readonly which: number };

/** What each task does, and which task takes each step: the choices are used again from the first when they are spent. */
export interface History {
  readonly tasks: readonly (readonly Operation[])[];
  readonly choices: readonly number[];
}

/** Pages of the memory. */
export const pageCount = 8;
/** Room for subscriptions. */
const capacity = 64;
/** How long nobody may be able to go on. A strategy with timers of its own gets this many milliseconds. */
const patienceDelays = 20;

interface Device {
  readonly span: Span;
  /** Version by page. */
  readonly shadow: Map<number, number>;
  subscription: Subscription | undefined;
  /** Made while sections were open, under deferred changes: those need not call it. */
  isNew: boolean;
  isClosed: boolean;
}

const isIn = ({ start, end }: Span, page: number): boolean => page >= start && page < end;

/** See the file's head. */
class Play {
  readonly world: World;
  readonly devices: Device[] = [];
  readonly memory: number[] = Array.from({ length: pageCount }, () => 0);
  /** Ranges of sections whose start has returned. */
  readonly open = new Set<Span>();
  readonly parked: (() => void)[] = [];
  #versions = 0;
  /** Sections from the call of their start to the return of their end. */
  #sections = 0;

  constructor(world: World) {
    this.world = world;
  }

  /** Waits until the history chooses this task. */
  step(): Promise<void> {
    return new Promise((resolve) => void this.parked.push(resolve));
  }

  async perform(operation: Operation): Promise<void> {
    if (operation.kind === 'subscribe') return this.subscribe(operation, operation.manner);
    if (operation.kind === 'section') return this.section(operation, operation.isTry);
    const device = this.devices[operation.which % this.devices.length];
    if (device?.subscription?.isOpen !== true) return;
    if (operation.kind === 'close') return this.close(device, device.subscription);
    if (isIn(device.span, operation.page)) {
      await this.fault(device, device.subscription, operation.page);
    }
  }

  async subscribe({ start, end }: Span, manner: Manner): Promise<void> {
    const span = { start, end };
    const shadow = new Map<number, number>();
    const { defersChanges } = this.world.subject.traits;
    const isNew = defersChanges && this.#sections > 0;
    const device: Device = { span, shadow, subscription: undefined, isNew, isClosed: false };
    const invalidate = (range: InvalidationRange): MaybePromise<boolean | void> => {
      check(!device.isClosed, 'nobody to be called whose close had returned');
      (range.owner as Device[] | undefined)?.push(device); // none: a worker calls, the section is over
      if (manner !== 'at once' && !range.blockable) return false;
      const torn = { start: range.start, end: range.end };
      const tearDown = (): void => {
        for (const page of shadow.keys()) if (isIn(torn, page)) shadow.delete(page);
      };
      if (manner === 'at once') return tearDown();
      return this.step().then(() => {
        tearDown();
        if (manner === 'rejects') throw new Error('a callback that rejects');
      });
    };
    const ops = this.world.opsFor({ invalidate });
    device.subscription = await this.world.notifier.subscribe(span, ops);
    this.devices.push(device);
  }

  async section({ start, end }: Span, isTry: boolean): Promise<void> {
    const range = { start, end };
    const called: Device[] = [];
    const { filtersByRange } = this.world.subject.traits;
    const concerns = ({ span }: Device): boolean => !filtersByRange || overlaps(span, range);
    const must = this.openDevices().filter((device) => concerns(device) && !device.isNew);
    this.#sections++;
    const started = await this.start({ ...range, owner: called }, isTry);
    equal(new Set(called).size, called.length, 'different subscriptions among the called');
    check(called.every(concerns), 'nobody to be called whom the section misses');
    if (started !== undefined || !isTry) {
      for (const device of must) {
        const isMissed = device.subscription!.isOpen && !called.includes(device);
        check(!isMissed, `[${device.span.start}, ${device.span.end}) to be called`);
      }
    }
    if (started === undefined) return this.#ended();
    for (const { shadow } of this.openDevices()) {
      for (const page of shadow.keys()) check(!isIn(range, page), 'no entry to survive a start');
    }
    this.open.add(range);
    await this.step();
    this.memory.fill(++this.#versions, start, end);
    await this.step();
    this.open.delete(range);
    await this.world.notifier.invalidateRangeEnd(started);
    this.#ended();
  }

  /** `undefined`: it would block, or a callback failed. */
  async start(
    range: Span & { readonly owner: unknown },
    isTry: boolean,
  ): Promise<Invalidation | undefined> {
    const { notifier } = this.world;
    try {
      if (!isTry) return await notifier.invalidateRangeStart(range);
      return notifier.tryInvalidateRangeStart(range);
    } catch (error) {
      if (codeOf(error) !== 'MMN_CALLBACK_FAILED') throw error;
      const isOurs = (error as Error).cause instanceof Error && (error as Error).cause;
      if ((isOurs as Error).name === 'AssertionError') throw (error as Error).cause;
      return undefined;
    }
  }

  async fault(device: Device, subscription: Subscription, page: number): Promise<void> {
    try {
      const seq = await subscription.readBegin();
      await this.step();
      const version = this.memory[page]!;
      await this.step();
      const install = async (): Promise<void> => {
        await this.step();
        check(!device.isClosed, 'nothing to be installed after a close had returned');
        if (!subscription.isOpen) return;
        for (const range of this.open) check(!isIn(range, page), 'no install into a section');
        device.shadow.set(page, version);
      };
      await subscription.publish(seq, install);
    } catch (error) {
      if (codeOf(error) !== 'MMN_CLOSED') throw error;
    }
  }

  async close(device: Device, subscription: Subscription): Promise<void> {
    await subscription.close();
    device.isClosed = true;
  }

  /** Who looks at its shadow: nobody after it began to close. */
  openDevices(): Device[] {
    return this.devices.filter(({ subscription }) => subscription!.isOpen);
  }

  check(): void {
    this.world.notifier.verify();
    for (const { shadow } of this.openDevices()) {
      for (const [page, version] of shadow) {
        equal(version, this.memory[page], `the version of page ${page} in a shadow`);
      }
    }
  }

  #ended(): void {
    this.#sections--;
    if (this.#sections === 0) for (const device of this.devices) device.isNew = false;
  }
}

/** Plays a history in a world of its own. Throws what the oracle finds. */
export async function playIn(world: World, history: History): Promise<void> {
  const game = new Play(world.another(capacity));
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
  for (let at = 0; finished < history.tasks.length; at++) {
    for (let time = 0; time < patienceDelays && game.parked.length === 0; time++) await delay(1);
    if (game.parked.length === 0) fail('somebody waits, and nobody can wake it: a lost wake-up');
    const choice = history.choices[at % history.choices.length]! % game.parked.length;
    game.parked.splice(choice, 1)[0]!();
    await turns(world.mode === 'event-loop' ? 1 : 3);
    if (failure !== undefined) throw failure.error;
    game.check();
  }
}

/** Which variant of a strategy a history is played on, and in which memory. */
export interface PlayOptions {
  readonly variant?: string;
  readonly mode?: Mode;
}

/** Plays a history, such as one that the kit printed. Throws what the oracle finds. */
export async function play(
  strategy: Strategy,
  history: History,
  { variant = strategy.variants[0]!, mode = 'event-loop' }: PlayOptions = {},
): Promise<void> {
  const traits = strategy.traits(variant);
  const rest = { agents: undefined, composed: undefined, seed: 1, effort: 1 };
  await playIn(new World({ strategy, variant, traits, ...rest }, mode), history);
}
