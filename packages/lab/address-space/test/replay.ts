/** Random programs: what the agents of a machine do, by a seed. */
import {
  type AddressSpace,
  type Device,
  type Machine,
  type Mirror,
  protections,
  Random,
  type Task,
} from '@mmu-notifier/address-space';
import { huge, page } from './set-up.ts';

export const arena = { start: 0x1000_0000_0000, end: 0x1000_0000_0000 + 4 * huge };
const pages = (arena.end - arena.start) / page;

interface Place {
  readonly address: number;
  readonly length: number;
}

function place(random: Random): Place {
  const from = random.below(pages);
  // Mostly short ranges, some over huge pages.
  const most = random.chance(0.1) ? pages : 24;
  const count = 1 + random.below(Math.min(most, pages - from));
  return { address: arena.start + from * page, length: count * page };
}

/** What a program and the kernel do to an address space, `count` times. */
export function* mutate(
  space: AddressSpace,
  random: Random,
  count: number,
  devices: readonly Device[],
): Task<void> {
  for (let done = 0; done < count; done++) yield* mutateOnce(space, random, devices);
}

function* mutateOnce(space: AddressSpace, random: Random, devices: readonly Device[]): Task<void> {
  const { address, length } = place(random);
  const one = arena.start + random.below(pages) * page;
  const device = devices[random.below(devices.length)];
  switch (random.below(30)) {
    case 0:
    case 21:
    case 22:
      return void (yield* space.mmap({
        address,
        length,
        shared: random.chance(0.3),
        backing: random.chance(0.3) ? 'file' : 'anonymous',
      }));
    case 1:
      return yield* space.munmap(address, length);
    case 2: {
      const far = arena.start + ((one - arena.start + 2 * huge) % (4 * huge));
      const fits = Math.min(length, arena.end - far, Math.abs(far - address));
      if (fits <= 0) return undefined;
      return void (yield* space.mremap({
        address,
        oldLength: fits,
        newLength: fits,
        newAddress: far,
        keepOld: random.chance(0.3),
      }));
    }
    case 3:
      return yield* space.mprotect(address, length, protections.read);
    case 4:
      return yield* space.mprotect(address, length, protections.read | protections.write);
    case 5:
      return yield* space.madvise(address, length, 'dontneed');
    case 6:
      return yield* space.madvise(address, length, 'free');
    case 7:
      return yield* space.madvise(address, length, 'pageout');
    case 8:
      return yield* space.madvise(address, length, 'remove');
    case 9: {
      const child = yield* space.fork();
      yield* child.fault(one, true);
      return yield* child.exit();
    }
    case 10:
      return yield* space.reclaim(address, length);
    case 11:
      return yield* space.migrate(address, length);
    case 12:
      return yield* space.ksm(address, length);
    case 13:
      return void (yield* space.collapse(one));
    case 14:
      return yield* space.split(one);
    case 15:
      return yield* space.numaHinting(address, length);
    case 16:
      if (random.chance(0.3)) yield* space.softDirtyClear();
      return undefined;
    case 17:
      return yield* space.writeback(address, length);
    case 18:
      return yield* space.truncate(address, length);
    case 19:
      if (device !== undefined) yield* space.deviceMigrate(address, length, device);
      return undefined;
    case 20:
      if (device !== undefined) yield* space.deviceExclusive(one, page, device);
      return undefined;
    default:
      return void (yield* space.fault(one, random.chance(0.7), random.below(5)));
  }
}

/** A device that reads and writes through its mirrors, and renews one now and then. */
export function* use(
  device: Device,
  space: AddressSpace,
  random: Random,
  count: number,
): Task<void> {
  const mirrors: Mirror[] = [];
  for (let done = 0; done < count; done++) {
    if (mirrors.length < 3 || random.chance(0.01)) {
      const { address, length } = place(random);
      const span = random.chance(0.3) ? arena : { start: address, end: address + length };
      mirrors.push(yield* device.register(space, span));
      if (mirrors.length > 4) yield* device.unregister(mirrors.shift()!);
    }
    const mirror = mirrors[random.below(mirrors.length)]!;
    const offset = random.below((mirror.end - mirror.start) / page) * page;
    yield* device.access(mirror, mirror.start + offset, random.chance(0.4));
  }
}

/** Spawns programs and devices over one address space; runs them all. */
export async function replay(
  machine: Machine,
  seed: number,
  count: number,
  devices: readonly Device[],
): Promise<AddressSpace> {
  const random = new Random(seed);
  const space = machine.createAddressSpace('mm');
  const { scheduler } = machine;
  const nextRandom = (): Random => new Random(random.next());
  for (let thread = 1; thread <= 3; thread++) {
    scheduler.spawn(mutate(space, nextRandom(), count, devices), undefined, `thread ${thread}`);
  }
  for (const device of devices) {
    scheduler.spawn(use(device, space, nextRandom(), count * 4), undefined, device.name);
    scheduler.spawn(use(device, space, nextRandom(), count * 4), undefined, device.name);
  }
  await scheduler.run();
  return space;
}
