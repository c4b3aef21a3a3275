/**
 * Memory runs out: the OOM reaper takes the victim's areas one by one, with sections that must not wait, while devices still
 * fault on them. The victim only exits afterwards (mm/oom_kill.c, oom_reap_task).
 */
import { pageBytes } from '../events.ts';
import { addDevices, dropMirror, nothingMirrored, type Mirrored } from './devices.ts';
import {
  Actor,
  areaAt,
  kernelThread,
  pageOf,
  type Area,
  type Mirror,
  type Script,
} from './simulation.ts';
import { countOption, devicesOption, pagesOption, type WorkloadGenerator } from './workload.ts';

export const oom: WorkloadGenerator = {
  name: 'oom',
  description:
    'Workers fill their memory until the OOM reaper takes it in sections that must not wait, while devices still fault there; then they exit and others come.',
  options: [
    devicesOption(2),
    countOption('workers', 'workers alive at once', 2),
    countOption('areas', 'mappings of a worker', 6),
    pagesOption('pages of a mapping', 64),
    countOption('faults', 'faults of a worker before memory runs out', 200),
  ],
  build(simulation, option) {
    const mirrored = nothingMirrored();
    const victims: Worker[] = [];
    const parent = new Actor(simulation, { process: 1, thread: 1, restNs: 5000 });
    simulation.add(parent, (actor) => hire(actor, mirrored, victims, option));
    const reaper = new Actor(simulation, { process: 1, thread: kernelThread, restNs: 300 });
    simulation.add(reaper, (actor) => reap(actor, mirrored, victims));
    const kswapd = new Actor(simulation, { process: 1, thread: kernelThread + 1, restNs: 3000 });
    simulation.add(kswapd, (actor) => reclaim(actor, mirrored));
    addDevices(simulation, mirrored, { devices: option('devices'), each: 2, restNs: 300 });
  },
};

interface Worker {
  readonly process: number;
  readonly areas: readonly Area[];
  reaped: boolean;
}

function* hire(
  actor: Actor,
  mirrored: Mirrored,
  victims: Worker[],
  option: (name: string) => number,
): Script {
  const { simulation } = actor;
  let alive = 0;
  for (let process = 2; ; process++) {
    while (alive >= option('workers')) {
      actor.wait(5000);
      yield;
    }
    alive += 1;
    const nowNs = actor.fork(process);
    const areas = Array.from({ length: option('areas') }, (_, area) =>
      areaAt(area, option('pages')),
    );
    const worker: Worker = { process, areas, reaped: false };
    simulation.add(new Actor(simulation, { process, thread: process, nowNs }), (actor) =>
      work(actor, worker, { mirrored, victims, option }, () => {
        alive -= 1;
      }),
    );
    yield;
  }
}

function* work(
  actor: Actor,
  worker: Worker,
  shared: {
    readonly mirrored: Mirrored;
    readonly victims: Worker[];
    readonly option: (name: string) => number;
  },
  exited: () => void,
): Script {
  const { mirrored, victims, option } = shared;
  const { random } = actor.simulation;
  const mirrors: Mirror[] = [];
  for (const area of worker.areas) {
    actor.mmap(area);
    yield;
    const mirror = actor.register(random.below(option('devices')), area);
    mirrors.push(mirror);
    mirrored.live.push(mirror);
    yield;
  }
  for (let left = option('faults'); left > 0; left--) {
    actor.fault(pageOf(random.pick(worker.areas), random), !random.oneIn(4));
    yield;
  }
  victims.push(worker);
  while (!worker.reaped) {
    actor.wait(3000);
    yield;
  }
  for (const mirror of mirrors) dropMirror(mirrored, mirror);
  exited();
  // Devices' last accesses end before the address space does.
  actor.wait(2000);
  yield;
  actor.exit();
  yield;
}

function* reap(actor: Actor, mirrored: Mirrored, victims: Worker[]): Script {
  for (;;) {
    const victim = victims.shift();
    if (victim === undefined) {
      actor.wait(2000);
      yield;
      continue;
    }
    for (const area of victim.areas) {
      mirrored.hotAddress = area.address;
      actor.kernel('oomReap', area, victim.process);
      yield;
    }
    victim.reaped = true;
  }
}

function* reclaim(actor: Actor, { live }: Mirrored): Script {
  const { random } = actor.simulation;
  for (;;) {
    if (live.length === 0) actor.wait(3000);
    else {
      const mirror = random.pick(live);
      const page = { address: pageOf(mirror, random), length: pageBytes };
      actor.kernel('reclaim', page, mirror.process);
    }
    yield;
  }
}
