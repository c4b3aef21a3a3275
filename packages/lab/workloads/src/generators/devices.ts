/**
 * Devices that read and write whatever is mirrored, at random: the counterpart of most programs here.
 */
import {
  Actor,
  deviceThread,
  pageOf,
  type Mirror,
  type Script,
  type Simulation,
} from './simulation.ts';

/** What is mirrored at the moment, and the page that a program has just touched, if it tells. */
export interface Mirrored {
  readonly live: Mirror[];
  hotAddress: number;
}

/** Nothing mirrored yet. */
export function nothingMirrored(): Mirrored {
  return { live: [], hotAddress: -1 };
}

/** Adds the agents of `devices` devices, `each` for one device; they touch the mirrors of their device. */
export function addDevices(
  simulation: Simulation,
  mirrored: Mirrored,
  counts: { readonly devices: number; readonly each?: number; readonly restNs?: number },
): void {
  const { devices, each = 1, restNs = 600 } = counts;
  for (let device = 0; device < devices; device++) {
    for (let agent = 0; agent < each; agent++) {
      const thread = deviceThread + device * each + agent;
      const actor = new Actor(simulation, { process: 1, thread, restNs });
      simulation.add(actor, (actor) => touch(actor, device, mirrored));
    }
  }
}

function* touch(actor: Actor, device: number, mirrored: Mirrored): Script {
  const { random } = actor.simulation;
  for (;;) {
    const mirror = mirrorOf(device, mirrored, random.next());
    if (mirror === undefined) {
      actor.wait(1000);
      yield;
      continue;
    }
    const { hotAddress } = mirrored;
    const hot = hotAddress >= mirror.address && hotAddress < mirror.address + mirror.length;
    const address = hot && !random.oneIn(4) ? hotAddress : pageOf(mirror, random);
    actor.access(mirror, address, random.oneIn(3));
    yield;
  }
}

/** The device's first mirror from a random one on. */
function mirrorOf(device: number, { live }: Mirrored, start: number): Mirror | undefined {
  for (let step = 0; step < live.length; step++) {
    const mirror = live[(start + step) % live.length];
    if (mirror?.device === device) return mirror;
  }
  return undefined;
}

/** Ends a mirror's use; the registration itself is for the caller to end. */
export function dropMirror({ live }: Mirrored, mirror: Mirror): void {
  const index = live.indexOf(mirror);
  if (index >= 0) live.splice(index, 1);
}
