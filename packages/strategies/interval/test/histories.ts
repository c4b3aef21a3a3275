/**
 * Random histories of invalidators and devices in one event loop, interleaved step by step, against an oracle.
 *
 * The memory is a row of pages, each with a version. An invalidator starts a section, gives each page in it a new
 * version and ends it. A device keeps a shadow of its span: for each page the version that it read. The oracle demands,
 * after every step:
 *
 *  1. an entry's version is its page's (a stale entry can only be one that a start, or a publication, let stand);
 *  2. when a start has returned, nobody has an entry in its range, and nobody gets one until its end;
 *  3. a section calls exactly those who were in the tree when it started, each once; one that would block calls a
 *     prefix of them; who is in the tree is told by a model of the epochs: {@link TreeModel};
 *  4. nobody is called when its close has returned;
 *  5. `verify()`.
 *
 * A step is chosen by the history, so it replays; when nobody can go on although somebody has not finished, that is a
 * lost wake-up and an error.
 */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { Invalidation, InvalidationRange, MaybePromise, Seq } from '@mmu-notifier/core';
import type { IntervalSubscription } from '../src/variants.ts';
import { World, type Kind } from './world.ts';

export const pages = 12;

/** What a callback does: tears down at once, before or after sleeping, or not at all. */
type Manner = 'at once' | 'then sleeps' | 'sleeps first' | 'throws' | 'rejects';

interface Range {
  readonly start: number;
  readonly end: number;
}

type Operation =
  | { readonly kind: 'section'; readonly range: Range; readonly isTry: boolean }
  | {
      readonly kind: 'nested';
      readonly outer: Range;
      readonly inner: Range;
      readonly fifo: boolean;
    }
  | {
      readonly kind: 'subscribe';
      readonly range: Range;
      readonly manner: Manner;
      readonly finish: boolean;
    }
  | {
      readonly kind: 'fault';
      readonly which: number;
      readonly page: number;
      readonly slow: boolean;
    }
  | { readonly kind: 'close'; readonly which: number };

/** A history: what each task does, and which task takes each step. */
export interface History {
  readonly tasks: readonly (readonly Operation[])[];
  readonly choices: readonly number[];
}

const range: fc.Arbitrary<Range> = fc
  .tuple(fc.nat(pages - 1), fc.nat(pages - 1))
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) + 1 }));
const manner = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Manner>('at once', 'then sleeps', 'sleeps first') },
  { weight: 1, arbitrary: fc.constantFrom<Manner>('throws', 'rejects') },
);
const subscribe = fc.record({
  kind: fc.constant('subscribe' as const),
  range,
  manner,
  finish: fc.boolean(),
});
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('section' as const), range, isTry: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('nested' as const),
      outer: range,
      inner: range,
      fifo: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: subscribe },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      which: fc.nat(20),
      page: fc.nat(pages - 1),
      slow: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), which: fc.nat(20) }) },
);

/** Histories of up to five tasks; some subscriptions are there from the beginning. */
export const histories: fc.Arbitrary<History> = fc.record({
  tasks: fc
    .tuple(
      fc.array(subscribe, { minLength: 1, maxLength: 4 }),
      fc.array(fc.array(operation, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
    )
    .map(([first, others]) => [first, ...others]),
  choices: fc.array(fc.nat(1_000), { minLength: 1, maxLength: 60 }),
});

/** Who is in the tree: the epochs, said in another way. Spans only; it knows nothing of seq. */
class TreeModel {
  readonly inTree = new Set<Device>();
  readonly #inserting = new Set<Device>();
  readonly #removing = new Set<Device>();
  #active = 0;
  #isFull = false;

  start(range: Range): Device[] {
    this.#active++;
    const hits = [...this.inTree].filter(
      ({ span }) => span.start < range.end && range.start < span.end,
    );
    if (hits.length > 0) this.#isFull = true;
    return hits;
  }

  end(): void {
    if (--this.#active > 0 || !this.#isFull) return;
    this.#isFull = false;
    for (const device of this.#inserting) this.inTree.add(device);
    for (const device of this.#removing) this.inTree.delete(device);
    this.#inserting.clear();
    this.#removing.clear();
  }

  subscribe(device: Device): void {
    if (this.#isFull) {
      this.#inserting.add(device);
      return;
    }
    this.inTree.add(device);
    if (this.#active > 0) this.#isFull = true;
  }

  close(device: Device): void {
    if (this.#inserting.delete(device)) return;
    if (this.#isFull) this.#removing.add(device);
    else this.inTree.delete(device);
  }
}

class Device {
  readonly span: Range;
  readonly manner: Manner;
  readonly shadow = new Map<number, number>();
  subscription!: IntervalSubscription;
  isClosed = false;

  constructor(span: Range, manner: Manner) {
    this.span = span;
    this.manner = manner;
  }

  tearDown({ start, end }: Range): void {
    for (const page of this.shadow.keys()) {
      if (page >= start && page < end) this.shadow.delete(page);
    }
  }
}

/** A section as the oracle sees it. */
interface Watched {
  readonly range: Range;
  readonly hits: readonly Device[];
  readonly called: Device[];
}

/** What a history did, so that a test can say that it did something. */
export interface Tally {
  sections: number;
  wouldBlock: number;
  failed: number;
  published: number;
  refused: number;
  waited: number;
  closed: number;
}

export interface RunOptions {
  readonly kind: Kind;
  /** Breaks a rule, for the test that the oracle sees it. */
  readonly mutant?:
    | 'keeps its shadow'
    | 'installs without publish'
    | 'changes memory outside of sections';
}

/** Runs a history. Throws what the oracle finds. */
export async function runHistory(
  { tasks, choices }: History,
  { kind, mutant }: RunOptions,
  tally: Tally,
): Promise<void> {
  const world = new World(kind, { capacity: 64 });
  const memory = Array.from({ length: pages }, () => 1);
  const model = new TreeModel();
  const devices: Device[] = [];
  const open = new Set<Watched>();
  let version = 1;
  const parked: (() => void)[] = [];
  const step = (): Promise<void> => new Promise((resolve) => void parked.push(resolve));

  const add = ({
    range: span,
    manner,
    finish,
  }: Extract<Operation, { kind: 'subscribe' }>): void => {
    const device = new Device(span, manner);
    devices.push(device);
    const invalidate = (told: InvalidationRange) => {
      assert.ok(!device.isClosed, 'called when its close had returned');
      const watched = told.owner as Watched;
      watched.called.push(device);
      assert.deepEqual({ start: told.start, end: told.end }, watched.range);
      const { start, end, blockable } = told;
      const tearDown = (): void => {
        if (mutant !== 'keeps its shadow') device.tearDown({ start, end });
      };
      return callBack(device.manner, blockable, tearDown);
    };
    model.subscribe(device);
    device.subscription = world.subscribe(span.start, span.end, {
      invalidate,
      ...(finish ? { finish: ({ blockable }) => (blockable ? step() : undefined) } : {}),
    });
  };

  const callBack = (
    manner: Manner,
    blockable: boolean,
    tearDown: () => void,
  ): MaybePromise<boolean | void> => {
    if (manner === 'throws') throw new Error('a callback that throws');
    if (manner === 'at once') return tearDown();
    if (!blockable) return false;
    if (manner === 'rejects') return step().then(() => Promise.reject(new Error('and rejects')));
    if (manner === 'sleeps first') return step().then(tearDown);
    tearDown();
    return step();
  };

  /** Starts a section and checks who was called; `undefined`: would block, or a callback failed. */
  const start = async (
    range: Range,
    isTry: boolean,
  ): Promise<[Invalidation, Watched] | undefined> => {
    const watched: Watched = { range, hits: model.start(range), called: [] };
    tally.sections++;
    let started: MaybePromise<Invalidation | undefined>;
    let failure: unknown;
    try {
      const { notifier } = world;
      const toStart = { ...range, owner: watched }; // by which callbacks tell sections apart
      started = isTry
        ? notifier.tryInvalidateRangeStart(toStart)
        : notifier.invalidateRangeStart(toStart);
      if (started instanceof Promise) started = await started;
    } catch (error) {
      failure = error;
    }
    // A try stops at the one that would block, also when another one failed before.
    checkCalls(watched, isTry && started === undefined);
    if (failure !== undefined || started === undefined) {
      model.end();
      if (failure === undefined) tally.wouldBlock++;
      else tally.failed++;
      const { code } = (failure ?? {}) as { code?: string };
      assert.ok(failure === undefined || code === 'MMN_CALLBACK_FAILED', String(failure));
      return undefined;
    }
    for (const { shadow } of devices) {
      for (const page of shadow.keys()) {
        assert.ok(
          page < range.start || page >= range.end,
          'an entry is left when start has returned',
        );
      }
    }
    open.add(watched);
    return [started as Invalidation, watched];
  };

  const end = async ([invalidation, watched]: [Invalidation, Watched]): Promise<void> => {
    open.delete(watched);
    model.end();
    await world.notifier.invalidateRangeEnd(invalidation);
  };

  const change = ({ start, end }: Range): void => {
    version++;
    for (let page = start; page < end; page++) memory[page] = version;
  };

  const fault = async (device: Device, page: number, isSlow: boolean): Promise<void> => {
    if (page < device.span.start || page >= device.span.end) return;
    const begun = device.subscription.readBegin();
    if (begun instanceof Promise) tally.waited++;
    const seq = (await begun) as Seq;
    await step();
    const read = memory[page]!;
    await step();
    const install = (): MaybePromise<void> => {
      assert.ok(!device.isClosed, 'published when its close had returned');
      for (const { range } of open) {
        assert.ok(page < range.start || page >= range.end, 'published in an open section');
      }
      device.shadow.set(page, read);
      return isSlow ? step() : undefined;
    };
    if (mutant === 'installs without publish') {
      await install();
      return;
    }
    if (await device.subscription.publish(seq, install)) tally.published++;
    else tally.refused++;
  };

  const perform = async (operation: Operation): Promise<void> => {
    if (operation.kind === 'subscribe') {
      add(operation);
      return;
    }
    if (operation.kind === 'section') {
      const started = await start(operation.range, operation.isTry);
      if (mutant === 'changes memory outside of sections') change(operation.range);
      if (started === undefined) return;
      await step();
      change(operation.range);
      await step();
      await end(started);
      return;
    }
    if (operation.kind === 'nested') {
      const outer = await start(operation.outer, false);
      await step();
      const inner = await start(operation.inner, false);
      await step();
      for (const one of [outer, inner]) if (one !== undefined) change(one[1].range);
      await step();
      const both = operation.fifo ? [outer, inner] : [inner, outer];
      for (const one of both) {
        if (one !== undefined) await end(one);
        await step();
      }
      return;
    }
    const device = devices[operation.which % devices.length];
    if (device === undefined) return;
    if (operation.kind === 'fault') {
      await fault(device, operation.page, operation.slow).catch((error: unknown) => {
        if ((error as { code?: unknown }).code !== 'MMN_CLOSED') throw error;
      });
      return;
    }
    if (!device.subscription.isOpen) return;
    model.close(device);
    device.shadow.clear();
    await device.subscription.close();
    device.isClosed = true;
    device.shadow.clear();
    tally.closed++;
  };

  let finished = 0;
  let failed: { readonly error: unknown } | undefined;
  for (const operations of tasks) {
    void (async () => {
      for (const operation of operations) {
        await step();
        await perform(operation);
      }
    })().then(
      () => void finished++,
      (error: unknown) => void (failed ??= { error }),
    );
  }
  for (let turn = 0; finished < tasks.length; turn++) {
    assert.ok(parked.length > 0, 'somebody waits, and nobody can wake it');
    const choice = choices[turn % choices.length]! % parked.length;
    parked.splice(choice, 1)[0]!();
    await settle(kind);
    if (failed !== undefined) throw failed.error;
    for (const { shadow, subscription } of devices) {
      if (!subscription.isOpen) continue;
      for (const [page, read] of shadow) assert.equal(read, memory[page], 'a stale entry');
    }
    world.verify();
  }
  assert.equal(world.words.active, 0);
  assert.equal(world.notifier.state.tree.size, model.inTree.size);
}

/** Every hit is called once, in order of start, if the walk did not stop before. */
function checkCalls({ hits, called }: Watched, mayHaveStopped: boolean): void {
  assert.equal(new Set(called).size, called.length, 'called twice');
  const starts = called.map(({ span }) => span.start);
  assert.deepEqual(
    starts,
    [...starts].sort((a, b) => a - b),
  );
  for (const device of called) assert.ok(hits.includes(device), 'called although it was not hit');
  if (!mayHaveStopped) assert.equal(called.length, hits.length, 'a hit was missed');
}

/** Lets everything go on that can, which in shared memory takes turns of the event loop. */
async function settle(kind: Kind): Promise<void> {
  if (kind === 'event-loop') {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    return;
  }
  for (let turn = 0; turn < 4; turn++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
