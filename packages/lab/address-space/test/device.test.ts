import { describe, expect, it } from 'vitest';
import { FakeNotifier } from './fake-notifier.ts';
import { createMachine, page } from './set-up.ts';
import { Machine, Scheduler, type Task } from '@mmu-notifier/address-space';

const base = 0x1000_0000_0000;

describe('a device', () => {
  it('counts needed and needless callbacks by the span of each mirror', async () => {
    const machine = createMachine();
    const space = machine.createAddressSpace();
    const device = machine.createDevice();
    const span = { start: base, end: base + 4 * page };
    const mirror = await machine.do(device.register(space, span));
    const callbacks = (start: number, end: number): unknown => {
      const range = { start, end, event: 'CLEAR', blockable: true, owner: undefined } as const;
      expect(mirror.ops.invalidate(range, 0)).toBe(true);
      return { ...machine.statistics.callbacks };
    };
    expect(callbacks(base - page, base)).toEqual({ needed: 0, needless: 1 });
    expect(callbacks(base - page, base + 1)).toEqual({ needed: 1, needless: 1 });
    expect(callbacks(base + 4 * page, base + 5 * page)).toEqual({ needed: 1, needless: 2 });
  });

  it('leaves its entries alone in its own sections, even when a strategy tells it of them', async () => {
    const machine = createMachine();
    const space = machine.createAddressSpace();
    const device = machine.createDevice();
    const span = { start: base, end: base + 4 * page };
    const mirror = await machine.do(device.register(space, span));
    await machine.do(device.access(mirror, base, false));
    const own = { ...span, event: 'MIGRATE', blockable: true, owner: device.owner } as const;
    expect(mirror.ops.invalidate(own, 0)).toBe(true);
    expect([mirror.shadow.count, machine.statistics.callbacks.needless]).toEqual([1, 1]);
    expect(mirror.ops.invalidate({ ...own, event: 'CLEAR' }, 0)).toBe(true);
    expect(mirror.shadow.count).toBe(0);
  });

  it('refuses a non-blockable section only if it has to sleep for it', async () => {
    const machine = createMachine();
    const space = machine.createAddressSpace();
    const device = machine.createDevice({ waits: 'invalidate' });
    const span = { start: base, end: base + 4 * page };
    const mirror = await machine.do(device.register(space, span));
    await machine.do(device.access(mirror, base, false));
    const range = { ...span, event: 'CLEAR', blockable: false, owner: undefined } as const;
    expect(mirror.ops.invalidate({ ...range, start: base + page }, 0)).toBe(true);
    expect(mirror.ops.invalidate(range, 0)).toBe(false);
    expect(mirror.shadow.count).toBe(1);
    const slept = mirror.ops.invalidate({ ...range, blockable: true }, 0);
    expect([slept instanceof Promise, mirror.shadow.count]).toEqual([true, 1]);
    await machine.scheduler.run();
    expect([await slept, mirror.shadow.count]).toEqual([true, 0]);
  });

  it('gives up when every attempt collides, and says so', async () => {
    class Refusing extends FakeNotifier {
      override subscribe(...args: Parameters<FakeNotifier['subscribe']>) {
        const subscription = super.subscribe(...args);
        subscription.publish = () => false;
        return subscription;
      }
    }
    const scheduler = new Scheduler();
    const machine = new Machine({ scheduler, createNotifier: () => new Refusing() });
    const space = machine.createAddressSpace();
    const device = machine.createDevice({ attemptsMax: 7 });
    const seen: string[] = [];
    function* access(): Task<void> {
      const mirror = yield* device.register(space, { start: base, end: base + page });
      seen.push(yield* device.access(mirror, base, false));
    }
    scheduler.spawn(access());
    await scheduler.run();
    expect(seen).toEqual(['gave-up']);
    // No section was open: every refusal was false.
    expect(machine.statistics.retries).toEqual({ true: 0, false: 7, longestRun: 7 });
    expect(machine.statistics.gaveUp).toBe(1);
  });

  it('tells true collisions from false ones by the page', async () => {
    const machine = createMachine({ seed: 1 });
    const space = machine.createAddressSpace();
    const device = machine.createDevice();
    await machine.do(space.mmap({ address: base, length: 8 * page, populate: true }));
    const mirror = await machine.do(device.register(space, { start: base, end: base + 8 * page }));
    function* churn(number: number): Task<void> {
      for (let turn = 0; turn < 50; turn++) {
        yield* space.madvise(base + number * page, page, 'dontneed');
      }
    }
    function* readOne(): Task<void> {
      for (let turn = 0; turn < 50; turn++) {
        yield* device.access(mirror, base, false);
        mirror.shadow.clear(0, Infinity);
      }
    }
    machine.scheduler.spawn(churn(5));
    machine.scheduler.spawn(readOne());
    await machine.scheduler.run();
    const { retries } = machine.statistics;
    expect([retries.true, retries.false > 0]).toEqual([0, true]);
    machine.scheduler.spawn(churn(0));
    machine.scheduler.spawn(readOne());
    await machine.scheduler.run();
    expect(retries.true).toBeGreaterThan(0);
  });

  it('is refused once its mirror is closed, and closing again is harmless', async () => {
    const machine = createMachine();
    const space = machine.createAddressSpace();
    const device = machine.createDevice();
    const mirror = await machine.do(device.register(space, { start: base, end: base + page }));
    expect(await machine.do(device.access(mirror, base, true))).toBe('faulted');
    expect(await machine.do(device.access(mirror, base + page, true))).toBe('efault');
    await machine.do(device.unregister(mirror));
    await machine.do(device.unregister(mirror));
    expect(mirror.shadow.count).toBe(0);
    expect(await machine.do(device.access(mirror, base, false))).toBe('closed');
    expect(space.mirrors.count).toBe(0);
  });

  it('mirrors the whole address space', async () => {
    const machine = createMachine();
    const space = machine.createAddressSpace();
    const device = machine.createDevice();
    const span = { start: 0, end: Number.MAX_SAFE_INTEGER };
    const mirror = await machine.do(device.register(space, span));
    expect(await machine.do(device.access(mirror, base, true))).toBe('faulted');
    await machine.do(space.softDirtyClear());
    expect(mirror.shadow.count).toBe(0);
    machine.verify();
  });
});

describe('the oracle', () => {
  it('explains a stale entry that was kept: page, device, section, steps', async () => {
    const machine = createMachine({ mistake: 'to call back' });
    const space = machine.createAddressSpace('process 7');
    const device = machine.createDevice({ name: 'nic' });
    const mirror = await machine.do(device.register(space, { start: base, end: base + page }));
    await machine.do(device.access(mirror, base, true));
    expect(machine.oracle.firstStale).toBeUndefined();
    await machine.do(space.munmap(base, page));
    expect(machine.statistics).toMatchObject({ staleEntries: 1, staleReads: 1 });
    expect(await machine.do(device.access(mirror, base, false))).toBe('hit');
    expect(machine.statistics).toMatchObject({ staleEntries: 1, staleReads: 2 });
    expect(machine.oracle.firstStale).toMatch(
      /^stale entry for 0x100000000000 of process 7 in mirror 1 \(0x1.*\) of nic: its fault called readBegin at step \d+, read the page at step \d+ and published at step \d+; section 1 \(UNMAP 0x100000000000-0x100000001000\) was started at step \d+, .* it ended at step \d+\. Missed: when the start returned at step \d+, the entry should have been torn down$/,
    );
    machine.verify();
  });

  it('explains a stale entry that was published too late', async () => {
    for (let seed = 1; ; seed++) {
      const machine = createMachine({ seed, mistake: 'to refuse' });
      const space = machine.createAddressSpace();
      const device = machine.createDevice();
      const mirror = await machine.do(device.register(space, { start: base, end: base + page }));
      machine.scheduler.spawn(device.access(mirror, base, true));
      machine.scheduler.spawn(space.madvise(base, page, 'dontneed'));
      await machine.scheduler.run();
      if (machine.statistics.staleEntries === 0) continue;
      expect(machine.oracle.firstStale).toMatch(/Missed: at step \d+ publish should have refused$/);
      expect(seed).toBeLessThan(200);
      break;
    }
  });

  it('does not call an entry stale because the page may be used in more ways now', async () => {
    const machine = createMachine({ mistake: 'everything' });
    const space = machine.createAddressSpace();
    const device = machine.createDevice();
    await machine.do(space.mmap({ address: base, length: page, populate: true }));
    await machine.do(space.mprotect(base, page, 1));
    const mirror = await machine.do(device.register(space, { start: base, end: base + page }));
    await machine.do(device.access(mirror, base, false));
    await machine.do(space.mprotect(base, page, 3));
    await machine.do(space.fault(base, true));
    expect(machine.statistics.staleEntries).toBe(0);
    expect(await machine.do(device.access(mirror, base, true, 9))).toBe('faulted');
    expect(space.contentsAt(base)).toBe(9);
  });
});
