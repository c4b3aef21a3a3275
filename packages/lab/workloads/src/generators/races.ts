/**
 * As many collisions as possible: a handful of pages, several threads that change them, devices that touch the page which is
 * changing right now. Made to let a scheme that misses collisions serve stale pages soon; like no real program.
 */
import { pageBytes, protections } from '../events.ts';
import { addDevices, nothingMirrored, type Mirrored } from './devices.ts';
import { Actor, areaAt, kernelThread, pagesOf, type Area, type Script } from './simulation.ts';
import {
  countOption,
  devicesOption,
  pagesOption,
  threadsOption,
  type WorkloadGenerator,
} from './workload.ts';

export const races: WorkloadGenerator = {
  name: 'races',
  description:
    'A handful of pages that threads, forks and the kernel change all at once, with devices on the very page that changes: made to catch lost collisions.',
  options: [
    threadsOption(3),
    devicesOption(2),
    pagesOption('pages in all', 4),
    countOption('agents', 'agents of a device', 2),
  ],
  build(simulation, option) {
    const mirrored = nothingMirrored();
    const arena: Arena = {
      area: areaAt(0, option('pages')),
      unmapped: new Set(),
      mirrored,
      children: 0,
    };
    for (let index = 0; index < option('threads'); index++) {
      const actor = new Actor(simulation, { process: 1, thread: 1 + index, restNs: 100 });
      const devices = index === 0 ? option('devices') : 0;
      simulation.add(actor, (actor) => change(actor, arena, devices));
    }
    const kernel = new Actor(simulation, { process: 1, thread: kernelThread, restNs: 500 });
    simulation.add(kernel, (actor) => interfere(actor, arena));
    const agents = { devices: option('devices'), each: option('agents'), restNs: 200 };
    addDevices(simulation, mirrored, agents);
  },
};

interface Arena {
  readonly area: Area;
  /** Addresses of pages that nothing maps at the moment. */
  readonly unmapped: Set<number>;
  readonly mirrored: Mirrored;
  /** Children forked so far. */
  children: number;
}

/** Enough of them to overlap, few enough for the pages to be mapped most of the time. */
const changes = [
  'fixed',
  'fixed',
  'remap',
  'move',
  'dontneed',
  'dontneed',
  'dontneed',
  'write',
  'write',
  'write',
  'write',
  'protect',
  'fork',
] as const;

function* change(actor: Actor, arena: Arena, devices: number): Script {
  const { random } = actor.simulation;
  const { area, unmapped, mirrored } = arena;
  const elsewhere = areaAt(actor.thread, 1).address;
  if (devices > 0) yield* begin(actor, arena, devices);
  while (mirrored.live.length === 0) {
    actor.wait(1000);
    yield;
  }
  for (;;) {
    const part = pagesOf(area, random.between(1, 2), random);
    mirrored.hotAddress = part.address;
    const choice = random.pick(changes);
    if (choice === 'fixed') map(actor, part, unmapped);
    else if (choice === 'remap') {
      for (const page of pagesIn(part)) unmapped.add(page);
      actor.munmap(part);
      yield;
      map(actor, part, unmapped);
    } else if (pagesIn(part).some((page) => unmapped.has(page))) actor.wait(500);
    else if (choice === 'move') {
      const page = { address: part.address, length: pageBytes };
      unmapped.add(page.address);
      actor.mremap(page, elsewhere);
      yield;
      unmapped.delete(page.address);
      actor.mremap({ ...page, address: elsewhere }, page.address);
    } else if (choice === 'dontneed') actor.madvise(part, 'dontneed');
    else if (choice === 'write') actor.fault(part.address, true);
    else if (choice === 'protect') {
      actor.mprotect(part, protections.read);
      yield;
      // Somebody may have unmapped it meanwhile; mprotect would then fail.
      if (pagesIn(part).some((page) => unmapped.has(page))) map(actor, part, unmapped);
      else actor.mprotect(part, protections.read | protections.write);
    } else {
      arena.children += 1;
      const process = 100 + arena.children;
      // The child writes what the parent has at this moment, then leaves.
      const pages = pagesIn(area).filter((page) => !unmapped.has(page));
      const nowNs = actor.fork(process);
      const child = new Actor(actor.simulation, { process, thread: process, nowNs, restNs: 100 });
      actor.simulation.add(child, (child) => writeAndExit(child, pages));
      yield;
      if (!unmapped.has(part.address)) actor.fault(part.address, true);
      else actor.wait(100);
    }
    yield;
  }
}

function* begin(actor: Actor, { area, mirrored }: Arena, devices: number): Script {
  actor.mmap(area);
  yield;
  const mirrors = [];
  for (let device = 0; device < devices; device++) {
    mirrors.push(actor.register(device, area));
    yield;
  }
  mirrored.live.push(...mirrors);
}

function map(actor: Actor, part: Area, unmapped: Set<number>): void {
  for (const page of pagesIn(part)) unmapped.delete(page);
  actor.mmap(part, { fixed: true });
}

function* writeAndExit(actor: Actor, pages: readonly number[]): Script {
  for (const page of pages) {
    if (actor.simulation.random.oneIn(3)) continue;
    actor.fault(page, true);
    yield;
  }
  actor.exit();
  yield;
}

function* interfere(actor: Actor, { area, unmapped, mirrored }: Arena): Script {
  const { random } = actor.simulation;
  for (;;) {
    const part = pagesOf(area, 1, random);
    if (mirrored.live.length === 0 || unmapped.has(part.address)) actor.wait(500);
    else {
      mirrored.hotAddress = part.address;
      const kinds = ['migrate', 'ksm', 'reclaim', 'writeback', 'numaHinting', 'oomReap'] as const;
      actor.kernel(random.pick(kinds), part);
    }
    yield;
  }
}

function pagesIn({ address, length }: Area): number[] {
  return Array.from({ length: length / pageBytes }, (_, page) => address + page * pageBytes);
}
