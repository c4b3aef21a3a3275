/**
 * Actors (threads, the kernel, devices) taking turns on a virtual clock.
 *
 * 1. An actor is a script: a generator function that does one thing, yields, and goes on when its clock is the
 *    least of all. So things are done in the order in which they begin, and what a script knows of
 *    the others' memory is true at that moment.
 * 2. A thing done lasts for a random time, and its actor rests for another. While it lasts, others begin
 *    theirs: that is what makes events overlap.
 */
import {
  mapFlags,
  pageBytes,
  protections,
  remapFlags,
  type KernelEventKind,
  type MemoryEvent,
} from '../events.ts';
import type { Random } from './random.ts';

/** What an actor runs; it yields after each thing done. */
export type Script = Generator<undefined, void, void>;

/** A range of memory, in bytes. */
export interface Area {
  readonly address: number;
  readonly length: number;
}

/** An area that a device mirrors. */
export interface Mirror extends Area {
  readonly device: number;
  readonly registration: number;
  readonly process: number;
}

/** Read and write, as for malloc. */
export const readWrite: number = protections.read | protections.write;

/** Numbers for actors that are no threads of the program: the kernel's from here, the devices' from there. */
export const kernelThread = 1_000_000;
export const deviceThread = 2_000_000;

type Common = 'process' | 'thread' | 'beginNs' | 'endNs' | 'line';
/** An event but for who does it and when. */
type Deed = MemoryEvent extends infer Any
  ? Any extends MemoryEvent
    ? Omit<Any, Common>
    : never
  : never;

export class Simulation {
  readonly random: Random;
  readonly events: MemoryEvent[] = [];
  readonly #actors: { readonly actor: Actor; readonly script: Script }[] = [];
  #registrations = 0;

  constructor(random: Random) {
    this.random = random;
  }

  /** Adds an actor, who begins at `nowNs`. */
  add(actor: Actor, script: (actor: Actor) => Script): void {
    this.#actors.push({ actor, script: script(actor) });
  }

  /** Lets the actors take turns until there are `count` events. */
  run(count: number): MemoryEvent[] {
    while (this.events.length < count) {
      const next = this.#first();
      const before = this.events.length;
      const done = this.#actors[next]?.script.next().done ?? true;
      if (done) this.#actors.splice(next, 1);
      else if (this.events.length > before + 1) {
        throw new Error('expected a script to yield after each thing it does');
      }
    }
    return this.events;
  }

  nextRegistration(): number {
    this.#registrations += 1;
    return this.#registrations;
  }

  /** The place of the actor with the least clock; the eldest of equals. */
  #first(): number {
    let first = 0;
    for (const [index, { actor }] of this.#actors.entries()) {
      if (actor.nowNs < (this.#actors[first]?.actor.nowNs ?? Infinity)) first = index;
    }
    return first;
  }
}

/** A thread, the kernel or a device's agent, with the things it can do. Each makes one event. */
export class Actor {
  readonly simulation: Simulation;
  readonly process: number;
  readonly thread: number;
  /** When it goes on. */
  nowNs: number;
  /** Its typical pause between two things, in nanoseconds. */
  restNs: number;

  constructor(
    simulation: Simulation,
    who: {
      readonly process: number;
      readonly thread: number;
      readonly nowNs?: number;
      readonly restNs?: number;
    },
  ) {
    this.simulation = simulation;
    this.process = who.process;
    this.thread = who.thread;
    this.nowNs = who.nowNs ?? 0;
    this.restNs = who.restNs ?? 500;
  }

  mmap({ address, length }: Area, options: { fixed?: boolean; protection?: number } = {}): void {
    const fixed = options.fixed === true ? mapFlags.fixed : 0;
    const flags = mapFlags.private | mapFlags.anonymous | fixed;
    const protection = options.protection ?? readWrite;
    this.#do(2000, { kind: 'mmap', address, length, protection, flags, backing: 'anonymous' });
  }

  munmap({ address, length }: Area): void {
    this.#do(4000, { kind: 'munmap', address, length });
  }

  /** To `newAddress`, whatever is there. */
  mremap({ address, length }: Area, newAddress: number): void {
    const flags = remapFlags.mayMove | remapFlags.fixed;
    const lengths = { oldLength: length, newLength: length };
    this.#do(4000, { kind: 'mremap', address, ...lengths, newAddress, flags });
  }

  mprotect({ address, length }: Area, protection: number): void {
    this.#do(3000, { kind: 'mprotect', address, length, protection });
  }

  madvise({ address, length }: Area, advice: string): void {
    this.#do(3000, { kind: 'madvise', address, length, advice });
  }

  fault(address: number, write: boolean): void {
    this.#do(800, { kind: 'fault', address, write });
  }

  /** @returns when the child may begin */
  fork(child: number): number {
    return this.#do(20_000, { kind: 'fork', child });
  }

  /** The process's only thread ends. */
  exit(): void {
    this.#do(10_000, { kind: 'exit' });
  }

  /** What the kernel does by itself, to the memory of `process`. */
  kernel(kind: KernelEventKind, { address, length }: Area, process: number = this.process): void {
    this.#do(2000, { kind, address, length }, process);
  }

  register(device: number, { address, length }: Area): Mirror {
    const registration = this.simulation.nextRegistration();
    this.#do(5000, { kind: 'deviceRegister', address, length, device, registration });
    return { device, registration, process: this.process, address, length };
  }

  unregister({ device, registration, address, length }: Mirror): void {
    this.#do(5000, { kind: 'deviceUnregister', address, length, device, registration });
  }

  /** A device reads or writes, in whichever process the mirror is. */
  access({ device, registration, process }: Mirror, address: number, write: boolean): void {
    this.#do(600, { kind: 'deviceAccess', device, registration, address, write }, process);
  }

  /** The device's own migration (or exclusive access), of which its mirrors need not hear. */
  take(kind: 'deviceMigrate' | 'deviceExclusive', { address, length }: Area, mirror: Mirror): void {
    this.#do(4000, { kind, address, length, owner: mirror.device }, mirror.process);
  }

  /** Nothing to do for about `ns` nanoseconds. */
  wait(ns: number): void {
    this.nowNs += this.simulation.random.between((ns >> 1) + 1, ns + (ns >> 1) + 1);
  }

  /** Lasts half to one and a half times `typicalNs`; then the actor rests. Returns when it ends. */
  #do(typicalNs: number, deed: Deed, process: number = this.process): number {
    const { events, random } = this.simulation;
    const { thread, nowNs: beginNs } = this;
    const endNs = beginNs + random.between(typicalNs >> 1, typicalNs + (typicalNs >> 1));
    this.nowNs = endNs + random.between(1, this.restNs * 2);
    events.push({ ...deed, process, thread, beginNs, endNs, line: 0 });
    return endNs;
  }
}

/** A page of the area, chosen at random: its address. */
export function pageOf({ address, length }: Area, random: Random): number {
  return address + random.below(length / pageBytes) * pageBytes;
}

/** `count` pages of the area (fewer at its end) from one chosen at random. */
export function pagesOf(area: Area, count: number, random: Random): Area {
  const address = pageOf(area, random);
  const length = Math.min(count * pageBytes, area.address + area.length - address);
  return { address, length };
}

/** An area for everyone to agree on: the `index`th of `pages` pages, far from the others. */
export function areaAt(index: number, pages: number): Area {
  return { address: 0x7f00_0000_0000 + index * 2 ** 31, length: pages * pageBytes };
}
