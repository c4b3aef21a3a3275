/**
 * What other suites check of the kernel, told on the simulated machine: programs, devices and their data. Everything that a
 * device is served must be what the page held when it was served.
 */
import {
  Machine,
  pageBytes,
  protections,
  Scheduler,
  type AddressSpace,
  type Device,
  type Mirror,
  type Task,
} from '@mmu-notifier/address-space';
import { check, equal } from '../check.ts';
import { key, type Key } from '../key.ts';
import type { World } from '../world.ts';

const base = 0x7f00_0000_0000;
const pages = 8;
const at = (number: number): number => base + number * pageBytes;
const span = { start: base, end: at(pages) };
const { read, write } = protections;
const hmm = 'tools/testing/selftests/mm/hmm-tests.c v7.1';
const igt = 'igt-gpu-tools tests/intel/gem_userptr_blits.c';
const kvm = 'tools/testing/selftests/kvm v7.1';

/** A program, its address space with eight pages that hold 10, 11, …, and a device that mirrors them. */
class Stage {
  readonly scheduler: Scheduler;
  readonly machine: Machine;
  readonly space: AddressSpace;

  constructor(world: World, seed: number) {
    this.scheduler = new Scheduler({ seed });
    const createNotifier = (): ReturnType<World['create']> => world.create();
    this.machine = new Machine({ scheduler: this.scheduler, createNotifier });
    this.space = this.machine.createAddressSpace('mm');
  }

  *fill(options: { readonly shared?: boolean } = {}): Task<void> {
    yield* this.space.mmap({ address: base, length: pages * pageBytes, ...options });
    for (let number = 0; number < pages; number++) {
      yield* this.space.fault(at(number), true, 10 + number);
    }
  }

  spawn(task: Task<unknown>, name: string): void {
    this.scheduler.spawn(task, undefined, name);
  }
}

type Program = (stage: Stage) => Task<void>;

/** Runs a program by several seeds; nothing that a device was served may have been stale. */
function machineKey(
  name: string,
  promise: string,
  source: string,
  seeds: number,
  program: Program,
): Key {
  return key(name, promise, { way: 'machine', source }, async (world) => {
    const { seed, effort } = world.subject;
    for (let run = 0; run < Math.ceil(seeds * effort); run++) {
      const stage = new Stage(world, seed + run);
      stage.spawn(program(stage), 'program');
      await stage.scheduler.run();
      const { machine } = stage;
      const story = machine.oracle.firstStale;
      check(story === undefined, `no stale entry, by seed ${seed + run}: ${story ?? ''}`);
      equal(machine.statistics.staleReads, 0, `stale reads by seed ${seed + run}`);
      machine.verify();
    }
  });
}

/** What a device reads at each page, or how its access fails. */
function* readAll(device: Device, mirror: Mirror): Task<unknown[]> {
  const seen: unknown[] = [];
  for (let number = 0; number < pages; number++) {
    const outcome = yield* device.access(mirror, at(number), false);
    const isRead = outcome === 'hit' || outcome === 'faulted';
    seen.push(isRead ? device.contentsAt(mirror, at(number)) : outcome);
  }
  return seen;
}

const filled = [10, 11, 12, 13, 14, 15, 16, 17];

export const machineKeys: readonly Key[] = [
  machineKey(
    'HMM.anon-read',
    'lets a device read what the program wrote, and keeps a page from it while it is PROT_NONE',
    `${hmm}: anon_read, anon_read_prot`,
    1,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      const device = machine.createDevice({ name: 'gpu' });
      const mirror = yield* device.register(space, span);
      equal(yield* readAll(device, mirror), filled, 'what the device reads');
      yield* space.mprotect(at(2), 2 * pageBytes, 0);
      const refused = [10, 11, 'efault', 'efault', 14, 15, 16, 17];
      equal(yield* readAll(device, mirror), refused, 'what it reads of PROT_NONE');
      yield* space.mprotect(at(2), 2 * pageBytes, read);
      equal(yield* readAll(device, mirror), filled, 'what it reads afterwards');
    },
  ),
  machineKey(
    'HMM.anon-write',
    'lets the program see what a device writes, and the device not write what is read-only',
    `${hmm}: anon_write, anon_write_prot`,
    1,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      const device = machine.createDevice({ name: 'gpu' });
      const mirror = yield* device.register(space, span);
      equal(yield* device.access(mirror, at(3), true, 99), 'faulted', 'a write');
      equal(space.contentsAt(at(3)), 99, 'what the program sees');
      yield* space.mprotect(base, pages * pageBytes, read);
      equal(yield* device.access(mirror, at(3), true, 98), 'eperm', 'a write to what is read-only');
      equal(yield* device.access(mirror, at(3), false), 'faulted', 'a read of it');
      yield* space.mprotect(base, pages * pageBytes, read | write);
      equal(yield* device.access(mirror, at(3), true, 97), 'faulted', 'a write when it is allowed');
      equal(space.contentsAt(at(3)), 97, 'what the program sees then');
    },
  ),
  machineKey(
    'HMM.anon-write-child',
    'leaves the parent unchanged by a device that writes in the child, and by one that could write before the fork',
    `${hmm}: anon_write_child`,
    1,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      const device = machine.createDevice({ name: 'gpu' });
      const mirror = yield* device.register(space, span);
      yield* device.access(mirror, at(1), true, 20);
      const child = yield* space.fork('child');
      const theirs = yield* device.register(child, span);
      yield* device.access(theirs, base, true, 99);
      equal([child.contentsAt(base), space.contentsAt(base)], [99, 10], 'child and parent');
      yield* device.access(mirror, at(1), true, 21);
      equal([child.contentsAt(at(1)), space.contentsAt(at(1))], [20, 21], 'child and parent');
    },
  ),
  machineKey(
    'HMM.anon-teardown',
    'serves a device right data or none while the program unmaps half of what it reads',
    `${hmm}: anon_teardown`,
    15,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      const device = machine.createDevice({ name: 'gpu' });
      const mirror = yield* device.register(space, span);
      function* reading(): Task<void> {
        const seen = yield* readAll(device, mirror);
        equal(seen.slice(0, 4), filled.slice(0, 4), 'the half that stays');
      }
      stage.spawn(reading(), 'reader');
      yield* space.munmap(at(4), 4 * pageBytes);
    },
  ),
  machineKey(
    'HMM.migrate',
    'keeps data through migrations to a device and back, seen by the program and another device',
    `${hmm}: migrate, migrate_fault, double_map`,
    5,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      const [one, two] = [
        machine.createDevice({ name: 'one' }),
        machine.createDevice({ name: 'two' }),
      ];
      const [first, second] = [yield* one.register(space, span), yield* two.register(space, span)];
      for (let time = 0; time < 3; time++) {
        yield* space.deviceMigrate(base, pages * pageBytes, one);
        equal(yield* readAll(one, first), filled, 'what the device reads that has it');
        equal(yield* readAll(two, second), filled, 'what the other reads');
        yield* space.fault(at(time), false);
        equal(space.contentsAt(at(time)), 10 + time, 'what the program reads');
      }
    },
  ),
  machineKey(
    'HMM.exclusive',
    'takes exclusive access from a device when the program touches the page, protects it, or forks',
    `${hmm}: exclusive, exclusive_mprotect, exclusive_cow`,
    5,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      const device = machine.createDevice({ name: 'gpu' });
      const mirror = yield* device.register(space, span);
      yield* space.deviceExclusive(base, pages * pageBytes, device);
      yield* device.access(mirror, base, true, 50);
      yield* space.fault(base, true, 51);
      yield* device.access(mirror, base, false);
      equal(device.contentsAt(mirror, base), 51, 'what the device reads after the program wrote');
      yield* space.mprotect(base, pageBytes, read);
      equal(yield* device.access(mirror, base, true, 52), 'eperm', 'a write to what is read-only');
    },
  ),
  machineKey(
    'HMM.snapshot',
    'lets mirrors come and go over others while the program changes what they cover',
    `${hmm}: snapshot, which inserts a second, overlapping notifier`,
    10,
    function* (stage) {
      const { machine, space, scheduler } = stage;
      yield* stage.fill();
      const device = machine.createDevice({ name: 'gpu' });
      const mirror = yield* device.register(space, span);
      function* snapshots(): Task<void> {
        for (let time = 0; time < 4; time++) {
          const start = at(scheduler.random.below(pages));
          const temporary = yield* device.register(space, { start, end: start + 2 * pageBytes });
          yield* device.access(temporary, start, false);
          yield* device.unregister(temporary);
        }
      }
      stage.spawn(snapshots(), 'snapshots');
      for (let time = 0; time < 6; time++) {
        yield* space.madvise(at(scheduler.random.below(pages)), pageBytes, 'dontneed');
        yield* device.access(mirror, at(scheduler.random.below(pages)), true);
      }
    },
  ),
  machineKey(
    'IGT.unmap-cycles',
    'refuses a device what was unmapped, and serves what was mapped there again, over and over',
    `${igt}: sync-unmap-cycles`,
    3,
    function* (stage) {
      const { machine, space } = stage;
      const device = machine.createDevice({ name: 'gpu' });
      yield* stage.fill();
      const mirror = yield* device.register(space, span);
      for (let cycle = 0; cycle < 5; cycle++) {
        equal(yield* readAll(device, mirror), filled, 'what the device reads');
        yield* space.munmap(base, pages * pageBytes);
        equal(yield* device.access(mirror, base, false), 'efault', 'an access to nothing');
        yield* stage.fill();
      }
    },
  ),
  machineKey(
    'IGT.stress-close',
    'neither deadlocks nor serves stale data while mirrors are made and closed and the program flips protections',
    `${igt}: stress-mm-invalidate-close-overlap`,
    8,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      for (const name of ['one', 'two']) {
        const device = machine.createDevice({
          name,
          waits: name === 'one' ? 'invalidate' : 'finish',
        });
        stage.spawn(
          (function* (): Task<void> {
            for (let time = 0; time < 5; time++) {
              const mirror = yield* device.register(space, span);
              yield* device.access(mirror, at(time), false);
              yield* device.unregister(mirror);
            }
          })(),
          name,
        );
      }
      for (let time = 0; time < 8; time++) {
        yield* space.mprotect(base, pages * pageBytes, time % 2 === 0 ? read : read | write);
      }
    },
  ),
  machineKey(
    'IGT.map-fixed',
    'tears down what a mapping in the same place replaces',
    `${igt}: map-fixed-invalidate-overlap-busy`,
    8,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      const device = machine.createDevice({ name: 'gpu', waits: 'finish' });
      const mirror = yield* device.register(space, span);
      function* busy(): Task<void> {
        for (let time = 0; time < 3; time++) yield* readAll(device, mirror);
      }
      stage.spawn(busy(), 'busy');
      for (let time = 0; time < 4; time++) {
        yield* space.mmap({ address: at(2), length: 3 * pageBytes, populate: true });
      }
    },
  ),
  machineKey(
    'IGT.process-exit',
    'ends every access of devices when the process exits while they are busy',
    `${igt}: process-exit-busy`,
    10,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      for (const name of ['one', 'two']) {
        const device = machine.createDevice({ name });
        const mirror = yield* device.register(space, span);
        stage.spawn(
          (function* (): Task<void> {
            for (let time = 0; time < 12; time++) {
              const outcome = yield* device.access(mirror, at(time % pages), true);
              if (outcome === 'closed') break;
            }
            yield* device.unregister(mirror);
          })(),
          name,
        );
      }
      yield* space.exit();
    },
  ),
  machineKey(
    'KVM.mprotect',
    'lets virtual CPUs write until memory is read-only, refuses them then, and lets them go on afterwards',
    `${kvm}/mmu_stress_test.c`,
    10,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      const guest = machine.createDevice({ name: 'guest' });
      const slot = yield* guest.register(space, span);
      let isProtected = false;
      for (const name of ['vcpu 0', 'vcpu 1']) {
        stage.spawn(
          (function* (): Task<void> {
            for (let time = 0; time < 12; time++) {
              const wasProtected = isProtected;
              const outcome = yield* guest.access(slot, at(time % pages), true);
              if (wasProtected && isProtected)
                equal(outcome, 'eperm', 'a write to what is read-only');
            }
          })(),
          name,
        );
      }
      yield* space.mprotect(base, pages * pageBytes, read);
      isProtected = true;
      yield* guest.access(slot, base, false);
      isProtected = false;
      yield* space.mprotect(base, pages * pageBytes, read | write);
      const outcome = yield* guest.access(slot, base, true);
      check(outcome === 'hit' || outcome === 'faulted', `a write to be allowed again: ${outcome}`);
    },
  ),
  machineKey(
    'KVM.slots',
    'loses no write of virtual CPUs while memory slots come and go',
    `${kvm}/memslot_modification_stress_test.c, set_memory_region_test.c`,
    8,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      const guest = machine.createDevice({ name: 'guest' });
      const slot = yield* guest.register(space, span);
      function* slots(): Task<void> {
        for (let time = 0; time < 6; time++) {
          yield* guest.unregister(
            yield* guest.register(space, { start: at(time), end: at(pages) }),
          );
        }
      }
      stage.spawn(slots(), 'slots');
      for (let number = 0; number < pages; number++) {
        yield* guest.access(slot, at(number), true, 100 + number);
        equal(space.contentsAt(at(number)), 100 + number, 'what was written');
        yield* space.migrate(at(number), pageBytes);
        equal(space.contentsAt(at(number)), 100 + number, 'what was written, elsewhere');
      }
    },
  ),
  machineKey(
    'ODP.dontneed',
    'transfers what the program holds although its memory is given back before each transfer',
    'rdma-core tests/test_odp.py: DONTNEED of both regions before each iteration',
    5,
    function* (stage) {
      const { machine, space } = stage;
      yield* stage.fill();
      const nic = machine.createDevice({ name: 'nic' });
      const [from, to] = [
        yield* nic.register(space, { start: base, end: at(4) }),
        yield* nic.register(space, { start: at(4), end: at(8) }),
      ];
      for (let time = 0; time < 10; time++) {
        yield* space.madvise(base, 4 * pageBytes, 'dontneed');
        yield* space.madvise(at(4), 4 * pageBytes, 'dontneed');
        yield* space.fault(at(1), true, 1000 + time);
        yield* nic.access(from, at(1), false);
        const message = nic.contentsAt(from, at(1))!;
        yield* nic.access(to, at(5), true, message);
        equal(space.contentsAt(at(5)), 1000 + time, 'the message');
      }
    },
  ),
  machineKey(
    'O2',
    'serves no stale entry whatever a random program does to memory that devices use',
    'ours: differential against the page table',
    20,
    function* (stage) {
      const { machine, space, scheduler } = stage;
      const { random } = scheduler;
      yield* stage.fill();
      const anywhere = (): number => at(random.below(pages));
      for (const [name, waits] of [
        ['quick', 'never'],
        ['slow', 'invalidate'],
        ['late', 'finish'],
      ] as const) {
        const device = machine.createDevice({ name, waits });
        stage.spawn(
          (function* (): Task<void> {
            for (let round = 0; round < 3; round++) {
              const mirror = yield* device.register(space, { start: anywhere(), end: at(pages) });
              for (let time = 0; time < 6; time++) {
                yield* device.access(mirror, anywhere(), random.below(2) === 0);
              }
              yield* device.unregister(mirror);
            }
          })(),
          name,
        );
      }
      function* change(): Task<void> {
        for (let round = 0; round < 12; round++) {
          const address = anywhere();
          const choice = random.below(6);
          if (choice === 0) yield* space.mmap({ address, length: pageBytes, populate: true });
          else if (choice === 1) yield* space.madvise(address, pageBytes, 'dontneed');
          else if (choice === 2) yield* space.migrate(address, 2 * pageBytes);
          else if (choice === 3) yield* space.reclaim(address, pageBytes);
          else if (choice === 4) yield* space.oomReap();
          else yield* space.fault(address, true);
        }
      }
      for (const name of ['thread 1', 'thread 2']) stage.spawn(change(), name);
    },
  ),
];
