/**
 * Checks what events.ts promises of a stream, whoever made it.
 */
import { pageBytes, type DeviceAccessEvent, type MemoryEvent } from './events.ts';

/** A promise that an event breaks. */
export interface Violation {
  /** The event's place in the stream. */
  readonly index: number;
  readonly message: string;
}

/**
 * Checks a stream: order, times, ranges, threads, lives of address spaces and of registrations.
 *
 * @param violationsMax stop after so many
 * @returns what is wrong, in the stream's order; empty when all holds
 */
export function validate(events: readonly MemoryEvent[], violationsMax = 20): Violation[] {
  const checker = new Checker();
  for (const [index, event] of events.entries()) {
    checker.check(event, index);
    if (checker.violations.length >= violationsMax) break;
  }
  return checker.violations.slice(0, violationsMax);
}

interface Registration {
  readonly device: number;
  readonly process: number;
  readonly address: number;
  readonly length: number;
  live: boolean;
}

class Checker {
  readonly violations: Violation[] = [];
  #index = 0;
  #lastBeginNs = 0;
  /** By thread: the end of what it does. */
  readonly #busyUntilNs = new Map<number, number>();
  /** By process: when its address space is complete, and whether it has ended. */
  readonly #spaces = new Map<number, { fromNs: number; ended: boolean }>();
  readonly #registrations = new Map<number, Registration>();

  check(event: MemoryEvent, index: number): void {
    this.#index = index;
    this.#checkTimes(event);
    this.#checkRange(event);
    this.#checkSpace(event);
    switch (event.kind) {
      case 'deviceRegister': {
        const { registration, device, process, address, length } = event;
        if (this.#registrations.has(registration))
          this.#report(`registration ${registration} again`);
        this.#registrations.set(registration, { device, process, address, length, live: true });
        break;
      }
      case 'deviceUnregister': {
        const known = this.#registered(event.registration, event.device, event.process);
        if (known === undefined) break;
        if (known.address !== event.address || known.length !== event.length) {
          this.#report(`registration ${event.registration} ends with another range`);
        }
        known.live = false;
        break;
      }
      case 'deviceAccess':
        this.#checkAccess(event);
        break;
      default:
    }
  }

  #report(message: string): void {
    this.violations.push({ index: this.#index, message });
  }

  #checkTimes({ kind, thread, beginNs, endNs }: MemoryEvent): void {
    if (!isNatural(beginNs) || !isNatural(endNs) || endNs < beginNs) {
      this.#report(`${kind} lasts from ${beginNs} to ${endNs} ns`);
    }
    if (beginNs < this.#lastBeginNs) this.#report(`${kind} begins before the event in front of it`);
    this.#lastBeginNs = beginNs;
    const busyUntilNs = this.#busyUntilNs.get(thread) ?? 0;
    if (endNs > beginNs && beginNs < busyUntilNs) {
      this.#report(`thread ${thread} begins ${kind} before it ends what it does`);
    }
    if (endNs > busyUntilNs) this.#busyUntilNs.set(thread, endNs);
  }

  #checkRange(event: MemoryEvent): void {
    if (event.kind === 'mremap') {
      this.#checkPages(event.address, event.oldLength, true);
      this.#checkPages(event.newAddress, event.newLength, false);
    } else if ('length' in event) this.#checkPages(event.address, event.length, false);
    else if ('address' in event && !isNatural(event.address)) {
      this.#report(`${event.kind} at address ${event.address}`);
    }
  }

  #checkPages(address: number, length: number, mayBeEmpty: boolean): void {
    const empty = length === 0 && !mayBeEmpty;
    if (!isNatural(address) || !isNatural(length) || !isNatural(address + length) || empty) {
      this.#report(`range of ${length} bytes at ${address}`);
    } else if (address % pageBytes !== 0 || length % pageBytes !== 0) {
      this.#report(`range of ${length} bytes at ${address} is not of whole pages`);
    }
  }

  #checkSpace(event: MemoryEvent): void {
    const { kind, process, beginNs } = event;
    let space = this.#spaces.get(process);
    if (space === undefined || (kind === 'exec' && event.previous !== process)) {
      if (space?.ended === false) this.#report(`exec makes process ${process}, which exists`);
      space = { fromNs: 0, ended: false };
      this.#spaces.set(process, space);
    }
    if (space.ended) this.#report(`${kind} in process ${process}, which has ended`);
    if (beginNs < space.fromNs) this.#report(`${kind} in process ${process} before it is complete`);
    if (kind === 'exit') space.ended = true;
    if (kind !== 'fork') return;
    if (this.#spaces.get(event.child)?.ended === false) {
      this.#report(`fork makes process ${event.child}, which exists`);
    }
    this.#spaces.set(event.child, { fromNs: event.endNs, ended: false });
  }

  #checkAccess({ registration, device, process, address }: DeviceAccessEvent): void {
    const known = this.#registered(registration, device, process);
    if (known === undefined) return;
    if (address < known.address || address >= known.address + known.length) {
      this.#report(`device ${device} touches ${address} outside registration ${registration}`);
    }
  }

  #registered(registration: number, device: number, process: number): Registration | undefined {
    const known = this.#registrations.get(registration);
    if (known?.live === true && known.device === device && known.process === process) return known;
    this.#report(`device ${device} has no registration ${registration} in process ${process}`);
    return undefined;
  }
}

function isNatural(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
