/**
 * A simulated address space and devices on it, for random histories.
 *
 * 1. Tasks run concurrently in one event loop. Each waits at `pause` until the history chooses it; a callback
 *    that pauses keeps its section, its lock and its walk waiting, as one that sleeps does.
 * 2. Pages have versions, which change only within an open section. A device's shadow holds versions that were read
 *    and published. The oracle, after every step: no shadow holds an old version, none holds any of a page that an
 *    open section covers, and the notifier's own `verify` agrees.
 */
import { codeOf, type Invalidation, type Span, type SubscriptionOps } from '@mmu-notifier/core';
import type { HlistNotifier, HlistSubscription } from '../src/index.ts';
import { now, turn } from './support.ts';

export const pages = 6;
const pageSize = 4096;

/** What a history consists of; all numbers are taken modulo what there is. */
export type Command =
  | { readonly kind: 'subscribe'; readonly mood: Mood }
  | { readonly kind: 'close'; readonly device: number }
  | { readonly kind: 'fault'; readonly device: number; readonly page: number }
  | { readonly kind: 'invalidate'; readonly range: Range; readonly nested?: Range }
  | { readonly kind: 'abort'; readonly range: Range }
  | { readonly kind: 'try'; readonly range: Range };

/** How a device answers. */
export type Mood = 'prompt' | 'slow' | 'reluctant' | 'broken' | 'twoPass';

/** Pages, from the first, how many. */
export type Range = readonly [first: number, count: number];

interface Device {
  readonly mood: Mood;
  readonly shadow: Map<number, number>;
  subscription: HlistSubscription | undefined;
  isClosed: boolean;
}

/** See the file's head. */
export class Simulation {
  readonly #notifier: HlistNotifier;
  readonly #versions: number[] = Array.from({ length: pages }, () => 0);
  readonly #devices: Device[] = [];
  readonly #open = new Set<Span>();
  /** What the history may choose: to let somebody go on. */
  readonly #choices: (() => void)[] = [];
  #running = 0;
  #failure: unknown;
  #opsId = 0;
  /** What happened, so that a test can tell that anything did. */
  readonly counts = {
    published: 0,
    refused: 0,
    invalidated: 0,
    wouldBlock: 0,
    failed: 0,
    aborted: 0,
  };

  constructor(notifier: HlistNotifier) {
    this.#notifier = notifier;
  }

  /** Runs a history to its end: `choices` says when commands begin and who goes on. */
  async run(commands: readonly Command[], choices: readonly number[]): Promise<void> {
    const left = [...commands];
    // The choices may outlast the tasks: a callback that an aborted section left behind goes on too.
    for (let step = 0; left.length + this.#running + this.#choices.length > 0; step++) {
      const choice = choices[step % choices.length]!;
      const options = this.#choices.length + (left.length > 0 ? 1 : 0);
      if (options === 0) throw new Error(`${this.#running} tasks wait for ever`);
      const chosen = choice % options;
      if (chosen === this.#choices.length) this.#start(left.shift()!);
      else this.#choices.splice(chosen, 1)[0]!();
      await this.#settle();
      this.#check();
    }
    for (const device of this.#devices) await this.#expectUsable(device);
    await this.#notifier.release();
    for (const { shadow } of this.#devices) {
      if (shadow.size > 0) throw new Error('a shadow entry outlived its subscription');
    }
    this.#notifier.verify();
  }

  /** In shared memory a wake takes several turns of the event loop to arrive. */
  async #settle(): Promise<void> {
    for (let turns = 0; turns < 1 || (turns < 20 && this.#isIdle()); turns++) await turn();
  }

  #isIdle(): boolean {
    return this.#choices.length === 0 && this.#running > 0;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#choices.push(resolve));
  }

  #start(command: Command): void {
    this.#running++;
    void this.#do(command)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#running--;
      });
  }

  async #do(command: Command): Promise<void> {
    switch (command.kind) {
      case 'subscribe':
        return this.#subscribe(command.mood);
      case 'close':
        return this.#close(command.device);
      case 'fault':
        return this.#fault(command.device, command.page % pages);
      case 'invalidate':
        return this.#invalidate(spanOf(command.range), command.nested);
      case 'abort':
        return this.#abort(spanOf(command.range));
      case 'try':
        return this.#try(spanOf(command.range));
    }
  }

  async #subscribe(mood: Mood): Promise<void> {
    const device: Device = { mood, shadow: new Map(), subscription: undefined, isClosed: false };
    const ops = this.#opsOf(device);
    const id = this.#opsId++;
    this.#notifier.registerOps(id, ops);
    device.subscription = await this.#notifier.subscribe({ start: 0, end: pages * pageSize }, id);
    this.#devices.push(device);
  }

  #opsOf(device: Device): SubscriptionOps {
    const { mood, shadow } = device;
    const tearDown = ({ start, end }: Span): void => {
      if (device.isClosed) throw new Error('a callback ran after close had returned');
      for (const page of shadow.keys()) {
        if (page * pageSize >= start && page * pageSize < end) shadow.delete(page);
      }
    };
    let calls = 0;
    return {
      invalidate: (range) => {
        calls++;
        if (device.isClosed) this.#failure ??= new Error('a callback ran after close');
        if (mood === 'broken' && range.event !== 'RELEASE' && calls % 3 === 0) {
          throw new Error('broken device');
        }
        if (!range.blockable && mood === 'reluctant') return false;
        if (!range.blockable || range.event === 'RELEASE' || mood === 'prompt') {
          tearDown(range);
          return true;
        }
        return this.#pause().then(() => tearDown(range));
      },
      ...(mood === 'twoPass' && {
        finish: ({ blockable, event }) =>
          blockable && event !== 'RELEASE' ? this.#pause() : undefined,
      }),
    };
  }

  async #close(index: number): Promise<void> {
    const device = this.#devices[index % Math.max(this.#devices.length, 1)];
    await device?.subscription!.close();
    if (device === undefined) return;
    device.isClosed = true;
    device.shadow.clear(); // for good: no publication is on its way any more
  }

  async #fault(index: number, page: number): Promise<void> {
    const device = this.#devices[index % Math.max(this.#devices.length, 1)];
    if (device === undefined) return;
    for (let attempt = 0; attempt < 4; attempt++) {
      try {
        const subscription = device.subscription!;
        const seq = await subscription.readBegin();
        await this.#pause();
        const version = this.#versions[page]!;
        await this.#pause();
        const install = (): void => void device.shadow.set(page, version);
        const isSlow = attempt % 2 === 1;
        const published = await subscription.publish(
          seq,
          isSlow ? () => this.#pause().then(install) : install,
        );
        if (published) {
          this.counts.published++;
          return;
        }
        this.counts.refused++;
      } catch (error) {
        if (codeOf(error) === 'MMN_CLOSED') return;
        throw error;
      }
    }
  }

  async #invalidate(span: Span, nested: Range | undefined): Promise<void> {
    const section = await this.#begin(() => this.#notifier.invalidateRangeStart(span), span);
    if (section === undefined) return;
    await this.#pause();
    if (nested !== undefined) await this.#invalidate(spanOf(nested), undefined);
    this.#change(span);
    await this.#pause();
    this.#open.delete(span);
    await this.#notifier.invalidateRangeEnd(section);
    this.counts.invalidated++;
  }

  async #abort(span: Span): Promise<void> {
    const controller = new AbortController();
    this.#choices.push(() => controller.abort());
    try {
      const section = await this.#begin(
        () => this.#notifier.invalidateRangeStart(span, controller.signal),
        span,
      );
      if (section === undefined) return;
      this.#change(span);
      this.#open.delete(span);
      await this.#notifier.invalidateRangeEnd(section);
    } catch (error) {
      if (error !== controller.signal.reason) throw error;
      this.counts.aborted++;
    }
  }

  async #try(span: Span): Promise<void> {
    const section = await this.#begin(() => this.#notifier.tryInvalidateRangeStart(span), span);
    if (section === undefined) {
      this.counts.wouldBlock++;
      return;
    }
    this.#change(span);
    await this.#pause();
    this.#open.delete(span);
    await this.#notifier.invalidateRangeEnd(section);
  }

  async #begin(
    start: () => Invalidation | undefined | Promise<Invalidation>,
    span: Span,
  ): Promise<Invalidation | undefined> {
    try {
      const section = await start();
      if (section !== undefined) this.#open.add(span);
      return section;
    } catch (error) {
      if (codeOf(error) !== 'MMN_CALLBACK_FAILED') throw error;
      this.counts.failed++;
      return undefined;
    }
  }

  #change({ start, end }: Span): void {
    for (let page = start / pageSize; page * pageSize < end; page++) {
      this.#versions[page] = this.#versions[page]! + 1;
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#notifier.verify();
    for (const [index, { shadow, subscription }] of this.#devices.entries()) {
      if (!subscription!.isOpen) continue; // from the moment it closes, nobody tears down for it any more
      for (const [page, version] of shadow) {
        const current = this.#versions[page];
        if (version !== current) {
          throw new Error(`device ${index}: page ${page} is stale: ${version} is not ${current}`);
        }
        for (const { start, end } of this.#open) {
          if (page * pageSize >= start && page * pageSize < end) {
            throw new Error(`device ${index}: page ${page} is mapped in an open section`);
          }
        }
      }
    }
  }

  /** Nobody is at work any more: a read and a publication succeed at once. */
  async #expectUsable({ subscription, isClosed }: Device): Promise<void> {
    if (isClosed) return;
    const isPublished = await subscription!.publish(now(subscription!.readBegin()), () => {});
    if (!isPublished) throw new Error('a publication was refused though nobody invalidates');
  }
}

function spanOf([first, count]: Range): Span {
  const start = first % pages;
  const end = Math.min(start + 1 + (count % pages), pages);
  return { start: start * pageSize, end: end * pageSize };
}
