/**
 * What rdma-core's tests/test_odp.py does with force_page_faults: MADV_DONTNEED on the memory region before each
 * transfer, so that every transfer faults on the device.
 */
import { pageBytes } from '../events.ts';
import {
  Actor,
  areaAt,
  deviceThread,
  pageOf,
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

export const rdmaRegistrations: WorkloadGenerator = {
  name: 'rdma-registrations',
  description:
    'RDMA memory regions of on-demand paging: each is dropped with MADV_DONTNEED before its next transfer, now and then registered anew.',
  options: [
    threadsOption(2),
    devicesOption(1),
    countOption('regions', 'memory regions of a thread', 8),
    pagesOption('pages of a memory region', 64),
  ],
  build(simulation, option) {
    const devices = option('devices');
    const transfers: Area[][] = Array.from({ length: devices }, () => []);
    const mirrors = new Map<Area, Mirror>();
    for (let index = 0; index < option('threads'); index++) {
      const areas = Array.from({ length: option('regions') }, (_, region) =>
        areaAt(index * 1024 + region, option('pages')),
      );
      simulation.add(new Actor(simulation, { process: 1, thread: 1 + index }), (actor) =>
        program(actor, areas, { transfers, mirrors }),
      );
    }
    for (let device = 0; device < devices; device++) {
      const nic = new Actor(simulation, { process: 1, thread: deviceThread + device, restNs: 100 });
      simulation.add(nic, (actor) => transfer(actor, transfers[device] ?? [], mirrors));
    }
  },
};

function* program(
  actor: Actor,
  areas: readonly Area[],
  shared: { readonly transfers: Area[][]; readonly mirrors: Map<Area, Mirror> },
): Script {
  const { transfers, mirrors } = shared;
  const { random } = actor.simulation;
  for (const [index, area] of areas.entries()) {
    actor.mmap(area);
    yield;
    mirrors.set(area, actor.register(index % transfers.length, area));
    yield;
  }
  for (;;) {
    const area = random.pick(areas);
    const mirror = mirrors.get(area);
    if (mirror !== undefined && random.oneIn(40)) {
      mirrors.delete(area);
      actor.unregister(mirror);
      yield;
      mirrors.set(area, actor.register(mirror.device, area));
      yield;
    }
    actor.madvise(area, 'dontneed');
    yield;
    for (let filled = random.between(0, 4); filled > 0; filled--) {
      actor.fault(pageOf(area, random), true);
      yield;
    }
    transfers[mirror?.device ?? 0]?.push(area);
  }
}

/** The card works off its queue, page after page, also while the program has gone on to the next one. */
function* transfer(actor: Actor, queue: Area[], mirrors: ReadonlyMap<Area, Mirror>): Script {
  const { random } = actor.simulation;
  for (;;) {
    const area = queue.shift();
    if (area === undefined) {
      actor.wait(2000);
      yield;
      continue;
    }
    const write = random.oneIn(2);
    const pages = Math.min(area.length / pageBytes, 16);
    for (let page = 0; page < pages; page++) {
      const mirror = mirrors.get(area);
      if (mirror === undefined) break;
      actor.access(mirror, area.address + page * pageBytes, write);
      yield;
    }
    // What piled up is dropped: a real queue pair would push back.
    if (queue.length > 64) queue.length = 0;
  }
}
