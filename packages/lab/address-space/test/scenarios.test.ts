import { describe, expect, it } from 'vitest';
import { createMachine, page } from './set-up.ts';

const base = 0x7f00_0000_0000;

describe('a device and a program', () => {
  it('anon_read: the device reads what the program wrote', async () => {
    const machine = createMachine();
    const space = machine.createAddressSpace();
    const device = machine.createDevice();
    await machine.do(space.mmap({ address: base, length: 4 * page }));
    for (let at = 0; at < 4; at++) await machine.do(space.fault(base + at * page, true, 10 + at));
    const mirror = await machine.do(device.register(space, { start: base, end: base + 4 * page }));
    for (let at = 0; at < 4; at++) {
      expect(await machine.do(device.access(mirror, base + at * page, false))).toBe('faulted');
      expect(await machine.do(device.access(mirror, base + at * page, false))).toBe('hit');
      expect(device.contentsAt(mirror, base + at * page)).toBe(10 + at);
    }
    await machine.do(space.munmap(base, 4 * page));
    expect(mirror.shadow.count).toBe(0);
    expect(await machine.do(device.access(mirror, base, false))).toBe('efault');
    expect(machine.statistics).toMatchObject({ staleReads: 0, faults: 5, published: 4, efault: 1 });
    machine.verify();
  });
});
