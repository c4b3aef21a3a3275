/**
 * Pages in a device's memory, and pages that a device has exclusive access to. Both raise sections that name
 * the device, so that its own mirrors are left alone; the device updates those itself, in the same step.
 */
import type { Device } from './device.ts';
import { spanOf, splitEdges } from './entries.ts';
import { faultIn } from './faults.ts';
import { zeroFrame } from './frames.ts';
import type { Mm } from './mm.ts';
import { indexInLeaf } from './page-table.ts';
import { pageBytes, pteFlags, type PageRange } from './pages.ts';
import { waitFor, type Task } from './scheduler.ts';

const { present, writable, exclusive, devicePrivate } = pteFlags;

/**
 * Moves the private pages of a range into a device's memory: MIGRATE with the device as owner, one section over
 * the range, the mmap lock held for read. Shared and absent pages stay as they are. (v5.3: CLEAR, no owner.)
 * The task's result: how many moved. Linux: migrate_vma_setup, migrate_vma_pages.
 */
export function* deviceMigrate(mm: Mm, { from, to }: PageRange, device: Device): Task<number> {
  yield* lockOwn(device);
  yield* mm.lockForRead();
  try {
    const section = yield* mm.startSection(spanOf(from, to), 'MIGRATE', device.owner);
    yield* splitEdges(mm, from, to);
    const { frames } = mm.machine;
    let moved = 0;
    for (const page of mm.pageTable.pagesWith(present, from, to)) {
      const leaf = mm.pageTable.leafFor(page);
      const index = indexInLeaf(page);
      const flags = leaf.flags[index]!;
      const old = leaf.frames[index]!;
      const isShared = mm.vmas.find(page * pageBytes)?.traits.shared ?? true;
      if (isShared || old === zeroFrame || frames.count(old) !== 1) continue;
      const frame = frames.allocate(frames.contents(old));
      frames.drop(old);
      leaf.huge = false;
      mm.deviceOwners.set(page, device.owner);
      leaf.set(index, frame, (flags & writable) | devicePrivate, ++mm.machine.version);
      refreshOwn(mm, page, device);
      moved++;
    }
    mm.changed(section, from, to);
    yield* mm.endSection(section);
    return moved;
  } finally {
    mm.mmapLock.upRead();
    device.ownLock.upWrite();
  }
}

/**
 * Gives a device exclusive access to the pages of a range, for its atomics: each is faulted in for write, then
 * EXCLUSIVE with the device as owner over it. Stops at the first page that may not be written. The mmap lock is held for
 * read. The task's result: how many it got. Linux: make_device_exclusive.
 */
export function* deviceExclusive(mm: Mm, { from, to }: PageRange, device: Device): Task<number> {
  yield* lockOwn(device);
  yield* mm.lockForRead();
  try {
    for (let page = from; page < to; page++) {
      if ((yield* faultIn(mm, page, true, device.owner)) !== 'ok') return page - from;
      const section = yield* mm.startSection(spanOf(page, page + 1), 'EXCLUSIVE', device.owner);
      const flags = mm.pageTable.flagsAt(page);
      if ((flags & present) !== 0) {
        mm.deviceOwners.set(page, device.owner);
        const leaf = mm.pageTable.leafFor(page);
        const index = indexInLeaf(page);
        leaf.set(index, leaf.frames[index]!, flags | exclusive, ++mm.machine.version);
        refreshOwn(mm, page, device);
        mm.changed(section, page, page + 1);
      }
      yield* mm.endSection(section);
    }
    return to - from;
  } finally {
    mm.mmapLock.upRead();
    device.ownLock.upWrite();
  }
}

function* lockOwn(device: Device): Task<void> {
  yield;
  yield* waitFor(device.ownLock.downWrite(), `the own lock of ${device.name}`);
}

/** The device that moved a page points its own entries at where it went. */
function refreshOwn(mm: Mm, page: number, device: Device): void {
  mm.mirrors.visit(page, page + 1, (mirror) => {
    if (mirror.device === device) {
      mirror.shadow.refresh(page, mm.pageTable.versionAt(page), mm.pageTable.frameAt(page));
    }
  });
}
