/** The sections that every operation raises: event, range, order, nesting, blockability, lock, owner. */
import { describe, expect, it } from 'vitest';
import { protections } from '@mmu-notifier/address-space';
import { huge, page } from './set-up.ts';
import { base, spyOn, type SpyTest } from './spy.ts';

const at = (number: number): number => base + number * page;
const { read, write } = protections;

function twice(line: string): string[] {
  return [line, line];
}

/** Writes each page of a range, so that it is there. */
async function fill({ space, run }: SpyTest, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number++) await run(space.fault(at(number), true));
}

async function mapped(pages: number, filled = pages): Promise<SpyTest> {
  const test = spyOn();
  await test.run(test.space.mmap({ address: base, length: pages * page }));
  await fill(test, 0, filled);
  return test;
}

describe('calls of a program', () => {
  it('mmap raises nothing where nothing is mapped', async () => {
    const { space, raised } = spyOn();
    expect(await raised(space.mmap({ address: base, length: 4 * page }))).toEqual([]);
  });

  it('mmap raises UNMAP over its range when it replaces something', async () => {
    const { space, raised } = await mapped(4);
    expect(await raised(space.mmap({ address: at(2), length: 4 * page }))).toEqual([
      'UNMAP 2-6 lock write',
    ]);
  });

  it('munmap raises one UNMAP over the given range, however many mappings there are', async () => {
    const { space, run, raised } = await mapped(4);
    await run(space.mmap({ address: at(6), length: 2 * page, protection: read }));
    expect(await raised(space.munmap(at(1), 10 * page))).toEqual(['UNMAP 1-11 lock write']);
    expect(await raised(space.munmap(at(1), 10 * page))).toEqual([]);
  });

  it('munmap that cuts a huge page splits it before its own section', async () => {
    const { space, run, raised } = await mapped(1024, 4);
    expect(await run(space.collapse(base))).toBe(true);
    expect(await raised(space.munmap(at(100), 900 * page))).toEqual([
      'CLEAR 0-512 lock write',
      'UNMAP 100-1000 lock write',
    ]);
  });

  it('mremap raises UNMAP over the old range, for the move and for the munmap of what is left', async () => {
    const { space, raised } = await mapped(4);
    const move = { address: base, oldLength: 4 * page, newLength: 4 * page, newAddress: at(100) };
    expect(await raised(space.mremap(move))).toEqual([
      'UNMAP 0-4 lock write',
      'UNMAP 0-4 lock write',
    ]);
    const back = { ...move, address: at(100), newAddress: base, keepOld: true };
    expect(await raised(space.mremap(back))).toEqual(['UNMAP 100-104 lock write']);
  });

  it('mremap that cuts a huge page splits it inside its section', async () => {
    const { space, run, raised } = await mapped(512, 4);
    await run(space.collapse(base));
    const move = {
      address: base,
      oldLength: 100 * page,
      newLength: 100 * page,
      newAddress: at(1024),
    };
    expect(await raised(space.mremap(move))).toEqual([
      'UNMAP 0-100 lock write',
      '  CLEAR 0-512 lock write',
      'UNMAP 0-100 lock write',
    ]);
  });

  it('mremap moves a huge page as one if its new place is aligned', async () => {
    const { space, run, raised } = await mapped(512, 4);
    await run(space.collapse(base));
    const all = { oldLength: huge, newLength: huge };
    expect(await raised(space.mremap({ address: base, ...all, newAddress: at(1024) }))).toEqual(
      twice('UNMAP 0-512 lock write'),
    );
    expect(await raised(space.split(at(1024)))).toEqual(['CLEAR 1024-1536 lock none']);
  });

  it('mremap raises UNMAP over what it cuts off, and nothing to grow', async () => {
    const { space, raised } = await mapped(4);
    expect(
      await raised(space.mremap({ address: base, oldLength: 4 * page, newLength: page })),
    ).toEqual(['UNMAP 1-4 lock write']);
    expect(
      await raised(space.mremap({ address: base, oldLength: page, newLength: 8 * page })),
    ).toEqual([]);
  });

  it('mprotect raises PROTECTION_VMA over each mapping, and nothing where nothing is populated', async () => {
    const test = await mapped(8, 0);
    const { space, run, raised } = test;
    expect(await raised(space.mprotect(base, 8 * page, read))).toEqual([]);
    await run(space.mprotect(base, 8 * page, read | write));
    await fill(test, 0, 8);
    await run(space.mprotect(at(2), 2 * page, 0));
    expect(await raised(space.mprotect(base, 8 * page, read))).toEqual([
      'PROTECTION_VMA 0-2 lock write',
      'PROTECTION_VMA 2-4 lock write',
      'PROTECTION_VMA 4-8 lock write',
    ]);
    expect(await raised(space.mprotect(base, 8 * page, read))).toEqual([]);
  });

  it('mprotect of a terabyte begins at the first GiB with page tables, per 512 GiB', async () => {
    const { space, run, raised } = spyOn();
    const gib = 2 ** 30 / page;
    await run(space.mmap({ address: base, length: 2 ** 40 }));
    await run(space.fault(at(3 * gib + 7), true));
    expect(await raised(space.mprotect(base, 2 ** 40, read))).toEqual([
      `PROTECTION_VMA ${3 * gib}-${512 * gib} lock write`,
    ]);
    expect(await raised(space.munmap(base, 2 ** 40))).toEqual([`UNMAP 0-${1024 * gib} lock write`]);
  });

  it('madvise DONTNEED and FREE raise CLEAR over their part of each mapping', async () => {
    const { space, run, raised } = await mapped(8);
    await run(space.mmap({ address: at(4), length: 4 * page, protection: read, backing: 'file' }));
    expect(await raised(space.madvise(at(2), 6 * page, 'dontneed'))).toEqual([
      'CLEAR 2-4 lock read',
      'CLEAR 4-8 lock read',
    ]);
    expect(await raised(space.madvise(at(2), 6 * page, 'free'))).toEqual(['CLEAR 2-4 lock read']);
  });

  it('madvise DONTNEED that cuts huge pages splits them inside its section', async () => {
    const { space, run, raised } = await mapped(1024, 4);
    await run(space.fault(at(600), true));
    await run(space.collapse(base));
    await run(space.collapse(base + huge));
    expect(await raised(space.madvise(at(100), 500 * page, 'dontneed'))).toEqual([
      'CLEAR 100-600 lock read',
      '  CLEAR 0-512 lock read',
      '  CLEAR 512-1024 lock read',
    ]);
  });

  it('madvise PAGEOUT raises CLEAR page by page; COLD, WILLNEED and others nothing', async () => {
    const { space, raised } = await mapped(8, 2);
    expect(await raised(space.madvise(base, 8 * page, 'pageout'))).toEqual([
      'CLEAR 0-1 lock read',
      'CLEAR 1-2 lock read',
    ]);
    for (const advice of ['cold', 'willneed', 'hugepage', 'dontfork', 'other']) {
      expect(await raised(space.madvise(base, 8 * page, advice))).toEqual([]);
    }
  });

  it('madvise REMOVE raises CLEAR over each mapping of the memory, without the mmap lock', async () => {
    const { machine, space, run, raised } = spyOn();
    const backing = machine.createFile('data');
    await run(space.mmap({ address: base, length: 4 * page, shared: true, backing }));
    await run(space.mmap({ address: at(100), length: 4 * page, shared: true, backing }));
    const other = machine.createAddressSpace('other');
    await run(other.mmap({ address: base, length: 2 * page, shared: true, backing }));
    expect(await raised(space.madvise(at(1), 2 * page, 'remove'))).toEqual([
      'CLEAR 1-3 lock none',
      'CLEAR 101-103 lock none',
      'CLEAR 1-2 lock none in other',
    ]);
  });

  it('brk raises UNMAP over what it gives back, and nothing to grow', async () => {
    const { space, raised } = spyOn();
    expect(await raised(space.brk(base))).toEqual([]);
    expect(await raised(space.brk(at(8)))).toEqual([]);
    expect(await raised(space.brk(at(5)))).toEqual(['UNMAP 5-8 lock write']);
  });
});

describe('address spaces', () => {
  it('fork raises PROTECTION_PAGE over each private mapping with pages of its own, in the parent', async () => {
    const test = await mapped(4, 1);
    const { space, run, raised } = test;
    await run(space.mmap({ address: at(10), length: 4 * page, shared: true }));
    await run(space.mmap({ address: at(20), length: 4 * page }));
    await run(space.mmap({ address: at(30), length: 4 * page }));
    await fill(test, 10, 12);
    await fill(test, 30, 31);
    expect(await raised(space.fork('child'))).toEqual([
      'PROTECTION_PAGE 0-4 lock write',
      'PROTECTION_PAGE 30-34 lock write',
    ]);
  });

  it('a write after a fork raises CLEAR over the page, until nobody shares it', async () => {
    const { space, run, raised } = await mapped(4);
    const child = await run(space.fork('child'));
    expect(await raised(space.fault(base, true))).toEqual(['CLEAR 0-1 lock read']);
    expect(await raised(space.fault(base, true))).toEqual([]);
    expect(await raised(child.fault(base, true))).toEqual([]);
  });

  it('a write to the zero page raises CLEAR; a first write, or a read, raises nothing', async () => {
    const { space, raised } = await mapped(4, 0);
    expect(await raised(space.fault(base, false))).toEqual([]);
    expect(await raised(space.fault(at(1), true))).toEqual([]);
    expect(await raised(space.fault(base, true))).toEqual(['CLEAR 0-1 lock read']);
  });

  it('exit releases the notifier, then raises UNMAP over everything', async () => {
    const { space, raised, machine } = await mapped(4);
    expect(await raised(space.exit())).toEqual(['release of mm', 'UNMAP everything lock read']);
    expect(machine.frames.inUse).toBe(0);
  });

  it('exec ends the old address space', async () => {
    const { space, raised, machine } = await mapped(4);
    expect(await raised(space.exec('program'))).toEqual([
      'release of mm',
      'UNMAP everything lock read',
    ]);
    expect([...machine.addressSpaces].map(({ name }) => name)).toEqual(['program']);
  });
});

describe('what the kernel does by itself', () => {
  it('reclaim and migration raise CLEAR over each page, or huge page, without the mmap lock', async () => {
    const { space, run, raised } = await mapped(1024, 2);
    expect(await raised(space.migrate(base, 8 * page))).toEqual([
      'CLEAR 0-1 lock none',
      'CLEAR 1-2 lock none',
    ]);
    await run(space.collapse(base));
    expect(await raised(space.migrate(at(5), page))).toEqual(['CLEAR 0-512 lock none']);
    expect(await raised(space.reclaim(at(5), page))).toEqual(['CLEAR 0-512 lock none']);
    expect(await raised(space.reclaim(at(5), page))).toEqual([]);
  });

  it('KSM raises CLEAR twice over each page that it merges', async () => {
    const { space, run, raised } = await mapped(4, 0);
    await run(space.fault(base, true, 7));
    await run(space.fault(at(1), true, 8));
    await run(space.fault(at(2), true, 7));
    expect(await raised(space.ksm(base, 4 * page))).toEqual([
      ...twice('CLEAR 0-1 lock read'),
      ...twice('CLEAR 2-3 lock read'),
    ]);
  });

  it('collapse raises CLEAR over 2 MiB with the lock for write, split without it', async () => {
    const { space, raised } = await mapped(512, 4);
    expect(await raised(space.collapse(at(3)))).toEqual(['CLEAR 0-512 lock write']);
    expect(await raised(space.collapse(at(3)))).toEqual([]);
    expect(await raised(space.split(at(3)))).toEqual(['CLEAR 0-512 lock none']);
    expect(await raised(space.split(at(3)))).toEqual([]);
  });

  it('NUMA hinting raises PROTECTION_VMA with the lock for read', async () => {
    const { space, raised } = await mapped(8, 4);
    expect(await raised(space.numaHinting(at(1), 20 * page))).toEqual([
      'PROTECTION_VMA 1-8 lock read',
    ]);
  });

  it('clearing soft-dirty bits raises SOFT_DIRTY over everything', async () => {
    const { space, raised } = await mapped(4);
    expect(await raised(space.softDirtyClear())).toEqual(['SOFT_DIRTY everything lock write']);
  });

  it('write-back raises PROTECTION_PAGE over each writable page of a file', async () => {
    const { space, run, raised } = spyOn();
    await run(space.mmap({ address: base, length: 4 * page, shared: true, backing: 'file' }));
    await run(space.fault(base, false));
    await run(space.fault(at(2), true));
    expect(await raised(space.writeback(base, 4 * page))).toEqual([
      'PROTECTION_PAGE 2-3 lock none',
    ]);
    expect(await raised(space.writeback(base, 4 * page))).toEqual([]);
  });

  it('truncation raises CLEAR over each mapping of the file, private ones too', async () => {
    const { machine, space, run, raised } = spyOn();
    const backing = machine.createFile('data');
    await run(space.mmap({ address: base, length: 4 * page, shared: true, backing }));
    await run(space.mmap({ address: at(10), length: 4 * page, backing, offset: 2 * page }));
    expect(await raised(space.truncate(at(1), 3 * page))).toEqual([
      'CLEAR 1-4 lock none',
      'CLEAR 10-12 lock none',
    ]);
  });

  it('migration to a device raises MIGRATE with its owner; the way back MIGRATE over the page', async () => {
    const { machine, space, raised } = await mapped(8, 4);
    const device = machine.createDevice({ name: 'gpu' });
    expect(await raised(space.deviceMigrate(base, 8 * page, device))).toEqual([
      'MIGRATE 0-8 lock read owner gpu',
    ]);
    expect(await raised(space.fault(at(1), false))).toEqual(['MIGRATE 1-2 lock read']);
  });

  it('exclusive access raises EXCLUSIVE with its owner over each page; a CPU ends it with CLEAR', async () => {
    const { machine, space, raised } = await mapped(8, 4);
    const device = machine.createDevice({ name: 'gpu' });
    expect(await raised(space.deviceExclusive(base, 2 * page, device))).toEqual([
      'EXCLUSIVE 0-1 lock read owner gpu',
      'EXCLUSIVE 1-2 lock read owner gpu',
    ]);
    expect(await raised(space.fault(at(1), false))).toEqual(['CLEAR 1-2 lock read owner gpu']);
  });

  it('the OOM reaper raises a non-blockable CLEAR over each private mapping', async () => {
    const { space, run, raised } = await mapped(4);
    await run(space.mmap({ address: at(10), length: 2 * page, shared: true }));
    await run(space.mmap({ address: at(20), length: 2 * page }));
    expect(await raised(space.oomReap())).toEqual([
      'CLEAR 0-4 lock read non-blockable',
      'CLEAR 20-22 lock read non-blockable',
    ]);
  });

  it('the OOM reaper goes on with the next mapping when one would block, and comes back', async () => {
    const { machine, space, run, raised } = await mapped(4);
    await run(space.mmap({ address: at(20), length: 2 * page }));
    const device = machine.createDevice({ name: 'gpu', waits: 'invalidate' });
    const mirror = await run(device.register(space, { start: base, end: at(4) }));
    await run(device.access(mirror, base, false));
    const before = machine.frames.inUse;
    const lines = await raised(space.oomReap());
    expect(lines.slice(0, 4)).toEqual([
      'CLEAR 0-4 lock read non-blockable',
      'would block',
      'CLEAR 20-22 lock read non-blockable',
      'CLEAR 0-4 lock read non-blockable',
    ]);
    expect(machine.frames.inUse).toBe(before);
    const report = await run(space.oomReap());
    expect(report).toMatchObject({
      attempts: 10,
      wouldBlock: 10,
      gaveUp: true,
      refused: [{ start: base, end: at(4) }],
    });
    await run(device.unregister(mirror));
    expect(await run(space.oomReap())).toMatchObject({ attempts: 1, pages: 4, gaveUp: false });
  });
});
