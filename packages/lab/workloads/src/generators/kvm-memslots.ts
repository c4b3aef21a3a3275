/**
 * A virtual machine: few, huge memory slots, touched by many virtual CPUs. The shapes are those of KVM's selftests
 * memslot_modification_stress_test and demand_paging_test.
 */
import { pageBytes } from '../events.ts';
import { addDevices, dropMirror, nothingMirrored, type Mirrored } from './devices.ts';
import {
  Actor,
  areaAt,
  kernelThread,
  pagesOf,
  type Area,
  type Mirror,
  type Script,
} from './simulation.ts';
import { countOption, type WorkloadGenerator } from './workload.ts';

const hugeBytes = 512 * pageBytes;
const pagesInMiB = 256;

export const kvmMemslots: WorkloadGenerator = {
  name: 'kvm-memslots',
  description:
    "A virtual machine's few huge memory slots under the faults of many virtual CPUs: ballooning, slots that change, huge pages that form and split.",
  options: [
    countOption('vcpus', 'virtual CPUs', 4),
    countOption('slots', 'memory slots', 3),
    { name: 'slotMiB', description: 'size of a slot in MiB', default: 256, least: 2, most: 2048 },
  ],
  build(simulation, option) {
    const mirrored = nothingMirrored();
    const areas = Array.from({ length: option('slots') }, (_, slot) =>
      areaAt(slot, option('slotMiB') * pagesInMiB),
    );
    const monitor = new Actor(simulation, { process: 1, thread: 1, restNs: 5000 });
    simulation.add(monitor, (actor) => manage(actor, areas, mirrored));
    const khugepaged = { process: 1, thread: kernelThread, restNs: 5000 };
    simulation.add(new Actor(simulation, khugepaged), (actor) => huge(actor, areas, mirrored));
    addDevices(simulation, mirrored, { devices: 1, each: option('vcpus'), restNs: 400 });
  },
};

function* manage(actor: Actor, areas: readonly Area[], mirrored: Mirrored): Script {
  const { random } = actor.simulation;
  const slots: Mirror[] = [];
  for (const area of areas) {
    actor.mmap(area);
    yield;
    slots.push(actor.register(0, area));
    yield;
  }
  mirrored.live.push(...slots);
  for (;;) {
    const index = random.below(slots.length);
    const slot = slots[index];
    if (slot !== undefined && random.oneIn(8)) {
      dropMirror(mirrored, slot);
      actor.unregister(slot);
      yield;
      slots[index] = actor.register(0, slot);
      mirrored.live.push(slots[index]);
      yield;
    } else {
      const area = pagesOf(random.pick(areas), 64, random);
      mirrored.hotAddress = area.address;
      actor.madvise(area, 'dontneed');
      yield;
    }
  }
}

function* huge(actor: Actor, areas: readonly Area[], mirrored: Mirrored): Script {
  const { random } = actor.simulation;
  while (mirrored.live.length === 0) {
    actor.wait(10_000);
    yield;
  }
  for (;;) {
    const area = random.pick(areas);
    const page = random.below(area.length / hugeBytes) * hugeBytes;
    const kind = random.pick(['collapse', 'split', 'reclaim', 'ksm'] as const);
    const length = kind === 'collapse' || kind === 'split' ? hugeBytes : pageBytes;
    mirrored.hotAddress = area.address + page;
    actor.kernel(kind, { address: mirrored.hotAddress, length });
    yield;
  }
}
