/**
 * System calls as events, whichever tool recorded them.
 *
 * 1. `draftOf` makes the event when the call begins, `settle` completes it with the result.
 * 2. Arguments are numbers in the kernel's order. They are checked when the call has succeeded: a call that
 *    fails may pass anything.
 * 3. A draft has its final hidden class from the start; only values change.
 */
import { adviceByNumber, mapFlags, pageBytes, type EventBase, type MemoryEvent } from './events.ts';

type Writable<Type> = Type extends unknown ? { -readonly [Key in keyof Type]: Type[Key] } : never;

/** How a clone's child relates to its parent's memory; `undefined` while unknown. */
export type Sharing = 'thread' | 'memory' | 'copy' | undefined;

/** A clone of any sort; becomes a `fork` or a `threadStart`. */
export interface CloneDraft extends EventBase<'clone'> {
  readonly child: number;
  readonly sharing: Sharing;
}

/** The end of a thread; becomes an `exit` or an `exitThread`. */
export interface TaskExitDraft extends EventBase<'taskExit'> {
  /** Whether its process ended with it; `undefined` when the tool does not say. */
  readonly groupDead: boolean | undefined;
  /** It stands for all threads of the process: an exit_group of which the tool shows no single exits. */
  readonly wholeGroup: boolean;
}

/** An event, still to be assigned its address space: `process` is the process the tool names, -1 for none. */
export type Draft = Writable<MemoryEvent | CloneDraft | TaskExitDraft>;

/** Where and when a draft begins. */
export interface Moment {
  readonly process: number;
  readonly thread: number;
  readonly timeNs: number;
  readonly line: number;
}

/** Calls that make events, with the number of arguments that are needed of each. */
export const argumentsNeeded: ReadonlyMap<string, number> = new Map([
  ['mmap', 4],
  ['munmap', 2],
  ['mprotect', 3],
  ['pkey_mprotect', 3],
  ['madvise', 3],
  ['mremap', 4],
  ['brk', 1],
  ['clone', 1],
  ['clone3', 0],
  ['fork', 0],
  ['vfork', 0],
  ['execve', 0],
  ['execveat', 0],
  ['exit_group', 0],
]);

/** Calls on memory that raise no invalidation, or that this package does not model. */
export const callsIgnored: ReadonlySet<string> = new Set(
  (
    'mlock mlock2 mlockall munlock munlockall mincore msync mseal mbind get_mempolicy set_mempolicy ' +
    'set_mempolicy_home_node migrate_pages move_pages remap_file_pages shmat shmdt process_madvise ' +
    'map_shadow_stack pkey_alloc pkey_free membarrier exit'
  ).split(' '),
);

/** Calls that return twice: once in the parent with the child's number, once in the child with 0. */
export const clones: ReadonlySet<string> = new Set(['clone', 'clone3', 'fork', 'vfork']);

/** Bits of a clone's flags. Linux: include/uapi/linux/sched.h. */
const cloneVm = 0x100;
const cloneThread = 0x10000;

function sharingOf(name: string, flags: number | undefined): Sharing {
  if (name === 'fork') return 'copy';
  if (name === 'vfork') return 'memory';
  if (flags === undefined) return undefined;
  if (flags & cloneThread) return 'thread';
  return flags & cloneVm ? 'memory' : 'copy';
}

/** Whole pages, as the kernel rounds lengths. */
function pages(bytes: number): number {
  return Math.ceil(bytes / pageBytes) * pageBytes;
}

/** The event of a call of {@link argumentsNeeded}, with `endNs` and the result still open. */
export function draftOf(name: string, args: readonly number[], at: Moment): Draft {
  const { process, thread, timeNs: beginNs, line } = at;
  const endNs = beginNs;
  const address = args[0] ?? 0;
  const length = pages(args[1] ?? 0);
  switch (name) {
    case 'mmap': {
      const flags = args[3] ?? 0;
      const backing = flags & mapFlags.anonymous ? 'anonymous' : 'file';
      const protection = args[2] ?? 0;
      return {
        kind: 'mmap',
        process,
        thread,
        beginNs,
        endNs,
        line,
        address,
        length,
        protection,
        flags,
        backing,
      };
    }
    case 'munmap':
      return { kind: 'munmap', process, thread, beginNs, endNs, line, address, length };
    case 'mprotect':
    case 'pkey_mprotect': {
      const protection = args[2] ?? 0;
      return {
        kind: 'mprotect',
        process,
        thread,
        beginNs,
        endNs,
        line,
        address,
        length,
        protection,
      };
    }
    case 'madvise': {
      const advice = adviceByNumber.get(args[2] ?? -1) ?? 'other';
      return {
        kind: 'madvise',
        process,
        thread,
        beginNs,
        endNs,
        line,
        address,
        length,
        advice,
      };
    }
    case 'mremap': {
      const newLength = pages(args[2] ?? 0);
      const flags = args[3] ?? 0;
      return {
        kind: 'mremap',
        process,
        thread,
        beginNs,
        endNs,
        line,
        address,
        oldLength: length,
        newLength,
        newAddress: address,
        flags,
      };
    }
    case 'brk':
      return { kind: 'brk', process, thread, beginNs, endNs, line, address };
    case 'execve':
    case 'execveat':
      return { kind: 'exec', process, thread, beginNs, endNs, line, previous: process };
    case 'exit_group':
      return {
        kind: 'taskExit',
        process,
        thread,
        beginNs,
        endNs,
        line,
        groupDead: true,
        wholeGroup: true,
      };
    default: {
      const sharing = sharingOf(name, args[0]);
      return { kind: 'clone', process, thread, beginNs, endNs, line, child: 0, sharing };
    }
  }
}

/**
 * Completes a draft with its call's result, which is not negative.
 *
 * @returns why there is no event after all, or `undefined`
 */
export function settle(draft: Draft, result: number): string | undefined {
  switch (draft.kind) {
    case 'mmap':
    case 'brk':
      draft.address = result;
      break;
    case 'mremap':
      draft.newAddress = result;
      break;
    case 'clone':
      if (draft.child === 0) draft.child = result;
      break;
  }
  if (draft.kind === 'mremap') {
    return isRange(draft.address, draft.oldLength) && isRange(draft.newAddress, draft.newLength)
      ? undefined
      : beyond;
  }
  if ('length' in draft) {
    if (draft.length === 0) return 'empty range';
    return isRange(draft.address, draft.length) ? undefined : beyond;
  }
  if ('address' in draft) return Number.isSafeInteger(draft.address) ? undefined : beyond;
  return undefined;
}

/** The reason for which the vsyscall page and the kernel's own addresses are left out. */
export const beyond = 'address beyond 2^53';

function isRange(address: number, length: number): boolean {
  return Number.isSafeInteger(address + length) && address >= 0 && length >= 0;
}
