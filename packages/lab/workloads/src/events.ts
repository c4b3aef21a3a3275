/**
 * The event stream: what happens to the memory of some processes, in the order in which it begins.
 *
 * 1. Events are sorted by `beginNs`. Equal times keep the order of the recording.
 * 2. Ranges are `[address, address + length)` in bytes, whole pages of 4,096; every number is a safe integer.
 *    A `fault` and a `deviceAccess` name one byte.
 * 3. A call that failed changed nothing, so there is no event for it.
 * 4. A thread does one thing at a time: its events do not overlap, but an instant (a fault taken inside a
 *    call) may lie within one. Events of different threads overlap whenever their times do.
 * 5. `process` names an address space, and only that: see {@link EventBase.process}.
 * 6. Nothing of a process begins before the end of the `fork` or the begin of the `exec` that made it, nor
 *    after its `exit`.
 *
 * `validate` checks all six. What the stream does not hold is in the package's README.
 */

/** Bytes in a page. */
export const pageBytes = 4096;

/** The end of what a process can map on x86-64, in bytes: a section "over everything" is `[0, userSpaceBytes)`. */
export const userSpaceBytes: number = 2 ** 47;

/** Bits of `protection`. Linux: include/uapi/asm-generic/mman-common.h. */
export const protections = { read: 1, write: 2, exec: 4 } as const;

/** Bits of an mmap's `flags`. Linux, x86-64: include/uapi/asm-generic/mman-common.h, mman.h. */
export const mapFlags = {
  shared: 0x1,
  private: 0x2,
  fixed: 0x10,
  anonymous: 0x20,
  growsDown: 0x100,
  denyWrite: 0x800,
  locked: 0x2000,
  noReserve: 0x4000,
  populate: 0x8000,
  stack: 0x20000,
  hugeTlb: 0x40000,
  fixedNoReplace: 0x100000,
} as const;

/** Bits of an mremap's `flags`. Linux: include/uapi/linux/mman.h. */
export const remapFlags = { mayMove: 1, fixed: 2, dontUnmap: 4 } as const;

/** The advice of `madvise` by its number, `MADV_DONTNEED` being `dontneed`. Linux: mman-common.h, v7.1. */
export const adviceByNumber: ReadonlyMap<number, string> = new Map([
  [0, 'normal'],
  [1, 'random'],
  [2, 'sequential'],
  [3, 'willneed'],
  [4, 'dontneed'],
  [8, 'free'],
  [9, 'remove'],
  [10, 'dontfork'],
  [11, 'dofork'],
  [12, 'mergeable'],
  [13, 'unmergeable'],
  [14, 'hugepage'],
  [15, 'nohugepage'],
  [16, 'dontdump'],
  [17, 'dodump'],
  [18, 'wipeonfork'],
  [19, 'keeponfork'],
  [20, 'cold'],
  [21, 'pageout'],
  [22, 'populate_read'],
  [23, 'populate_write'],
  [24, 'dontneed_locked'],
  [25, 'collapse'],
  [100, 'hwpoison'],
  [101, 'soft_offline'],
  [102, 'guard_install'],
  [103, 'guard_remove'],
]);

/** What every event has. */
export interface EventBase<Kind extends string> {
  readonly kind: Kind;
  /**
   * The address space, by the number of the process that owns it. A child of `vfork` (or of a clone with
   * CLONE_VM) works in its parent's memory, so until its `exec` its events carry the parent's number here.
   */
  readonly process: number;
  /** Who does it: a thread's number. Generators number kernel threads and devices' agents likewise. */
  readonly thread: number;
  /** When it begins, in nanoseconds since the stream's first event. */
  readonly beginNs: number;
  /** When it ends; the same as `beginNs` for an instant. */
  readonly endNs: number;
  /** The line of the recording at which it begins, from 1; 0 in a generated stream. */
  readonly line: number;
}

/** An event on a range. `address` is its start, `length` its size, in bytes. */
export interface RangeEvent<Kind extends string> extends EventBase<Kind> {
  readonly address: number;
  readonly length: number;
}

/** A mapping, made at `address` (where it landed). With `mapFlags.fixed` it replaces what was there. */
export interface MmapEvent extends RangeEvent<'mmap'> {
  /** Bits of {@link protections}. */
  readonly protection: number;
  /** Bits of {@link mapFlags}. */
  readonly flags: number;
  readonly backing: 'anonymous' | 'file';
}

/** The end of every mapping in the range. */
export interface MunmapEvent extends RangeEvent<'munmap'> {}

/** New access rights, bits of {@link protections}. */
export interface MprotectEvent extends RangeEvent<'mprotect'> {
  readonly protection: number;
}

/** A mapping that grew, shrank or moved. `oldLength` 0 duplicates a shared mapping, as in Linux. */
export interface MremapEvent extends EventBase<'mremap'> {
  readonly address: number;
  readonly oldLength: number;
  readonly newLength: number;
  /** Where it is now: `address` itself when it did not move. */
  readonly newAddress: number;
  /** Bits of {@link remapFlags}. */
  readonly flags: number;
}

/** Advice: a value of {@link adviceByNumber}, or `'other'`. Of these `dontneed`, `free`, `remove` and `pageout` drop pages. */
export interface MadviseEvent extends RangeEvent<'madvise'> {
  readonly advice: string;
}

/** The end of the heap is `address` from now on. A process's first one may only ask: it tells where the heap starts. */
export interface BrkEvent extends EventBase<'brk'> {
  readonly address: number;
}

/**
 * A page fault of a CPU. Recordings have faults at addresses that no recorded mmap covers (the program's
 * image, the stack, the vdso, a heap from before the recording): whoever replays maps those implicitly.
 */
export interface FaultEvent extends EventBase<'fault'> {
  readonly address: number;
  /** `undefined`: not recorded. A fault at a page that is present already must have been a write. */
  readonly write: boolean | undefined;
}

/** A new address space `child`, a copy on write of this one. Complete at `endNs`. */
export interface ForkEvent extends EventBase<'fork'> {
  readonly child: number;
}

/** A new thread `child` in this address space. */
export interface ThreadStartEvent extends EventBase<'threadStart'> {
  readonly child: number;
  /** It is a process of its own that only borrows the memory (vfork, posix_spawn) until it calls exec or exits. */
  readonly borrows: boolean;
}

/** A new program: `process` starts empty. The caller's other threads are gone. */
export interface ExecEvent extends EventBase<'exec'> {
  /** The address space that the caller leaves. Torn down if it is `process` itself; else it was borrowed and lives on. */
  readonly previous: number;
}

/** A thread that ends while others still use the address space. */
export interface ExitThreadEvent extends EventBase<'exitThread'> {}

/** The last user of the address space ends, and with it the address space. */
export interface ExitEvent extends EventBase<'exit'> {}

/** What the kernel does by itself; recordings miss it, generators make it. Kinds and Linux's names for them: */
export const kernelEventKinds = [
  /** try_to_unmap_one: a page or folio goes to swap. */
  'reclaim',
  /** try_to_migrate_one: compaction, NUMA balancing's second half. */
  'migrate',
  /** KSM: write-protect, then replace by the shared page. */
  'ksm',
  /** khugepaged: 512 pages become one huge page. */
  'collapse',
  /** A huge page is split; nests in whatever needed it. */
  'split',
  /** NUMA balancing makes the range's pages fault on purpose. */
  'numaHinting',
  /** `echo 4 > /proc/PID/clear_refs`: write-protects everything. */
  'softDirtyClear',
  /** page_mkclean_one: write-protect for write-back. */
  'writeback',
  /** unmap_mapping_range: the file shrank. Holds no mmap lock. */
  'truncate',
  /** The OOM reaper: the only one that must not wait, and gives up the range when it would. */
  'oomReap',
] as const;

/** One of {@link kernelEventKinds}. */
export type KernelEventKind = (typeof kernelEventKinds)[number];

export type KernelEvent = { [Kind in KernelEventKind]: RangeEvent<Kind> }[KernelEventKind];

/** Pages move to the memory of device `owner` (MIGRATE), or are taken for its atomics (EXCLUSIVE). */
export interface DeviceOwnedEvent extends RangeEvent<'deviceMigrate' | 'deviceExclusive'> {
  /** The device's number. */
  readonly owner: number;
}

/** A device starts or ends to mirror a range: `registration` is the same in both, and used once in a stream. */
export interface DeviceRegistrationEvent extends RangeEvent<'deviceRegister' | 'deviceUnregister'> {
  readonly device: number;
  readonly registration: number;
}

/** A device reads or writes through its mirror; `thread` is the device's agent. */
export interface DeviceAccessEvent extends EventBase<'deviceAccess'> {
  readonly device: number;
  readonly registration: number;
  readonly address: number;
  readonly write: boolean;
}

/** Any event of the stream. */
export type MemoryEvent =
  | MmapEvent
  | MunmapEvent
  | MprotectEvent
  | MremapEvent
  | MadviseEvent
  | BrkEvent
  | FaultEvent
  | ForkEvent
  | ThreadStartEvent
  | ExecEvent
  | ExitThreadEvent
  | ExitEvent
  | KernelEvent
  | DeviceOwnedEvent
  | DeviceRegistrationEvent
  | DeviceAccessEvent;

/** The name of a kind of event. */
export type MemoryEventKind = MemoryEvent['kind'];

/** How many events of each kind a stream has. */
export function countKinds(
  events: Iterable<MemoryEvent>,
): Partial<Record<MemoryEventKind, number>> {
  const counts: Partial<Record<MemoryEventKind, number>> = {};
  for (const { kind } of events) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
