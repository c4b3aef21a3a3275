/**
 * A server that snapshots itself as redis does with BGSAVE: fork, both sides write, the child exits. Every first write to a
 * page after a fork breaks a share, one CLEAR section a page.
 */
import { addDevices, nothingMirrored, type Mirrored } from './devices.ts';
import { Actor, areaAt, pageOf, type Area, type Script } from './simulation.ts';
import {
  countOption,
  devicesOption,
  pagesOption,
  threadsOption,
  type WorkloadGenerator,
} from './workload.ts';

export const forkCow: WorkloadGenerator = {
  name: 'fork-cow',
  description:
    'A server that forks to save itself, as redis does: parent and child break shared pages by writing, then the child exits, while devices read the parent.',
  options: [
    threadsOption(2),
    devicesOption(1),
    pagesOption('pages of the data', 128),
    countOption('writes', 'writes by each child before it exits', 32),
    countOption('children', 'children alive at once', 2),
  ],
  build(simulation, option) {
    const mirrored = nothingMirrored();
    const data = areaAt(0, option('pages'));
    const server = new Actor(simulation, { process: 1, thread: 1 });
    simulation.add(server, (actor) => serve(actor, data, mirrored, option));
    for (let index = 1; index < option('threads'); index++) {
      const worker = new Actor(simulation, { process: 1, thread: 1 + index });
      simulation.add(worker, (actor) => work(actor, data, mirrored));
    }
    addDevices(simulation, mirrored, { devices: option('devices') });
  },
};

function* serve(
  actor: Actor,
  data: Area,
  mirrored: Mirrored,
  option: (name: string) => number,
): Script {
  const { random } = actor.simulation;
  actor.mmap(data);
  yield;
  for (let device = 0; device < option('devices'); device++) {
    mirrored.live.push(actor.register(device, data));
    yield;
  }
  let alive = 0;
  // Above every thread's number.
  let child = 100;
  for (;;) {
    if (alive < option('children') && random.oneIn(20)) {
      child += 1;
      alive += 1;
      const nowNs = actor.fork(child);
      const saver = new Actor(actor.simulation, { process: child, thread: child, nowNs });
      actor.simulation.add(saver, (saver) =>
        save(saver, data, option('writes'), () => {
          alive -= 1;
        }),
      );
    } else write(actor, data, mirrored);
    yield;
  }
}

function* work(actor: Actor, data: Area, mirrored: Mirrored): Script {
  while (mirrored.live.length === 0) {
    actor.wait(1000);
    yield;
  }
  for (;;) {
    write(actor, data, mirrored);
    yield;
  }
}

function write(actor: Actor, data: Area, mirrored: Mirrored): void {
  const { random } = actor.simulation;
  mirrored.hotAddress = pageOf(data, random);
  actor.fault(mirrored.hotAddress, true);
}

function* save(actor: Actor, data: Area, writes: number, exited: () => void): Script {
  const { random } = actor.simulation;
  for (let left = writes; left > 0; left--) {
    actor.fault(pageOf(data, random), !random.oneIn(3));
    yield;
  }
  exited();
  actor.exit();
  yield;
}
