/**
 * Devices for recordings, which have none: which mappings devices mirror, and when they touch them.
 *
 * 1. The stream that comes out depends on the stream that went in, the rule and the seed alone: every strategy
 *    gets the same.
 * 2. A mapping that the rule picks is mirrored by one device, some by two, from the end of its mmap until some
 *    time after its munmap, or for half of them until the process exits.
 * 3. A device follows the program: it touches pages that the program has just touched, and those of a range that is
 *    changing, at the very time at which it changes.
 */
import type {
  DeviceAccessEvent,
  DeviceRegistrationEvent,
  MemoryEvent,
} from '@mmu-notifier/workloads';
import { mapFlags, pageBytes } from '@mmu-notifier/workloads';
import { Random } from '@mmu-notifier/address-space';
import { UsageError } from './errors.ts';

/** Whether a mapping is mirrored. */
type Picks = (mapping: { anonymous: boolean; heap: boolean; length: number }) => boolean;

/** The rules, for `--help`. */
export const mirrorRules = {
  anonymous: 'anonymous mappings and the heap (default)',
  all: 'every mapping, files too',
  heap: 'the heap only',
  'large:BYTES': 'mappings of at least so many bytes',
} as const;

/** @throws UsageError */
export function parseMirrorRule(rule: string): Picks {
  if (rule === 'all') return () => true;
  if (rule === 'anonymous') return ({ anonymous, heap }) => anonymous || heap;
  if (rule === 'heap') return ({ heap }) => heap;
  const bytes = /^large:(\d+)$/.exec(rule)?.[1];
  if (bytes !== undefined) return ({ length }) => length >= Number(bytes);
  const known = Object.keys(mirrorRules).join(', ');
  throw new UsageError(`expected a mirror rule (${known}), got '${rule}'`);
}

/** Options of {@link addDevices}. */
export interface MirrorOptions {
  readonly rule: string;
  readonly devices: number;
  readonly seed: number;
}

const agentsOfDevice = 4;
const touchedMax = 16;
/** How long a device's access takes at most, beyond what it overlaps. */
const accessNs = 2000;
/** How long after its munmap a registration may live. */
const lingerNs = 50_000;

interface Registration {
  readonly device: number;
  readonly registration: number;
  readonly process: number;
  readonly start: number;
  readonly end: number;
  /** Addresses that the program touched lately. */
  readonly touched: number[];
}

/** Adds devices to a stream that has none; one that has some is returned as it is. */
export function addDevices(
  events: readonly MemoryEvent[],
  options: MirrorOptions,
): readonly MemoryEvent[] {
  if (events.some(({ kind }) => kind === 'deviceRegister')) return events;
  return new Mirroring(events, options).run();
}

class Mirroring {
  readonly #events: readonly MemoryEvent[];
  readonly #picks: Picks;
  readonly #devices: number;
  readonly #random: Random;
  readonly #out: { event: MemoryEvent; at: number }[] = [];
  readonly #live = new Map<number, Set<Registration>>();
  readonly #agentsBusyUntilNs: number[];
  readonly #firstAgent: number;
  readonly #breaks = new Map<number, number>();
  /** Registrations whose mapping is gone, until their device notices. */
  #linger: { registration: Registration; untilNs: number }[] = [];
  #lingerNextNs = Infinity;
  #registrations = 0;

  constructor(events: readonly MemoryEvent[], { rule, devices, seed }: MirrorOptions) {
    this.#events = events;
    this.#picks = parseMirrorRule(rule);
    this.#devices = devices;
    this.#random = new Random(seed);
    this.#firstAgent = events.reduce((most, { thread }) => Math.max(most, thread), 0) + 1;
    this.#agentsBusyUntilNs = Array.from({ length: devices * agentsOfDevice }, () => 0);
  }

  run(): readonly MemoryEvent[] {
    for (const event of this.#events) {
      if (event.beginNs >= this.#lingerNextNs) this.#endLingering(event.beginNs, undefined);
      if (event.kind === 'exit' || (event.kind === 'exec' && event.previous === event.process)) {
        this.#leave(event.process, event.beginNs);
      }
      this.#emit(event);
      this.#follow(event);
    }
    return this.#out
      .sort((a, b) => a.event.beginNs - b.event.beginNs || a.at - b.at)
      .map(({ event }) => event);
  }

  #emit(event: MemoryEvent): void {
    this.#out.push({ event, at: this.#out.length });
  }

  #follow(event: MemoryEvent): void {
    switch (event.kind) {
      case 'mmap': {
        this.#touchRange(event, event.address, event.length);
        this.#unmapped(event, event.address, event.length);
        const anonymous = (event.flags & mapFlags.anonymous) !== 0;
        const { length } = event;
        if (this.#picks({ anonymous, heap: false, length }))
          this.#register(event, event.address, length);
        break;
      }
      case 'brk': {
        const before = this.#breaks.get(event.process);
        const end = Math.ceil(event.address / pageBytes) * pageBytes;
        this.#breaks.set(event.process, end);
        if (before === undefined || end <= before) break;
        const length = end - before;
        if (this.#picks({ anonymous: true, heap: true, length }))
          this.#register(event, before, length);
        break;
      }
      case 'munmap':
        this.#touchRange(event, event.address, event.length);
        this.#unmapped(event, event.address, event.length);
        break;
      case 'mremap':
        this.#touchRange(event, event.address, event.oldLength);
        break;
      case 'madvise':
      case 'mprotect':
        this.#touchRange(event, event.address, event.length);
        break;
      case 'fork':
        for (const registration of this.#of(event.process)) this.#touchAny(event, registration);
        break;
      case 'fault':
        this.#touchFault(event);
        break;
      default:
    }
  }

  #of(process: number): Set<Registration> {
    let live = this.#live.get(process);
    if (live === undefined) this.#live.set(process, (live = new Set()));
    return live;
  }

  #register({ process, endNs }: MemoryEvent, start: number, length: number): void {
    const copies = this.#devices > 1 && this.#random.below(4) === 0 ? 2 : 1;
    const firstDevice = this.#random.below(this.#devices);
    for (let copy = 0; copy < copies; copy++) {
      const device = (firstDevice + copy) % this.#devices;
      const registration = ++this.#registrations;
      this.#of(process).add({
        device,
        registration,
        process,
        start,
        end: start + length,
        touched: [],
      });
      this.#emitRegistration(
        'deviceRegister',
        { device, registration, process, start, end: start + length },
        endNs,
      );
    }
  }

  /** Ends the registrations that a munmap, or a mapping in their place, covers. */
  #unmapped({ process, endNs }: MemoryEvent, start: number, length: number): void {
    for (const registration of this.#of(process)) {
      if (registration.start < start || registration.end > start + length) continue;
      this.#of(process).delete(registration);
      const untilNs = endNs + this.#random.below(lingerNs);
      this.#linger.push({ registration, untilNs });
      this.#lingerNextNs = Math.min(this.#lingerNextNs, untilNs);
    }
  }

  /** Before a process goes: what lingers ends, and so does half of the rest; the others see the release. */
  #leave(process: number, atNs: number): void {
    this.#endLingering(atNs, process);
    for (const registration of this.#of(process)) {
      if (this.#random.below(2) === 0)
        this.#emitRegistration('deviceUnregister', registration, atNs);
    }
    this.#live.delete(process);
    this.#breaks.delete(process);
  }

  /** Ends what is due, and all that is left of a process that goes. */
  #endLingering(atNs: number, gone: number | undefined): void {
    const due = this.#linger.filter(
      ({ registration, untilNs }) => untilNs <= atNs || registration.process === gone,
    );
    this.#linger = this.#linger.filter((lingering) => !due.includes(lingering));
    this.#lingerNextNs = this.#linger.reduce(
      (least, { untilNs }) => Math.min(least, untilNs),
      Infinity,
    );
    for (const { registration, untilNs } of due) {
      this.#emitRegistration('deviceUnregister', registration, Math.min(untilNs, atNs));
    }
  }

  #emitRegistration(
    kind: DeviceRegistrationEvent['kind'],
    { device, registration, process, start, end }: Omit<Registration, 'touched'>,
    atNs: number,
  ): void {
    const thread = this.#firstAgent + this.#agentsBusyUntilNs.length + device;
    const range = { address: start, length: end - start };
    this.#emit({
      kind,
      process,
      thread,
      beginNs: atNs,
      endNs: atNs,
      line: 0,
      ...range,
      device,
      registration,
    });
  }

  #touchFault(event: MemoryEvent & { kind: 'fault' }): void {
    for (const registration of this.#of(event.process)) {
      const { start, end, touched } = registration;
      if (event.address < start || event.address >= end) continue;
      if (touched.length === touchedMax) touched.shift();
      touched.push(event.address);
      if (this.#random.below(2) === 0) this.#access(event, registration, event.address);
      return;
    }
  }

  #touchRange(event: MemoryEvent, start: number, length: number): void {
    for (const registration of this.#of(event.process)) {
      if (registration.start >= start + length || start >= registration.end) continue;
      const inside = registration.touched.filter(
        (address) => address >= start && address < start + length,
      );
      for (const address of inside.slice(-3)) this.#access(event, registration, address);
    }
  }

  #touchAny(event: MemoryEvent, registration: Registration): void {
    const address = registration.touched.at(-1);
    if (address !== undefined) this.#access(event, registration, address);
  }

  /** An access at the time of `event`, by an agent of the device that has nothing to do; else none. */
  #access(
    event: MemoryEvent,
    { device, registration, process }: Registration,
    address: number,
  ): void {
    const first = device * agentsOfDevice;
    for (let agent = first; agent < first + agentsOfDevice; agent++) {
      if (this.#agentsBusyUntilNs[agent]! > event.beginNs) continue;
      const endNs = event.endNs + this.#random.below(accessNs);
      this.#agentsBusyUntilNs[agent] = endNs;
      const access: DeviceAccessEvent = {
        kind: 'deviceAccess',
        process,
        thread: this.#firstAgent + agent,
        beginNs: event.beginNs,
        endNs,
        line: 0,
        device,
        registration,
        address,
        write: this.#random.below(4) === 0,
      };
      this.#emit(access);
      return;
    }
  }
}
