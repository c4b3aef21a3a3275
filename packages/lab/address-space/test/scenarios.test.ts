/** What hmm-tests of the kernel's selftests check, told for this machine: programs, devices and their data. */
import { describe, expect, it } from 'vitest';
import {
  type AddressSpace,
  type Device,
  type Mirror,
  protections,
  type Task,
} from '@mmu-notifier/address-space';
import { createMachine, huge, page, type TestMachine } from './set-up.ts';

const base = 0x7f00_0000_0000;
const at = (number: number): number => base + number * page;
const { read, write } = protections;

interface Buffer {
  readonly machine: TestMachine;
  readonly space: AddressSpace;
  readonly device: Device;
  readonly mirror: Mirror;
}

/** Eight pages that hold 10, 11, …, mirrored by a device. */
async function createBuffer(options: { shared?: boolean } = {}): Promise<Buffer> {
  const machine = createMachine();
  const space = machine.createAddressSpace('mm');
  await machine.do(space.mmap({ address: base, length: 8 * page, ...options }));
  for (let number = 0; number < 8; number++) {
    await machine.do(space.fault(at(number), true, 10 + number));
  }
  const device = machine.createDevice({ name: 'gpu' });
  const mirror = await machine.do(device.register(space, { start: base, end: at(8) }));
  return { machine, space, device, mirror };
}

/** What the device reads at each page, or how its access fails. */
async function readAll({ machine, device, mirror }: Buffer): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (let number = 0; number < 8; number++) {
    const outcome = await machine.do(device.access(mirror, at(number), false));
    const isRead = outcome === 'hit' || outcome === 'faulted';
    seen.push(isRead ? device.contentsAt(mirror, at(number)) : outcome);
  }
  machine.verify();
  return seen;
}

const filled = [10, 11, 12, 13, 14, 15, 16, 17];

describe('a program and a device', () => {
  it('anon_read: the device reads what the program wrote, once by a fault, then without', async () => {
    const buffer = await createBuffer();
    expect(await readAll(buffer)).toEqual(filled);
    expect(await readAll(buffer)).toEqual(filled);
    expect(buffer.machine.statistics).toMatchObject({ accesses: 16, faults: 8, published: 8 });
  });

  it('anon_read_prot: PROT_NONE refuses the device, and given back the data is intact', async () => {
    const buffer = await createBuffer();
    const { machine, space } = buffer;
    await readAll(buffer);
    await machine.do(space.mprotect(at(2), 2 * page, 0));
    const refused = [10, 11, 'efault', 'efault', 14, 15, 16, 17];
    expect(await readAll(buffer)).toEqual(refused);
    await machine.do(space.mprotect(at(2), 2 * page, read));
    expect(await readAll(buffer)).toEqual(filled);
  });

  it('anon_write: the program sees what the device writes', async () => {
    const { machine, space, device, mirror } = await createBuffer();
    expect(await machine.do(device.access(mirror, at(3), true, 99))).toBe('faulted');
    expect(space.contentsAt(at(3))).toBe(99);
  });

  it('anon_write_prot: what is read-only the device reads and does not write', async () => {
    const { machine, space, device, mirror } = await createBuffer();
    await machine.do(space.mprotect(base, 8 * page, read));
    expect(await machine.do(device.access(mirror, base, false))).toBe('faulted');
    expect(await machine.do(device.access(mirror, base, true))).toBe('eperm');
    await machine.do(space.mprotect(base, 8 * page, read | write));
    expect(await machine.do(device.access(mirror, base, true, 99))).toBe('faulted');
    expect(space.contentsAt(base)).toBe(99);
  });

  it('anon_write_child: a device that writes in the child leaves the parent unchanged', async () => {
    const buffer = await createBuffer();
    const { machine, space, device } = buffer;
    await readAll(buffer);
    const child = await machine.do(space.fork('child'));
    const mirror = await machine.do(device.register(child, { start: base, end: at(8) }));
    expect(await machine.do(device.access(mirror, base, true, 99))).toBe('faulted');
    expect([child.contentsAt(base), space.contentsAt(base)]).toEqual([99, 10]);
    expect(await readAll(buffer)).toEqual(filled);
  });

  it('a device that could write before the fork copies like everybody else after it', async () => {
    const { machine, space, device, mirror } = await createBuffer();
    await machine.do(device.access(mirror, base, true, 20));
    const child = await machine.do(space.fork('child'));
    expect(mirror.entryAt(base)).toBeUndefined();
    expect(await machine.do(device.access(mirror, base, true, 21))).toBe('faulted');
    expect([space.contentsAt(base), child.contentsAt(base)]).toEqual([21, 20]);
    // Its own copy on write was a section over the page: the first attempt collided, truly.
    expect(machine.statistics.retries).toEqual({ true: 1, false: 0, longestRun: 1 });
  });

  it('anon_write_child_shared: shared memory is one for parent and child', async () => {
    const { machine, space, device } = await createBuffer({ shared: true });
    const child = await machine.do(space.fork('child'));
    const mirror = await machine.do(device.register(child, { start: base, end: at(8) }));
    await machine.do(device.access(mirror, base, true, 99));
    expect(space.contentsAt(base)).toBe(99);
  });

  it('anon_write_huge: the device writes into a huge page, which is then split', async () => {
    const machine = createMachine();
    const space = machine.createAddressSpace('mm');
    const start = huge * 1000;
    await machine.do(space.mmap({ address: start, length: huge }));
    await machine.do(space.fault(start + 5 * page, true, 7));
    expect(await machine.do(space.collapse(start))).toBe(true);
    const device = machine.createDevice();
    const mirror = await machine.do(device.register(space, { start, end: start + huge }));
    await machine.do(device.access(mirror, start + 6 * page, true, 8));
    await machine.do(space.split(start));
    expect(mirror.shadow.count).toBe(0);
    expect([5, 6, 7].map((number) => space.contentsAt(start + number * page))).toEqual([7, 8, 0]);
    machine.verify();
  });

  it('anon_teardown: a program unmaps the second half while the device reads all', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const machine = createMachine({ seed });
      const space = machine.createAddressSpace('mm');
      await machine.do(space.mmap({ address: base, length: 8 * page, populate: true }));
      const device = machine.createDevice();
      const mirror = await machine.do(device.register(space, { start: base, end: at(8) }));
      const outcomes: string[] = [];
      function* readPages(): Task<void> {
        for (let number = 0; number < 8; number++) {
          outcomes.push(yield* device.access(mirror, at(number), false));
        }
      }
      machine.scheduler.spawn(readPages());
      machine.scheduler.spawn(space.munmap(at(4), 4 * page));
      await machine.scheduler.run();
      expect(outcomes.slice(0, 4)).toEqual(['faulted', 'faulted', 'faulted', 'faulted']);
      for (const outcome of outcomes.slice(4)) expect(['faulted', 'efault']).toContain(outcome);
      expect(mirror.shadow.count).toBe(4);
      expect(machine.oracle.firstStale).toBeUndefined();
    }
  });

  it('migrate: pages in the device keep their data, on the way there and back', async () => {
    const buffer = await createBuffer();
    const { machine, space, device, mirror } = buffer;
    await readAll(buffer);
    expect(await machine.do(space.deviceMigrate(base, 8 * page, device))).toBe(8);
    // Its own migration: the entries follow the pages, nobody tore them down.
    expect(mirror.shadow.count).toBe(8);
    expect(await readAll(buffer)).toEqual(filled);
    expect(machine.statistics.staleReads).toBe(0);
    await machine.do(device.access(mirror, base, true, 99));
    await machine.do(space.fault(base, false));
    expect(space.contentsAt(base)).toBe(99);
    expect(mirror.entryAt(base)).toBeUndefined();
    expect((await readAll(buffer))[0]).toBe(99);
  });

  it('migrate_shared: shared pages stay where they are', async () => {
    const { machine, space, device } = await createBuffer({ shared: true });
    expect(await machine.do(space.deviceMigrate(base, 8 * page, device))).toBe(0);
  });

  it('double_map: another device reads the right data after a migration, which brings it back', async () => {
    const buffer = await createBuffer();
    const { machine, space } = buffer;
    const other = machine.createDevice({ name: 'other' });
    await readAll(buffer);
    await machine.do(space.deviceMigrate(base, 8 * page, other));
    expect(buffer.mirror.shadow.count).toBe(0);
    expect(await readAll(buffer)).toEqual(filled);
  });

  it('exclusive: a device has a page for itself until a CPU touches it', async () => {
    const buffer = await createBuffer();
    const { machine, space, device, mirror } = buffer;
    await readAll(buffer);
    expect(await machine.do(space.deviceExclusive(base, 2 * page, device))).toBe(2);
    expect(mirror.shadow.count).toBe(8);
    await machine.do(device.access(mirror, base, true, 99));
    expect(await machine.do(space.fault(base, false))).toBe('ok');
    expect(mirror.entryAt(base)).toBeUndefined();
    expect(space.contentsAt(base)).toBe(99);
  });

  it('exclusive_cow: a fork ends it, and a write afterwards copies', async () => {
    const { machine, space, device } = await createBuffer();
    await machine.do(space.deviceExclusive(base, page, device));
    const child = await machine.do(space.fork('child'));
    await machine.do(space.fault(base, true, 99));
    expect([space.contentsAt(base), child.contentsAt(base)]).toEqual([99, 10]);
    machine.verify();
  });

  it('snapshot: what a device gets from pages of each kind', async () => {
    const { machine, space, device, mirror } = await createBuffer();
    await machine.do(space.mprotect(base, page, 0));
    await machine.do(space.munmap(at(1), page));
    await machine.do(space.madvise(at(2), page, 'dontneed'));
    await machine.do(space.mprotect(at(3), page, read));
    await machine.do(space.reclaim(at(4), page));
    await machine.do(space.numaHinting(at(5), page));
    const other = machine.createDevice();
    await machine.do(space.deviceMigrate(at(6), page, other));
    const seen: unknown[] = [];
    for (let number = 0; number < 8; number++) {
      const outcome = await machine.do(device.access(mirror, at(number), false));
      const entry = mirror.entryAt(at(number));
      const contents = device.contentsAt(mirror, at(number));
      seen.push(entry === undefined ? outcome : [contents, entry.isWritable]);
    }
    expect(seen).toEqual([
      'efault', // PROT_NONE
      'efault', // a hole
      [0, false], // the zero page
      [13, false], // read-only
      [14, false], // back from swap, not written yet
      [15, true], // after a hinting fault
      [16, false], // back from another device, not written yet
      [17, true],
    ]);
  });

  it('MADV_FREE: contents stay if written again, and go with reclaim if not', async () => {
    const buffer = await createBuffer();
    const { machine, space, device, mirror } = buffer;
    await readAll(buffer);
    await machine.do(space.madvise(base, 3 * page, 'free'));
    await machine.do(space.fault(base, true, 50));
    await machine.do(device.access(mirror, at(1), true, 51));
    await machine.do(space.reclaim(base, 3 * page));
    expect((await readAll(buffer)).slice(0, 4)).toEqual([50, 51, 0, 13]);
  });

  it('DONTNEED gives zeros, REMOVE and truncation empty the file itself', async () => {
    const { machine, space } = await createBuffer();
    await machine.do(space.madvise(base, page, 'dontneed'));
    expect([space.contentsAt(base), space.contentsAt(at(1))]).toEqual([0, 11]);
    const backing = machine.createFile('data');
    await machine.do(space.mmap({ address: base, length: 8 * page, shared: true, backing }));
    for (let number = 0; number < 8; number++) await machine.do(space.fault(at(number), true, 7));
    await machine.do(space.madvise(base, page, 'dontneed'));
    await machine.do(space.madvise(at(1), page, 'remove'));
    await machine.do(space.truncate(at(6), 2 * page));
    await machine.do(space.munmap(base, 8 * page));
    await machine.do(space.mmap({ address: base, length: 8 * page, shared: true, backing }));
    const contents = [0, 1, 2, 5, 6, 7].map((number) => space.contentsAt(at(number)));
    expect(contents).toEqual([7, 0, 7, 7, 0, 0]);
    machine.verify();
  });

  it('a private mapping of a file keeps its own copies, also through a fork', async () => {
    const { machine, space } = await createBuffer();
    const backing = machine.createFile('data');
    await machine.do(space.mmap({ address: base, length: 2 * page, backing }));
    await machine.do(space.fault(base, false));
    await machine.do(space.fault(base, true, 99));
    const child = await machine.do(space.fork('child'));
    expect([child.contentsAt(base), child.contentsAt(at(1)), backing.contentsAt(0)]).toEqual([
      99, 0, 0,
    ]);
  });

  it('a truncation spares what was mapped in place of the file meanwhile', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const machine = createMachine({ seed });
      const space = machine.createAddressSpace('mm');
      await machine.do(space.mmap({ address: base, length: page, shared: true, backing: 'file' }));
      function* replace(): Task<void> {
        yield* space.mmap({ address: base, length: page });
        yield* space.fault(base, true, 99);
      }
      machine.scheduler.spawn(space.truncate(base, page));
      machine.scheduler.spawn(replace());
      await machine.scheduler.run();
      expect(space.contentsAt(base)).toBe(99);
      machine.verify();
    }
  });

  it('fork leaves out or wipes what madvise says', async () => {
    const { machine, space } = await createBuffer();
    await machine.do(space.madvise(base, 2 * page, 'dontfork'));
    await machine.do(space.madvise(at(2), 2 * page, 'wipeonfork'));
    const child = await machine.do(space.fork('child'));
    expect(child.vmas.find(base)).toBeUndefined();
    expect([child.contentsAt(at(2)), child.contentsAt(at(4))]).toEqual([0, 14]);
  });

  it('exit tears everything down, and devices are refused from then on', async () => {
    const buffer = await createBuffer();
    const { machine, space, mirror } = buffer;
    await readAll(buffer);
    await machine.do(space.exit());
    expect(mirror.shadow.count).toBe(0);
    expect(machine.frames.inUse).toBe(0);
    expect(await readAll(buffer)).toEqual(filled.map(() => 'closed'));
    await machine.do(buffer.device.unregister(mirror));
    expect(await machine.do(space.fault(base, true))).toBe('efault');
  });
});

describe('where nobody mapped anything', () => {
  it('a fault makes a mapping appear, 2 MiB around it as far as they are free', async () => {
    const machine = createMachine();
    const space = machine.createAddressSpace('mm');
    await machine.do(space.mmap({ address: at(8), length: 8 * page }));
    expect(await machine.do(space.fault(base, true))).toBe('ok');
    expect(space.vmas.find(base)).toMatchObject({ start: base, end: at(8) });
    await machine.do(space.fault(at(100), true));
    expect(space.vmas.find(at(100))).toMatchObject({ start: at(16), end: base + huge });
    machine.verify();
  });

  it('but not where something was unmapped', async () => {
    const machine = createMachine();
    const space = machine.createAddressSpace('mm');
    await machine.do(space.mmap({ address: at(8), length: 8 * page }));
    await machine.do(space.munmap(at(8), 4 * page));
    expect(await machine.do(space.fault(at(9), false))).toBe('efault');
    expect(await machine.do(space.fault(at(7), false))).toBe('ok');
    expect(space.vmas.find(at(7))).toMatchObject({ start: base, end: at(8) });
    expect(machine.statistics.cpuRefused).toBe(1);
  });

  it('a mapping that appeared gives way to a real one, in silence if no page was there', async () => {
    const machine = createMachine();
    const space = machine.createAddressSpace('mm');
    await machine.do(space.fault(base, true, 7));
    await machine.do(space.mmap({ address: at(100), length: page }));
    expect(machine.statistics.sections).toBe(0);
    await machine.do(space.mmap({ address: base, length: page }));
    expect(machine.statistics.sections).toBe(1);
    expect(space.contentsAt(base)).toBe(0);
  });

  it('a fault of unknown kind is a write if the page is there, and a read if not', async () => {
    const machine = createMachine();
    const space = machine.createAddressSpace('mm');
    await machine.do(space.fault(base));
    expect(space.contentsAt(base)).toBe(0);
    await machine.do(space.fault(base));
    expect(space.contentsAt(base)).not.toBe(0);
  });
});
