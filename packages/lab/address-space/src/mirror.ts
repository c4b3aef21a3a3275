/**
 * A mirror: one device's shadow page table over one span of one address space, and its subscription.
 *
 * 1. An entry is installed only by `install`, which `publish` runs, and removed only by `invalidate`, by the
 *    device's own migration, and when the mirror closes.
 * 2. Nothing outside the span is ever installed.
 */
import type {
  DriverLock,
  InvalidationRange,
  MaybePromise,
  Span,
  Subscription,
  SubscriptionOps,
} from '@mmu-notifier/core';
import type { Device } from './device.ts';
import type { Mm } from './mm.ts';
import { hex, pageBytes } from './pages.ts';
import { entryAt, entryFlags, entryOffset, ShadowTable } from './shadow-table.ts';

/** See the file's head. Made by `Device.register`. */
export class Mirror implements Span {
  readonly device: Device;
  readonly space: Mm;
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** The pages of the span, as numbers. */
  readonly from: number;
  readonly to: number;
  readonly shadow: ShadowTable = new ShadowTable();
  readonly ops: SubscriptionOps;
  subscription: Subscription | undefined;
  /** From the end of `register` to the beginning of `unregister`. */
  isOpen = false;
  /** From the section that releases it: it never again has anything to tear down. */
  isReleased = false;

  constructor(device: Device, space: Mm, number: number, span: Span, lock: DriverLock | undefined) {
    this.device = device;
    this.space = space;
    this.number = number;
    this.start = span.start;
    this.end = span.end;
    this.from = Math.floor(span.start / pageBytes);
    this.to = Math.ceil(span.end / pageBytes);
    this.ops = {
      invalidate: (range) => this.#invalidate(range),
      owner: device.owner,
      ...(lock === undefined ? {} : { lock }),
      ...(device.waits === 'finish' ? { finish: (range) => this.#finish(range) } : {}),
    };
  }

  /** The entry of an address, as the device would use it. */
  entryAt(address: number): ShadowEntry | undefined {
    const page = Math.floor(address / pageBytes);
    const values = this.shadow.valuesAt(page);
    const at = entryOffset(page);
    if (values === undefined || values[at] === 0) return undefined;
    const flags = values[at + entryAt.flags]!;
    return {
      frame: values[at + entryAt.frame]!,
      version: values[at + entryAt.version]!,
      isWritable: (flags & entryFlags.writable) !== 0,
      isStale: (flags & entryFlags.stale) !== 0,
    };
  }

  toString(): string {
    return `mirror ${this.number} (${hex(this.start)}-${hex(this.end)}) of ${this.device.name}`;
  }

  /** The callback: inside what is timed, so it does nothing that it need not. */
  #invalidate(range: InvalidationRange): MaybePromise<boolean | void> {
    const { device } = this;
    const { callbacks } = device.machine.statistics;
    const misses = range.start >= this.end || range.end <= this.start;
    if (misses || !this.isOpen || this.isReleased || isOwn(range, device.owner)) {
      callbacks.needless++;
      return true;
    }
    callbacks.needed++;
    if (range.event === 'RELEASE') this.isReleased = true;
    if (this.shadow.count === 0) return true;
    const from = Math.floor(range.start / pageBytes);
    const to = Math.ceil(range.end / pageBytes);
    if (device.waits === 'invalidate' && this.shadow.hasAny(from, to)) {
      return range.blockable ? this.#clearLater(from, to) : false;
    }
    this.shadow.clear(from, to);
    return true;
  }

  async #clearLater(from: number, to: number): Promise<boolean> {
    await this.device.sleep();
    this.shadow.clear(from, to);
    return true;
  }

  #finish(range: InvalidationRange): MaybePromise<void> {
    const misses = range.start >= this.end || range.end <= this.start;
    return misses || !range.blockable ? undefined : this.device.sleep();
  }
}

/** An entry of a shadow page table. */
export interface ShadowEntry {
  readonly frame: number;
  readonly version: number;
  readonly isWritable: boolean;
  /** The oracle's judgement. */
  readonly isStale: boolean;
}

function isOwn(range: InvalidationRange, owner: unknown): boolean {
  return (range.event === 'MIGRATE' || range.event === 'EXCLUSIVE') && range.owner === owner;
}
