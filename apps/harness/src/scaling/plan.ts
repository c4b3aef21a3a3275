/**
 * A stream's calls of the notifier, spread over agents: the recorded threads, and the devices.
 *
 * 1. An event that changes entries is a section over its range. What else it does in the simulated address space is left
 *    out: here the notifiers are alone, and run as fast as they can.
 * 2. A thread's events stay in order, on one agent; a device's too. What the recording orders between threads is not kept.
 * 3. Every page that a device accesses has a version, every registration an entry for each page that it accesses: so
 *    stale entries are seen as in `stress`.
 */
import type { InvalidationEvent } from '@mmu-notifier/core';
import { userSpaceBytes, type MemoryEvent } from '@mmu-notifier/workloads';

/** A call, for one agent. `pages` are numbers of pages with a version. */
export type Call =
  | {
      readonly kind: 'section';
      readonly space: number;
      readonly start: number;
      readonly end: number;
      readonly event: InvalidationEvent;
      readonly pages: readonly number[];
    }
  | { readonly kind: 'register'; readonly registration: number }
  | { readonly kind: 'unregister'; readonly registration: number }
  | {
      readonly kind: 'access';
      readonly registration: number;
      readonly page: number;
      readonly entry: number;
    };

/** A registration of a device. `entries` are by address. */
export interface Registration {
  readonly space: number;
  readonly start: number;
  readonly end: number;
  readonly entries: readonly { readonly address: number; readonly entry: number }[];
}

/** What all agents do. */
export interface Plan {
  /** Registrations of each address space, by number: what its notifier must have room for. */
  readonly spaces: readonly (readonly number[])[];
  readonly registrations: readonly Registration[];
  readonly pages: number;
  readonly entries: number;
  /** By agent. */
  readonly calls: readonly (readonly Call[])[];
}

const pageBytes = 4096;
const unmaps = ['munmap', 'exec', 'exit', 'truncate', 'mremap'];
const events: Readonly<Record<string, InvalidationEvent>> = {
  mprotect: 'PROTECTION_VMA',
  fork: 'PROTECTION_PAGE',
  softDirtyClear: 'SOFT_DIRTY',
};
const silent = [
  'mmap',
  'brk',
  'threadStart',
  'exitThread',
  'fault',
  'writeback',
  'deviceExclusive',
];
const tearingAdvice = ['dontneed', 'free', 'remove', 'dontneed_locked', 'pageout', 'cold'];

/** Makes the plan for so many agents. */
export function makePlan(stream: readonly MemoryEvent[], agents: number): Plan {
  const spaces = new Map<number, number>();
  const bySpace: number[][] = [];
  const registered = new Map<number, number>();
  const registrations: (Registration & {
    readonly entries: { address: number; entry: number }[];
  })[] = [];
  const entryOf = new Map<string, number>();
  const versioned = new Map<number, Map<number, number>>();
  let pages = 0;
  const spaceOf = (process: number): number => {
    let space = spaces.get(process);
    if (space === undefined) {
      spaces.set(process, (space = spaces.size));
      bySpace.push([]);
      versioned.set(space, new Map());
    }
    return space;
  };
  for (const event of stream) {
    const space = spaceOf(event.process);
    if (event.kind === 'deviceRegister') {
      registered.set(event.registration, registrations.length);
      bySpace[space]!.push(registrations.length);
      const { address, length } = event;
      registrations.push({ space, start: address, end: address + length, entries: [] });
    } else if (event.kind === 'deviceAccess') {
      const registration = registered.get(event.registration);
      if (registration === undefined) continue;
      const address = Math.floor(event.address / pageBytes) * pageBytes;
      const known = versioned.get(space)!;
      if (!known.has(address)) known.set(address, pages++);
      const key = `${registration} ${address}`;
      if (entryOf.has(key)) continue;
      registrations[registration]!.entries.push({ address, entry: entryOf.size });
      entryOf.set(key, entryOf.size);
    }
  }
  const calls: Call[][] = Array.from({ length: agents }, () => []);
  for (const event of stream) {
    const space = spaceOf(event.process);
    const known = versioned.get(space)!;
    if (event.kind === 'deviceRegister' || event.kind === 'deviceUnregister') {
      const registration = registered.get(event.registration);
      if (registration === undefined) continue;
      const kind = event.kind === 'deviceRegister' ? 'register' : 'unregister';
      calls[registration % agents]!.push({ kind, registration });
    } else if (event.kind === 'deviceAccess') {
      const registration = registered.get(event.registration);
      if (registration === undefined) continue;
      const address = Math.floor(event.address / pageBytes) * pageBytes;
      const entry = entryOf.get(`${registration} ${address}`)!;
      const page = known.get(address)!;
      calls[registration % agents]!.push({ kind: 'access', registration, page, entry });
    } else {
      const range = rangeOf(event);
      if (range === undefined) continue;
      const [start, end] = range;
      const hit = [...known].filter(([address]) => address < end && address + pageBytes > start);
      calls[event.thread % agents]!.push({
        kind: 'section',
        space,
        start,
        end,
        event: unmaps.includes(event.kind) ? 'UNMAP' : (events[event.kind] ?? 'CLEAR'),
        pages: hit.map(([, page]) => page),
      });
    }
  }
  return { spaces: bySpace, registrations, pages, entries: entryOf.size, calls };
}

/** The range of a section, if the event raises one. */
function rangeOf(event: MemoryEvent): readonly [number, number] | undefined {
  if (silent.includes(event.kind)) return undefined;
  if (event.kind === 'madvise' && !tearingAdvice.includes(event.advice)) return undefined;
  if (event.kind === 'mremap') {
    return event.oldLength > 0 ? [event.address, event.address + event.oldLength] : undefined;
  }
  if ('length' in event) return [event.address, event.address + Math.max(event.length, 1)];
  if ('address' in event) return [event.address, event.address + pageBytes];
  return [0, userSpaceBytes];
}
