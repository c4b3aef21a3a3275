/**
 * What the agents of a stress run share beside the notifier: the memory that changes, the devices' shadows of it, and
 * the counters.
 *
 * 1. Memory is `pages` words, each the version of its page, from 1. A page changes only within a section over it.
 * 2. A device keeps a shadow word for each page: the version that it read, or 0. It is written with the driver's lock
 *    held: by a publication, or as 0 by the device's callback.
 * 3. Hence with the driver's lock held an entry is 0 or its page's version: whoever changed the page since had
 *    opened a section before, and that had called the device, which lost the entry. An entry that is
 *    neither is *stale*, and a device that uses it is served from a page that is gone.
 * 4. After a start none of the pages of its section has an entry anywhere, until the end.
 * 5. Counters have one writer each and are read at any time: a killed agent's stay.
 */
import { headerWords, mailboxWords, Mutex, Region, WaitQueue } from '@mmu-notifier/sync';

/** Bytes of a page. */
export const pageBytes = 4096;

/** What an agent counts. `longest…` are maxima. */
export const counterNames = [
  'operations',
  'sections',
  'wouldBlock',
  'faults',
  'retriesTrue',
  'retriesFalse',
  'longestRun',
  'accesses',
  'staleReads',
  'callbacks',
  'subscriptions',
  'locks',
  'contended',
  'full',
  'callbacksFailed',
  'deadAgents',
  'longestWaitMs',
] as const;

/** One of {@link counterNames}. */
export type CounterName = (typeof counterNames)[number];

/** Counters by name. */
export type Counts = Record<CounterName, number>;

/** All of them 0. */
export function noCounts(): Counts {
  return Object.fromEntries(counterNames.map((name) => [name, 0])) as Counts;
}

/** Sums, and maxima of what is a maximum. */
export function addCounts(into: Counts, counts: Counts): void {
  for (const name of counterNames) {
    into[name] = name.startsWith('longest')
      ? Math.max(into[name], counts[name])
      : into[name] + counts[name];
  }
}

/** What a board is made for. */
export interface BoardSize {
  readonly agents: number;
  readonly pages: number;
  readonly devices: number;
}

const At = {
  stop: headerWords,
  ready: headerWords + 1,
  released: headerWords + 2,
  /** The agent that arrived where it is to be terminated, + 1. */
  arrived: headerWords + 3,
  agents: headerWords + 4,
  pages: headerWords + 5,
  devices: headerWords + 6,
  queue: headerWords + 8,
  flags: headerWords + 10,
} as const;
const agentsMax = 64;
const mailboxesAt = At.flags + agentsMax;
const countersAt = mailboxesAt + mailboxWords;

/** See the file's head. */
export class Board {
  readonly region: Region;
  readonly size: BoardSize;
  /** The region's: it never grows, and half of an agent's work is looking at shadows. */
  readonly #words: Int32Array;
  readonly #pagesAt: number;
  readonly #locksAt: number;
  readonly #shadowsAt: number;

  private constructor(region: Region) {
    this.region = region;
    const { words } = region;
    this.#words = words;
    this.size = {
      agents: words[At.agents]!,
      pages: words[At.pages]!,
      devices: words[At.devices]!,
    };
    this.#pagesAt = countersAt + this.size.agents * counterNames.length * 2;
    this.#locksAt = this.#pagesAt + this.size.pages;
    this.#shadowsAt = this.#locksAt + this.size.devices;
  }

  static create(size: BoardSize, memory: ArrayBufferLike): Board {
    const byteLength = Board.byteLength(size);
    const region = Region.create({ kind: 'stress', capacity: size.devices, byteLength }, memory);
    const { words } = region;
    words[At.agents] = size.agents;
    words[At.pages] = size.pages;
    words[At.devices] = size.devices;
    const board = new Board(region);
    for (let page = 0; page < size.pages; page++) words[board.#pagesAt + page] = 1;
    return board;
  }

  static attach(memory: ArrayBufferLike): Board {
    return new Board(Region.attach(memory, 'stress'));
  }

  static byteLength({ agents, pages, devices }: BoardSize): number {
    const words = countersAt + agents * counterNames.length * 2 + pages + devices * (pages + 1);
    return (words + (words & 1)) * 4;
  }

  get isStopped(): boolean {
    return this.region.load(At.stop) !== 0;
  }

  stop(): void {
    this.region.store(At.stop, 1);
    this.#meeting.wakeAll();
  }

  /** The address space is released, or as good as: nobody goes on. */
  get isReleased(): boolean {
    return this.region.load(At.released) !== 0;
  }

  markReleased(): void {
    this.region.store(At.released, 1);
  }

  /** Agents meet before they race. */
  meet(): void {
    this.region.add(At.ready, 1);
    this.#meeting.wakeAll();
    this.#meeting.waitUntilSync(() => this.ready === this.size.agents || this.isStopped);
  }

  get #meeting(): WaitQueue {
    return new WaitQueue(this.region, At.queue);
  }

  get ready(): number {
    return this.region.load(At.ready);
  }

  /** The agent is where it is to be terminated, and does nothing more. */
  arrive(): never {
    this.region.add(At.arrived, 1);
    for (;;);
  }

  get hasArrived(): boolean {
    return this.region.load(At.arrived) !== 0;
  }

  /** Whether an agent is in a call that may wait. */
  setWaiting(agent: number, isWaiting: boolean): void {
    this.region.store(At.flags + agent, isWaiting ? 1 : 0);
  }

  isWaiting(agent: number): boolean {
    return this.region.load(At.flags + agent) !== 0;
  }

  /** A page's version now. */
  version(page: number): number {
    return this.region.load(this.#pagesAt + page);
  }

  /** Changes a page; within a section over it. */
  change(page: number): void {
    this.region.add(this.#pagesAt + page, 1);
  }

  /** A device's entry. */
  shadow(device: number, page: number): number {
    return this.#words[this.#shadowsAt + device * this.size.pages + page]!;
  }

  /** With the driver's lock held. */
  setShadow(device: number, page: number, version: number): void {
    this.#words[this.#shadowsAt + device * this.size.pages + page] = version;
  }

  /** Whether a device would be served from a page that has changed. With the driver's lock held. */
  isStale(device: number, page: number): boolean {
    const entry = this.shadow(device, page);
    return entry !== 0 && entry !== this.version(page);
  }

  /** The driver's lock of a device. */
  lockOf(device: number): Mutex {
    return new Mutex(this.region, this.#locksAt + device, `device ${device}`);
  }

  /** Where the agents' mailboxes are, in `region`. */
  get mailboxesAt(): number {
    return mailboxesAt;
  }

  /** An agent's counters, for itself. */
  countersOf(agent: number): Counters {
    return new Counters(this.region, agent);
  }

  /** The sums of all agents, now. */
  totals(): Counts {
    const totals = noCounts();
    for (let agent = 0; agent < this.size.agents; agent++) {
      addCounts(totals, this.countersOf(agent).read());
    }
    return totals;
  }
}

/** The counters of one agent: only it writes them. */
export class Counters {
  readonly #wide: Float64Array;
  readonly #at: number;

  constructor(region: Region, agent: number) {
    this.#wide = region.wide;
    this.#at = (countersAt >> 1) + agent * counterNames.length;
  }

  add(name: CounterName): void {
    const at = this.#at + indexOf[name];
    this.#wide[at] = this.#wide[at]! + 1;
  }

  max(name: CounterName, value: number): void {
    const at = this.#at + indexOf[name];
    if (value > this.#wide[at]!) this.#wide[at] = value;
  }

  read(): Counts {
    const counts = noCounts();
    for (const name of counterNames) counts[name] = this.#wide[this.#at + indexOf[name]]!;
    return counts;
  }
}

const indexOf = Object.fromEntries(counterNames.map((name, index) => [name, index])) as Counts;
