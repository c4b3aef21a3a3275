/**
 * What IGT's gem_userptr_blits does: objects over user memory, and the memory changes under them (sync-unmap-cycles,
 * map-fixed-invalidate-overlap, stress-mm-invalidate-close).
 */
import { pageBytes, protections } from '../events.ts';
import { addDevices, dropMirror, nothingMirrored, type Mirrored } from './devices.ts';
import { Actor, areaAt, pageOf, type Area, type Mirror, type Script } from './simulation.ts';
import {
  countOption,
  devicesOption,
  pagesOption,
  threadsOption,
  type WorkloadGenerator,
} from './workload.ts';

export const gpuUserPointers: WorkloadGenerator = {
  name: 'gpu-user-pointers',
  description:
    'GPU user-pointer objects, some of them overlapping: used, closed and made anew while mprotect, munmap and MAP_FIXED change the memory below.',
  options: [
    threadsOption(2),
    devicesOption(1),
    countOption('buffers', 'buffers of a thread', 6),
    pagesOption('pages of a buffer', 16),
  ],
  build(simulation, option) {
    const mirrored = nothingMirrored();
    const devices = option('devices');
    for (let index = 0; index < option('threads'); index++) {
      const buffers = Array.from({ length: option('buffers') }, (_, buffer) => ({
        area: areaAt(index * 1024 + buffer, option('pages')),
        mapped: false,
        objects: [],
      }));
      simulation.add(new Actor(simulation, { process: 1, thread: 1 + index }), (actor) =>
        program(actor, buffers, { mirrored, devices }),
      );
    }
    addDevices(simulation, mirrored, { devices, restNs: 300 });
  },
};

interface Buffer {
  readonly area: Area;
  mapped: boolean;
  readonly objects: Mirror[];
}

function* program(
  actor: Actor,
  buffers: readonly Buffer[],
  shared: { readonly mirrored: Mirrored; readonly devices: number },
): Script {
  const { mirrored, devices } = shared;
  const { random } = actor.simulation;
  for (;;) {
    const buffer = random.pick(buffers);
    const { area, objects } = buffer;
    mirrored.hotAddress = pageOf(area, random);
    const choice = random.below(8);
    if (!buffer.mapped || choice === 0) {
      // At the address of the old one, objects and all.
      buffer.mapped = true;
      actor.mmap(area, { fixed: true });
    } else if (objects.length === 0 || (choice === 1 && objects.length < 3)) {
      const object = actor.register(random.below(devices), partOf(area, objects.length));
      objects.push(object);
      mirrored.live.push(object);
    } else if (choice === 2) {
      actor.mprotect(area, protections.read);
      yield;
      actor.mprotect(area, protections.read | protections.write);
    } else if (choice === 3) {
      buffer.mapped = false;
      actor.munmap(area);
    } else if (choice === 4) {
      const object = objects.pop();
      if (object === undefined) continue;
      dropMirror(mirrored, object);
      actor.unregister(object);
    } else actor.fault(mirrored.hotAddress, true);
    yield;
  }
}

/** The first object covers the buffer, the others its first half. */
function partOf({ address, length }: Area, index: number): Area {
  if (index === 0) return { address, length };
  return { address, length: Math.ceil(length / 2 / pageBytes) * pageBytes };
}
