/**
 * What a malloc with arenas (jemalloc, mimalloc) asks of the kernel, in the proportions of a busy server: many faults,
 * purges by MADV_DONTNEED and MADV_FREE, arenas that come and go.
 */
import { addDevices, dropMirror, nothingMirrored, type Mirrored } from './devices.ts';
import {
  Actor,
  areaAt,
  pageOf,
  pagesOf,
  type Area,
  type Mirror,
  type Script,
} from './simulation.ts';
import {
  countOption,
  devicesOption,
  pagesOption,
  threadsOption,
  type WorkloadGenerator,
} from './workload.ts';

export const allocatorChurn: WorkloadGenerator = {
  name: 'allocator-churn',
  description:
    'Threads of a malloc whose arenas are mapped, filled, purged with MADV_DONTNEED and MADV_FREE, and unmapped, all mirrored by devices.',
  options: [
    threadsOption(4),
    devicesOption(1),
    countOption('arenas', 'arenas of a thread', 4),
    pagesOption('pages of an arena', 256),
  ],
  build(simulation, option) {
    const mirrored = nothingMirrored();
    const devices = option('devices');
    for (let index = 0; index < option('threads'); index++) {
      const areas = Array.from({ length: option('arenas') }, (_, arena) =>
        areaAt(index * 1024 + arena, option('pages')),
      );
      simulation.add(new Actor(simulation, { process: 1, thread: 1 + index }), (actor) =>
        program(actor, areas, { mirrored, devices }),
      );
    }
    addDevices(simulation, mirrored, { devices });
  },
};

function* program(
  actor: Actor,
  areas: readonly Area[],
  shared: { readonly mirrored: Mirrored; readonly devices: number },
): Script {
  const { mirrored, devices } = shared;
  const { random } = actor.simulation;
  const arenas = new Map<Area, Mirror>();
  for (;;) {
    const area = random.pick(areas);
    const arena = arenas.get(area);
    if (arena === undefined) {
      actor.mmap(area);
      yield;
      const mirror = actor.register(random.below(devices), area);
      arenas.set(area, mirror);
      mirrored.live.push(mirror);
    } else if (random.oneIn(100)) {
      arenas.delete(area);
      dropMirror(mirrored, arena);
      actor.unregister(arena);
      yield;
      actor.munmap(area);
    } else if (random.oneIn(12)) {
      const purged = pagesOf(area, random.between(1, 32), random);
      mirrored.hotAddress = purged.address;
      actor.madvise(purged, random.oneIn(3) ? 'free' : 'dontneed');
    } else {
      mirrored.hotAddress = pageOf(area, random);
      actor.fault(mirrored.hotAddress, !random.oneIn(4));
    }
    yield;
  }
}
