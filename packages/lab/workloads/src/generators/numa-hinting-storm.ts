/**
 * NUMA balancing at its worst: a scanner makes long ranges fault on purpose, the faults migrate pages, and the scanner is
 * there again. Every hinting section is a long range of which devices hold little (kernel.org: sched/numa_balancing).
 */
import { pageBytes, userSpaceBytes } from '../events.ts';
import { addDevices, nothingMirrored, type Mirrored } from './devices.ts';
import {
  Actor,
  areaAt,
  kernelThread,
  pageOf,
  pagesOf,
  type Area,
  type Script,
} from './simulation.ts';
import { devicesOption, threadsOption, type WorkloadGenerator } from './workload.ts';

const pagesInMiB = 256;

export const numaHintingStorm: WorkloadGenerator = {
  name: 'numa-hinting-storm',
  description:
    'NUMA balancing scans long ranges again and again, faults migrate single pages, and now and then soft-dirty tracking clears the whole address space.',
  options: [
    threadsOption(4),
    devicesOption(2),
    {
      name: 'sizeMiB',
      description: 'size of the memory in MiB',
      default: 64,
      least: 1,
      most: 2048,
    },
    {
      name: 'scanMiB',
      description: 'what one scan covers, in MiB',
      default: 8,
      least: 1,
      most: 2048,
    },
  ],
  build(simulation, option) {
    const mirrored = nothingMirrored();
    const memory = areaAt(0, option('sizeMiB') * pagesInMiB);
    const devices = option('devices');
    for (let index = 0; index < option('threads'); index++) {
      const actor = new Actor(simulation, { process: 1, thread: 1 + index });
      simulation.add(actor, (actor) => program(actor, memory, mirrored, index === 0 ? devices : 0));
    }
    const scanner = new Actor(simulation, { process: 1, thread: kernelThread, restNs: 6000 });
    const scanPages = option('scanMiB') * pagesInMiB;
    simulation.add(scanner, (actor) => scan(actor, memory, scanPages, mirrored));
    const migrator = new Actor(simulation, { process: 1, thread: kernelThread + 1, restNs: 2000 });
    simulation.add(migrator, (actor) => migrate(actor, memory, mirrored));
    addDevices(simulation, mirrored, { devices });
  },
};

/** The first thread maps the memory and lets the devices mirror it; then all of them touch it. */
function* program(actor: Actor, memory: Area, mirrored: Mirrored, devices: number): Script {
  const { random } = actor.simulation;
  if (devices > 0) {
    actor.mmap(memory);
    yield;
    for (let device = 0; device < devices; device++) {
      mirrored.live.push(actor.register(device, memory));
      yield;
    }
  }
  yield* untilMirrored(actor, mirrored);
  for (;;) {
    actor.fault(pageOf(memory, random), random.oneIn(2));
    yield;
  }
}

function* scan(actor: Actor, memory: Area, scanPages: number, mirrored: Mirrored): Script {
  const { random } = actor.simulation;
  yield* untilMirrored(actor, mirrored);
  for (;;) {
    if (random.oneIn(50)) actor.kernel('softDirtyClear', { address: 0, length: userSpaceBytes });
    else {
      const range = pagesOf(memory, scanPages, random);
      mirrored.hotAddress = range.address;
      actor.kernel('numaHinting', range);
    }
    yield;
  }
}

function* migrate(actor: Actor, memory: Area, mirrored: Mirrored): Script {
  const { random } = actor.simulation;
  yield* untilMirrored(actor, mirrored);
  for (;;) {
    mirrored.hotAddress = pageOf(memory, random);
    const page = { address: mirrored.hotAddress, length: pageBytes };
    const mirror = random.pick(mirrored.live);
    const choice = random.below(20);
    if (choice < 2) actor.take('deviceMigrate', page, mirror);
    else if (choice < 4) actor.take('deviceExclusive', page, mirror);
    else actor.kernel(choice === 4 ? 'reclaim' : 'migrate', page);
    yield;
  }
}

function* untilMirrored(actor: Actor, mirrored: Mirrored): Script {
  while (mirrored.live.length === 0) {
    actor.wait(2000);
    yield;
  }
}
